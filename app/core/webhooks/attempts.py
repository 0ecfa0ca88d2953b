"""Attempts to deliver: which deliveries are due, claimed by one worker at a time, and recorded when they end.

Deliveries of one contact to one endpoint are sent one after the other: only the oldest waiting one can be due. An
endpoint that keeps failing is paused, longer each time. After a pause it gets one attempt.
"""

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.core import audit
from app.core.webhooks import endpoints
from app.db import run
from app.models import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookMessage

GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
# Consecutive failures after which an endpoint is paused.
PAUSE_AFTER = 10
_LONGEST_PAUSE_S = 900.0
_RETRY_AFTER_MAX_S = 3600.0
_DELIVERY, _S = WebhookDelivery.__table__, timedelta(seconds=1)
_IS_DUE = and_(
    WebhookDelivery.state == DeliveryState.WAITING.value,
    WebhookDelivery.next_attempt_at <= bindparam("at"),
    or_(WebhookDelivery.leased_until.is_(None), WebhookDelivery.leased_until <= bindparam("at")),
)
_FIND_DUE = (
    select(WebhookEndpoint)
    .where(
        WebhookEndpoint.deleted_at.is_(None),
        WebhookEndpoint.disabled_at.is_(None),
        or_(WebhookEndpoint.paused_until.is_(None), WebhookEndpoint.paused_until <= bindparam("at")),
        exists().where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, _IS_DUE),
    )
    .order_by(WebhookEndpoint.id)
)
_EARLIER = aliased(WebhookDelivery)
_WAITS_FOR_ANOTHER = exists().where(
    _EARLIER.endpoint_id == WebhookDelivery.endpoint_id,
    _EARLIER.ordering_key == WebhookDelivery.ordering_key,
    _EARLIER.state == DeliveryState.WAITING.value,
    _EARLIER.id < WebhookDelivery.id,
)
_FIND_CLAIMABLE = (
    select(
        WebhookDelivery.id,
        WebhookDelivery.ordering_key,
        WebhookDelivery.attempts,
        WebhookDelivery.earlier_attempts,
        WebhookDelivery.first_attempt_at,
        WebhookDelivery.give_up_at,
        WebhookMessage.public_id,
        WebhookMessage.body,
    )
    .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
    .where(WebhookDelivery.endpoint_id == bindparam("endpoint"), _IS_DUE, ~_WAITS_FOR_ANOTHER)
    .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=WebhookDelivery, skip_locked=True)
)
_LEASE = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("delivery"))
    .values(lease_id=bindparam("lease"), leased_until=bindparam("until"))
)


@dataclass(frozen=True)
class Schedule:
    """The delays of retries, pauses and leases.

    :param delays_s: after the first failure, the second …; the last one after all others
    :param lease: how long an attempt belongs to its worker; longer than any attempt takes
    """

    delays_s: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600)
    first_pause_s: float = 1.0
    lease: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Attempt:
    """One claimed delivery, with everything that is needed to send it without the database.

    :param number: of this attempt since the delivery was created or replayed; ``earlier``: attempts before a replay
    """

    delivery_id: int
    endpoint_id: int
    ordering_key: int | None
    lease_id: str
    url: str
    signing_secrets: tuple[str, ...] = field(repr=False)
    message_id: str
    body: dict[str, Any] = field(repr=False)
    number: int
    first_at: datetime
    give_up_at: datetime
    has_hub_signature: bool = False
    earlier: int = 0


@dataclass(frozen=True)
class AttemptOutcome:
    """How an attempt ended. ``problem`` is null when a response came, ``status`` when none came."""

    attempt: Attempt
    at: datetime
    request_headers: dict[str, str]
    status: int | None = None
    response_headers: dict[str, str] | None = None
    response: str | None = None
    problem: str | None = None
    duration_ms: int | None = None
    retry_after_s: float = 0.0

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def due(session: Session, *, at: datetime) -> list[WebhookEndpoint]:
    """The endpoints that have a delivery to be sent now. Takes no lock."""
    return list(session.scalars(_FIND_DUE, {"at": at}))


def claim(session: Session, endpoint: WebhookEndpoint, *, limit: int, lease: timedelta, at: datetime) -> list[Attempt]:
    """Up to ``limit`` attempts that belong to the caller until the lease ends. Leased deliveries are skipped.

    :param endpoint: as ``due`` returned it; nothing is claimed if it was disabled or paused since then
    """
    current = session.get(WebhookEndpoint, endpoint.id, populate_existing=True)
    if current is None or current.deleted_at or current.disabled_at or (current.paused_until or at) > at:
        return []
    if not (rows := session.execute(_FIND_CLAIMABLE, {"endpoint": endpoint.id, "at": at, "limit": limit}).all()):
        return []
    lease_id = secrets.token_hex(8)
    run(session, _LEASE, [{"delivery": row.id, "lease": lease_id, "until": at + lease} for row in rows])
    signing_secrets = endpoints.secrets_of(session, current, at=at)
    return [
        Attempt(
            delivery_id=row.id,
            endpoint_id=current.id,
            ordering_key=row.ordering_key,
            lease_id=lease_id,
            url=current.url,
            signing_secrets=signing_secrets,
            message_id=row.public_id,
            body=row.body,
            number=row.attempts + 1,
            earlier=row.earlier_attempts,
            first_at=row.first_attempt_at or at,
            give_up_at=row.give_up_at,
            has_hub_signature=current.has_hub_signature,
        )
        for row in rows
    ]


def record(session: Session, outcomes: Sequence[AttemptOutcome], schedule: Schedule, *, at: datetime) -> None:
    """Write how attempts ended (delivered, to be retried, or failed), and the health of their endpoints.

    A failure is recorded only while its lease is valid. A success is always recorded, because the message arrived.
    """
    by_endpoint: dict[int, list[AttemptOutcome]] = {}
    for outcome in outcomes:
        by_endpoint.setdefault(outcome.attempt.endpoint_id, []).append(outcome)
    for endpoint_id, ended in sorted(by_endpoint.items()):
        # This lock does not block routing, whose new deliveries refer to the endpoint.
        locked = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update(key_share=True)
        endpoint = session.scalars(locked.execution_options(populate_existing=True)).one()
        _update_health(session, endpoint, ended, schedule, at=at)
    session.flush()
    delivered = [_values(each, None, at=at) for each in outcomes if each.is_delivered]
    if delivered:
        run(session, _RECORD, delivered)
    failed = [(each, _retry_at(each, schedule, at=at)) for each in outcomes if not each.is_delivered]
    if failed:
        run(session, _RECORD_IF_LEASED, [_values(outcome, retry_at, at=at) for outcome, retry_at in failed])
    postponed = [
        {
            "endpoint": each.attempt.endpoint_id,
            "ordering_key_": each.attempt.ordering_key,
            "after": each.attempt.delivery_id,
            "until": retry_at,
        }
        for each, retry_at in failed
        if retry_at is not None and each.attempt.ordering_key is not None
    ]
    if postponed:
        run(session, _POSTPONE, postponed)


_STATE_COLUMNS = ("attempts", "first_attempt_at", "last_attempt_at", "state", "next_attempt_at", "delivered_at")
_DETAIL_COLUMNS = (
    *("last_request_headers", "last_status", "last_answer_headers", "last_answer"),
    *("last_problem", "last_duration_ms"),
)
_RECORD = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("delivery"), _DELIVERY.c.state == DeliveryState.WAITING.value)
    .values(
        {name: bindparam(f"new_{name}") for name in (*_STATE_COLUMNS, *_DETAIL_COLUMNS)}
        | {"lease_id": None, "leased_until": None}
    )
)
_RECORD_IF_LEASED = _RECORD.where(_DELIVERY.c.lease_id == bindparam("lease"))
# Deliveries that wait for a failed one are postponed with it, so that finding due deliveries does not scan them.
_POSTPONE = (
    update(_DELIVERY)
    .where(
        _DELIVERY.c.endpoint_id == bindparam("endpoint"),
        _DELIVERY.c.ordering_key == bindparam("ordering_key_"),
        _DELIVERY.c.state == DeliveryState.WAITING.value,
        _DELIVERY.c.id > bindparam("after"),
        _DELIVERY.c.next_attempt_at < bindparam("until"),
    )
    .values(next_attempt_at=bindparam("until"))
)


def _retry_at(outcome: AttemptOutcome, schedule: Schedule, *, at: datetime) -> datetime | None:
    """The time of the next attempt after a failure, with random jitter; null when there is none."""
    attempt = outcome.attempt
    if outcome.status == GONE:
        return None
    delay_s = schedule.delays_s[min(attempt.number, len(schedule.delays_s)) - 1]
    delay_s = max(delay_s, _requested_pause_s(outcome))
    retry_at = at + delay_s * random.uniform(0.8, 1.2) * _S  # noqa: S311 - spreads load, keeps no secret
    return retry_at if retry_at <= attempt.give_up_at else None


def _requested_pause_s(outcome: AttemptOutcome) -> float:
    """The pause that the endpoint requested by ``Retry-After``, at most an hour."""
    is_requested = outcome.status in {TOO_MANY, UNAVAILABLE}
    return min(outcome.retry_after_s, _RETRY_AFTER_MAX_S) if is_requested else 0.0


def _values(outcome: AttemptOutcome, retry_at: datetime | None, *, at: datetime) -> dict[str, Any]:
    if outcome.is_delivered:
        state = DeliveryState.DELIVERED
    else:
        state = DeliveryState.FAILED if retry_at is None else DeliveryState.WAITING
    recorded = {
        "attempts": outcome.attempt.number,
        "first_attempt_at": outcome.attempt.first_at,
        "last_attempt_at": outcome.at,
        "state": state.value,
        "next_attempt_at": retry_at or at,
        "delivered_at": at if outcome.is_delivered else None,
        "last_request_headers": outcome.request_headers,
        "last_status": outcome.status,
        "last_answer_headers": outcome.response_headers,
        "last_answer": outcome.response,
        "last_problem": outcome.problem,
        "last_duration_ms": outcome.duration_ms,
    }
    bound: dict[str, Any] = {"delivery": outcome.attempt.delivery_id}
    if not outcome.is_delivered:
        bound["lease"] = outcome.attempt.lease_id
    return bound | {f"new_{name}": value for name, value in recorded.items()}


def _update_health(
    session: Session, endpoint: WebhookEndpoint, ended: Sequence[AttemptOutcome], schedule: Schedule, *, at: datetime
) -> None:
    failures = [each for each in ended if not each.is_delivered]
    if len(failures) < len(ended):
        endpoint.last_success_at = at
        if endpoint.consecutive_failures >= PAUSE_AFTER:  # a pause that the endpoint requested stays
            endpoint.paused_until = None
        endpoint.consecutive_failures = 0
    if failures:
        endpoint.last_failure_at = at
    if len(failures) == len(ended):
        _count_failures(endpoint, len(failures), schedule, at=at)
    if pause_s := max((_requested_pause_s(each) for each in failures), default=0.0):
        endpoint.paused_until = max(endpoint.paused_until or at, at + pause_s * _S)
    if any(each.status == GONE for each in failures) and endpoint.disabled_at is None and endpoint.deleted_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = at, DisabledReason.GONE.value
        endpoint.updated_at = at
        subject = endpoints.subject_of(endpoint)
        audit.record(session, "system", "webhook_endpoint.disabled", subject, {"reason": "gone"}, at=at)


def _count_failures(endpoint: WebhookEndpoint, count: int, schedule: Schedule, *, at: datetime) -> None:
    if endpoint.paused_until is not None and at < endpoint.paused_until:
        return  # an attempt from before the pause
    before = endpoint.consecutive_failures
    endpoint.consecutive_failures = before + 1 if before >= PAUSE_AFTER else min(before + count, PAUSE_AFTER)
    if endpoint.consecutive_failures >= PAUSE_AFTER:
        doubled = schedule.first_pause_s * 2.0 ** min(endpoint.consecutive_failures - PAUSE_AFTER, 20)
        pause_s = min(doubled, _LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
        endpoint.paused_until = at + pause_s * _S
