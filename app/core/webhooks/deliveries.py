"""Deliveries: looked at, sent again, forgotten. How they are claimed and recorded is in ``attempts``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Delete, case, delete, func, literal, or_, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidState, NotFound
from app.core.webhooks import endpoints
from app.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookMessage

PAGE = 30
MOST_AT_ONCE = 1000
_LATER: dict[str, Any] = {"synchronize_session": False}
# Rows that one transaction of housekeeping deletes: SQLite's writers wait for it.
_FORGOTTEN_AT_ONCE = 2000
_NEVER_SENT = "It was never sent: the endpoint failed or was disabled until the time was over."


@dataclass(frozen=True)
class DeliveryWithMessage:
    """A delivery with its message."""

    delivery: WebhookDelivery
    message: WebhookMessage


def newest(
    session: Session,
    endpoint_id: int,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[DeliveryWithMessage]:
    """Deliveries of one endpoint, the newest first.

    :param before: the id of the last one on the page before
    """
    query = (
        select(WebhookDelivery, WebhookMessage)
        .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
        .where(WebhookDelivery.endpoint_id == endpoint_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(WebhookDelivery.state == state.value)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    return [DeliveryWithMessage(row[0], row[1]) for row in session.execute(query)]


def count(session: Session, endpoint_id: int, *, state: DeliveryState | None, most: int) -> int:
    """How many deliveries of one endpoint there are, at most ``most``."""
    theirs = select(WebhookDelivery.id).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state is not None:
        theirs = theirs.where(WebhookDelivery.state == state.value)
    return session.execute(select(func.count()).select_from(theirs.limit(most).subquery())).scalar_one()


def find(session: Session, endpoint_id: int, delivery_id: int) -> DeliveryWithMessage:
    """:raises NotFound: this endpoint has no such delivery"""
    row = session.execute(
        select(WebhookDelivery, WebhookMessage)
        .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
        .where(WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such delivery.")
    return DeliveryWithMessage(row[0], row[1])


def replay(session: Session, endpoint_id: int, delivery_id: int, *, actor: str, at: datetime) -> WebhookDelivery:
    """Send one again at once, with the id it had, whether it arrived or was given up; it waits for no other.

    It goes before all that waits, also when the endpoint is paused.

    :raises NotFound: there is no such endpoint or delivery
    :raises InvalidState: the endpoint is disabled, or the delivery waits for its turn anyway
    """
    endpoint, first = endpoints.put_first(session, endpoint_id, at=at)
    found = find(session, endpoint_id, delivery_id).delivery
    session.refresh(found, with_for_update=True)
    if found.state == DeliveryState.WAITING and found.attempts == 0:
        raise InvalidState("This one is on its way already.")
    if found.state == DeliveryState.WAITING:
        found.next_attempt_at = first
        _bring_forward(session, found, at=at)
    else:
        for name, value in (_again(at) | {"next_attempt_at": first}).items():
            setattr(found, name, value)
    _note(session, endpoint, actor, {"deliveries": 1}, at=at)
    session.flush()
    return found


def replay_failed(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> int:
    """Send again what was given up, the oldest first, at most a thousand at once; how many comes back.

    :raises InvalidState: the endpoint is disabled
    """
    endpoint = endpoints.enabled(session, endpoint_id)
    failed = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == DeliveryState.FAILED.value)
        .order_by(WebhookDelivery.id)
        .limit(MOST_AT_ONCE)
    )
    ids = list(session.scalars(failed.with_for_update(skip_locked=True)))
    if ids:
        # they keep their ordering_key, so that one contact's events come in their order again
        again = {name: value for name, value in _again(at).items() if name != "ordering_key"}
        session.execute(update(WebhookDelivery).where(WebhookDelivery.id.in_(ids)).values(**again))
        _note(session, endpoint, actor, {"deliveries": len(ids)}, at=at)
    session.flush()
    return len(ids)


def late(session: Session, *, at: datetime) -> list[int]:
    """Some of those that still wait when their time is over; an attempt that is under way ends by itself."""
    return list(session.scalars(select(WebhookDelivery.id).where(*_is_late(at)).limit(MOST_AT_ONCE)))


def give_up(session: Session, late_ids: Sequence[int], *, at: datetime) -> None:
    """Give up what is late, tried or not: at a dead endpoint one attempt asks for all, so most were not."""
    said = func.coalesce(
        WebhookDelivery.last_problem, case((WebhookDelivery.last_attempt_at.is_(None), literal(_NEVER_SENT)))
    )
    given_up = update(WebhookDelivery).where(WebhookDelivery.id.in_(late_ids), *_is_late(at))
    failed = {"state": DeliveryState.FAILED.value, "lease_id": None, "leased_until": None, "last_problem": said}
    session.execute(given_up.values(**failed), execution_options=_LATER)


def forget(session: Session, *, created_before: datetime) -> int:
    """Delete some of the deliveries that are too old or whose endpoint is deleted, and messages that nobody needs.

    What waits is not old, whenever it was made: it may have been sent again. How many rows were deleted comes back;
    call again until none are.
    """
    gone = select(WebhookEndpoint.id).where(WebhookEndpoint.deleted_at.is_not(None))
    of_gone = WebhookDelivery.endpoint_id.in_(gone)
    is_over = WebhookDelivery.state != DeliveryState.WAITING.value
    return (
        _delete_some(session, WebhookDelivery, WebhookDelivery.created_at < created_before, is_over)
        + _delete_some(session, WebhookDelivery, of_gone)
        + _delete_some(
            session,
            WebhookMessage,
            WebhookMessage.created_at < created_before,
            ~select(WebhookDelivery.id).where(WebhookDelivery.message_id == WebhookMessage.id).exists(),
        )
    )


def forget_contact(session: Session, contact_id: int) -> None:
    """Delete all that was or would be told of one contact, for its erasure.

    Call it before the event that tells of the erasure itself is written.
    """
    messages = select(WebhookMessage.id).where(WebhookMessage.contact_id == contact_id)
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.message_id.in_(messages)))
    session.execute(delete(WebhookMessage).where(WebhookMessage.contact_id == contact_id))


def _is_late(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        WebhookDelivery.state == DeliveryState.WAITING.value,
        WebhookDelivery.give_up_at <= at,
        or_(WebhookDelivery.leased_until.is_(None), WebhookDelivery.leased_until <= at),
    )


def _again(at: datetime) -> dict[str, Any]:
    return {
        "state": DeliveryState.WAITING.value,
        "ordering_key": None,
        "attempts": 0,
        "first_attempt_at": None,
        "delivered_at": None,
        "next_attempt_at": at,
        "give_up_at": at + endpoints.GIVE_UP_AFTER,
        "lease_id": None,
        "leased_until": None,
    }


def _bring_forward(session: Session, first: WebhookDelivery, *, at: datetime) -> None:
    """Those of its contact that were put back behind it follow at once."""
    behind = (
        WebhookDelivery.endpoint_id == first.endpoint_id,
        WebhookDelivery.ordering_key == first.ordering_key,
        WebhookDelivery.state == DeliveryState.WAITING.value,
        WebhookDelivery.id > first.id,
        WebhookDelivery.next_attempt_at > at,
    )
    session.execute(update(WebhookDelivery).where(*behind).values(next_attempt_at=at), execution_options=_LATER)


def _delete_some(session: Session, model: type[WebhookDelivery | WebhookMessage], *which: Any) -> int:
    ids: Sequence[int] = session.scalars(select(model.id).where(*which).limit(_FORGOTTEN_AT_ONCE)).all()
    if not ids:
        return 0
    statement: Delete = delete(model).where(model.id.in_(ids))
    return int(cast(Any, session.execute(statement)).rowcount)


def _note(session: Session, endpoint: WebhookEndpoint, actor: str, details: dict[str, Any], *, at: datetime) -> None:
    audit.record(session, actor, "webhook_endpoint.replayed", endpoints.subject_of(endpoint), details, at=at)
