"""Deliveries: list, count, replay and purge them. ``attempts`` claims and records them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Delete, case, delete, func, literal, or_, select, update
from sqlalchemy.orm import Session

from app.core import audit, idempotency
from app.core.errors import InvalidState, NotFound
from app.core.webhooks import endpoints, problems
from app.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookMessage

PAGE = 30
BATCH = 1000
# No retry, pause or lease lasts as long.
_FAR = timedelta(days=1)
_WITHOUT_SYNC: dict[str, Any] = {"synchronize_session": False}
# Rows deleted in one transaction. Small, because SQLite's other writers wait for it.
_PURGE_BATCH = 2000


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
    """The number of deliveries of one endpoint, counted up to ``most``."""
    found = select(WebhookDelivery.id).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state is not None:
        found = found.where(WebhookDelivery.state == state.value)
    return session.execute(select(func.count()).select_from(found.limit(most).subquery())).scalar_one()


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
    """Send one delivery again with the same message id, before all others that wait, even if the endpoint is paused.

    :raises NotFound: there is no such endpoint or delivery
    :raises InvalidState: the endpoint is disabled, or the delivery was not attempted yet
    """
    endpoint, first_at = endpoints.end_pause(session, endpoint_id, at=at)
    replayed = find(session, endpoint_id, delivery_id)
    if replayed.message.contact_id is not None:
        idempotency.add_subject(session, replayed.message.contact_id)
    found = replayed.delivery
    session.refresh(found, with_for_update=True)
    if found.state == DeliveryState.WAITING and found.attempts == 0:
        raise InvalidState("This one is on its way already.")
    if found.state == DeliveryState.WAITING:
        found.next_attempt_at = first_at
        _bring_forward(session, found, at=at)
    else:
        found.earlier_attempts += found.attempts
        for name, value in (_new_values(at) | {"next_attempt_at": first_at}).items():
            setattr(found, name, value)
    _audit(session, endpoint, actor, {"deliveries": 1}, at=at)
    session.flush()
    return found


def replay_failed(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> int:
    """Send failed deliveries again, the oldest first, up to ``BATCH`` of them. Returns how many.

    :raises InvalidState: the endpoint is disabled
    """
    endpoint = endpoints.enabled(session, endpoint_id)
    failed = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == DeliveryState.FAILED.value)
        .order_by(WebhookDelivery.id)
        .limit(BATCH)
    )
    ids = list(session.scalars(failed.with_for_update(skip_locked=True)))
    if ids:
        # They keep their ordering key, so that one contact's events arrive in order again.
        values = {name: value for name, value in _new_values(at).items() if name != "ordering_key"}
        values["earlier_attempts"] = WebhookDelivery.earlier_attempts + WebhookDelivery.attempts
        session.execute(update(WebhookDelivery).where(WebhookDelivery.id.in_(ids)).values(**values))
        _audit(session, endpoint, actor, {"deliveries": len(ids)}, at=at)
    session.flush()
    return len(ids)


def is_any_ahead(session: Session, *, at: datetime) -> bool:
    """Whether ``set_back`` would find one. Takes no lock."""
    return any(session.execute(select(model.id).where(*are).limit(1)).first() for model, are in _ahead(at))


def set_back(session: Session, *, at: datetime) -> None:
    """Make due what waits for a time that a clock years ahead has set: no attempt and no pause is a day away."""
    (_, deliveries), (_, paused) = _ahead(at)
    again = {"next_attempt_at": at, "give_up_at": at + endpoints.GIVE_UP_AFTER, "lease_id": None, "leased_until": None}
    session.execute(update(WebhookDelivery).where(*deliveries).values(**again), execution_options=_WITHOUT_SYNC)
    session.execute(update(WebhookEndpoint).where(*paused).values(paused_until=at), execution_options=_WITHOUT_SYNC)


def _ahead(at: datetime) -> tuple[tuple[Any, tuple[ColumnElement[bool], ...]], ...]:
    far = at + _FAR
    is_ahead = or_(WebhookDelivery.next_attempt_at > far, WebhookDelivery.leased_until > far)
    return (
        (WebhookDelivery, (WebhookDelivery.state == DeliveryState.WAITING.value, is_ahead)),
        (WebhookEndpoint, (WebhookEndpoint.paused_until > far,)),
    )


def late(session: Session, *, at: datetime) -> list[int]:
    """The ids of up to ``BATCH`` deliveries that wait beyond ``give_up_at`` and are not being sent."""
    return list(session.scalars(select(WebhookDelivery.id).where(*_is_late(at)).limit(BATCH)))


def give_up(session: Session, late_ids: Sequence[int], *, at: datetime) -> None:
    """Mark late deliveries as failed. Many were never attempted: a failing endpoint gets one attempt at a time."""
    problem = func.coalesce(
        WebhookDelivery.last_problem, case((WebhookDelivery.last_attempt_at.is_(None), literal(problems.NEVER_SENT)))
    )
    given_up = update(WebhookDelivery).where(WebhookDelivery.id.in_(late_ids), *_is_late(at))
    failed = {"state": DeliveryState.FAILED.value, "lease_id": None, "leased_until": None, "last_problem": problem}
    session.execute(given_up.values(**failed), execution_options=_WITHOUT_SYNC)


def purge_expired(session: Session, *, created_before: datetime) -> int:
    """Delete one batch of old deliveries, of deliveries to deleted endpoints, and of old messages without deliveries.

    Waiting deliveries are kept: an old one may have been replayed. Returns how many rows were deleted; call it until
    that is 0.
    """
    deleted = select(WebhookEndpoint.id).where(WebhookEndpoint.deleted_at.is_not(None))
    is_to_deleted = WebhookDelivery.endpoint_id.in_(deleted)
    has_ended = WebhookDelivery.state != DeliveryState.WAITING.value
    return (
        _delete_some(session, WebhookDelivery, WebhookDelivery.created_at < created_before, has_ended)
        + _delete_some(session, WebhookDelivery, is_to_deleted)
        + _delete_some(
            session,
            WebhookMessage,
            WebhookMessage.created_at < created_before,
            ~select(WebhookDelivery.id).where(WebhookDelivery.message_id == WebhookMessage.id).exists(),
        )
    )


def delete_for_contact(session: Session, contact_id: int) -> None:
    """Delete all messages about one contact and their deliveries, for its erasure.

    Call it before the outbox event of the erasure itself is written.
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


def _new_values(at: datetime) -> dict[str, Any]:
    return {
        "state": DeliveryState.WAITING.value,
        "ordering_key": None,
        "attempts": 0,
        "delivered_at": None,
        "next_attempt_at": at,
        "give_up_at": at + endpoints.GIVE_UP_AFTER,
        "lease_id": None,
        "leased_until": None,
    }


def _bring_forward(session: Session, first: WebhookDelivery, *, at: datetime) -> None:
    """Make the later deliveries with the same ordering key due, which were postponed with the first."""
    behind = (
        WebhookDelivery.endpoint_id == first.endpoint_id,
        WebhookDelivery.ordering_key == first.ordering_key,
        WebhookDelivery.state == DeliveryState.WAITING.value,
        WebhookDelivery.id > first.id,
        WebhookDelivery.next_attempt_at > at,
    )
    session.execute(update(WebhookDelivery).where(*behind).values(next_attempt_at=at), execution_options=_WITHOUT_SYNC)


def _delete_some(session: Session, model: type[WebhookDelivery | WebhookMessage], *which: Any) -> int:
    ids: Sequence[int] = session.scalars(select(model.id).where(*which).limit(_PURGE_BATCH)).all()
    if not ids:
        return 0
    statement: Delete = delete(model).where(model.id.in_(ids))
    return int(cast(Any, session.execute(statement)).rowcount)


def _audit(session: Session, endpoint: WebhookEndpoint, actor: str, details: dict[str, Any], *, at: datetime) -> None:
    audit.record(session, actor, "webhook_endpoint.replayed", endpoints.subject_of(endpoint), details, at=at)
