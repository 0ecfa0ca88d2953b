"""Suppressions: numbers that must not be texted."""

from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.consent import suppression_lists, suppressions
from app.core.consent.suppression_lists import Filter
from app.core.contacts.search import COUNTED_MAX
from app.models import Suppression
from app.schemas.suppression import (
    SUPPRESSION_COLUMNS,
    DecisionSchema,
    LiftedSuppressionSchema,
    NewSuppressionSchema,
    ResolvedSuppressionSchema,
    SuppressionListSchema,
    SuppressionPagingSchema,
    SuppressionSchema,
)
from app.web.api import auth, numbers, pagination
from app.web.api.blueprint import ApiBlueprint

blueprint = ApiBlueprint("suppressions", __name__, description="Numbers that must not be texted.")
PER_PAGE = 50


@blueprint.get("/suppressions")
@blueprint.arguments(SuppressionPagingSchema, location="query")
@blueprint.response(200, SuppressionListSchema)
def list_suppressions(query: dict[str, Any]) -> dict[str, Any]:
    """List numbers that must not be texted.

    Their order has no meaning. Those with the cause `review` wait for a decision. Where nothing is found by a `phone`
    that has no country code, and the workspace has no default country, this is 400 `phone_country_code_missing`.
    """
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    after = str(request.key[0]) if request.key else None
    only = Filter(query["phone"], query["cause"])
    found = suppression_lists.page(session, only, after=after, limit=request.per_page + 1)
    if only.phone_number and not found:
        numbers.refuse_without_country(session, only.phone_number)
    return pagination.by_key(
        request,
        found,
        lambda each: each.phone_hash,
        lambda: pagination.capped(suppression_lists.count(session, only, most=COUNTED_MAX), COUNTED_MAX),
    )


@blueprint.post("/suppressions", errors=(409, 422))
@blueprint.arguments(NewSuppressionSchema)
@blueprint.commit(SuppressionSchema, creates=True)
def create_suppression(session: Session, body: dict[str, Any]) -> Suppression:
    """Stop texts to a number, whichever contact has it.

    A number that is suppressed already stays as it is, with the cause that it has.
    """
    return suppressions.add(session, body["phone"], body["note"], actor=auth.caller().actor, at=clock.now())


@blueprint.get("/suppressions/<suppression_id>", errors=(404,))
@blueprint.response(200, SuppressionSchema)
def find_suppression(suppression_id: str) -> Suppression:
    """Find a suppression by its id."""
    return suppressions.find(auth.read_session(), suppression_id)


@blueprint.delete("/suppressions/<suppression_id>", errors=(404, 409))
@blueprint.commit(LiftedSuppressionSchema)
def lift_suppression(session: Session, suppression_id: str) -> Suppression:
    """Lift a suppression that was made by hand.

    `suppressed`: the number's holder asked for it; no one else lifts that. `invalid_state`: it is under review, and
    waits for a decision.
    """
    return suppressions.lift(session, suppression_id, actor=auth.caller().actor, at=clock.now())


@blueprint.post("/suppressions/<suppression_id>/resolve", errors=(404, 409))
@blueprint.arguments(DecisionSchema)
@blueprint.commit(ResolvedSuppressionSchema)
def resolve_suppression(session: Session, body: dict[str, Any], suppression_id: str) -> dict[str, Any]:
    """Decide about a number under review.

    `keep` stops texts permanently: the cause becomes `keyword`, as if the number's holder had asked for it, and only
    they can lift it. `release` lifts it. `invalid_state`: it is not under review.
    """
    is_kept = body["decision"] == "keep"
    decide = suppressions.keep if is_kept else suppressions.release
    found = decide(session, suppression_id, body["note"], actor=auth.caller().actor, at=clock.now())
    return {name: getattr(found, name) for name in SUPPRESSION_COLUMNS} | {"lifted": not is_kept}
