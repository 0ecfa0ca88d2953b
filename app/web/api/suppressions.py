"""Numbers that must not be texted."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.consent import suppressions
from app.core.contacts.search import COUNTED_MAX
from app.schemas.workspace import (
    NewSuppressionSchema,
    SuppressionListSchema,
    SuppressionPagingSchema,
    SuppressionSchema,
    suppression_body,
)
from app.web.api import auth as callers
from app.web.api import pagination as cursors
from app.web.api.blueprint import Room
from app.web.api.responses import Body, answer, written

room = Room("suppressions", __name__, url_prefix="/api", description="Numbers that must not be texted.")
PER_PAGE = 50


@room.call("GET", "/suppressions", SuppressionListSchema, query=SuppressionPagingSchema)
def list_suppressions(paging: dict[str, Any]) -> Response:
    """List numbers that must not be texted, whatever the cause; in no order that means anything."""
    session, per_page = callers.looking(), paging["per_page"] or PER_PAGE
    place = cursors.read(paging["starting_after"], keys=1)
    after = str(place.key[0]) if place.key else None
    found = suppressions.page(session, phone_number=paging["phone"], after=after, limit=per_page + 1)
    key = (found[per_page - 1].phone_hash,) if len(found) > per_page else None
    total = place.total
    if total is None:
        total = suppressions.count(session, most=COUNTED_MAX) if key else len(found)
    page = cursors.Page(found[:per_page], key, total, is_minimum=total >= COUNTED_MAX)
    return answer(cursors.listed(page, place, per_page, suppression_body))


@room.call("POST", "/suppressions", SuppressionSchema, body=NewSuppressionSchema, errors=(409,))
def create_suppression(asked: dict[str, Any]) -> Response:
    """Stop texts to a number, whoever holds it.

    A number that is suppressed already stays as it is, with the cause that it has.
    """

    def act(session: Session) -> Body:
        actor = callers.current().actor
        return suppression_body(suppressions.add(session, asked["phone"], asked["note"], actor=actor, at=clock.now()))

    return written(act)


@room.call("GET", "/suppressions/<suppression_id>", SuppressionSchema, errors=(404,))
def find_suppression(suppression_id: str) -> Response:
    """Find a suppression by its id."""
    return answer(suppression_body(suppressions.find(callers.looking(), suppression_id)))


@room.call("DELETE", "/suppressions/<suppression_id>", SuppressionSchema, errors=(404, 409))
def lift_suppression(suppression_id: str) -> Response:
    """Lift a suppression that was made by hand.

    `suppressed`: the number's holder asked for it; nobody else lifts that.
    """

    def act(session: Session) -> Body:
        lifted = suppressions.lift(session, suppression_id, actor=callers.current().actor, at=clock.now())
        return suppression_body(lifted) | {"lifted": True}

    return written(act)
