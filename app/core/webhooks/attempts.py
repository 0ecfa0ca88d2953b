"""Attempts: which deliveries are due, claimed so that no two workers send one, recorded when they are over.

One contact's deliveries to one endpoint go one after the other: only the oldest that waits is ever due. An endpoint
that fails again and again is left alone for a while, longer each time, and then asked by one attempt alone.
"""

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Integer, Table, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.core import audit
from app.core.webhooks import endpoints
from app.db import run
from app.models import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookMessage

GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
# Failures in a row after which an endpoint is paused.
PATIENCE = 10
_LONGEST_PAUSE_S = 900.0
_RETRY_AFTER_MAX_S = 3600.0
_DELIVERY = cast(Table, WebhookDelivery.__table__)
_S = timedelta(seconds=1)
# Asked many times a second, so they are put together once.
_IS_DUE = and_(
    WebhookDelivery.state == DeliveryState.WAITING.value,
    WebhookDelivery.next_attempt_at <= bindparam("at"),
    or_(WebhookDelivery.leased_until.is_(None), WebhookDelivery.leased_until <= bindparam("at")),
)
_DUE = (
    select(WebhookEndpoint)
    .where(
        WebhookEndpoint.deleted_at.is_(None),
        WebhookEndpoint.disabled_at.is_(None),
        or_(WebhookEndpoint.paused_until.is_(None), WebhookEndpoint.paused_until <= bindparam("at")),
        exists().where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, _IS_DUE),
    )
    .order_by(WebhookEndpoint.id)
)
_BEFORE = aliased(WebhookDelivery)
_IS_BEHIND_ANOTHER = exists().where(
    _BEFORE.endpoint_id == WebhookDelivery.endpoint_id,
    _BEFORE.ordering_key == WebhookDelivery.ordering_key,
    _BEFORE.state == DeliveryState.WAITING.value,
    _BEFORE.id < WebhookDelivery.id,
)
_CLAIM = (
    select(
        WebhookDelivery.id,
        WebhookDelivery.ordering_key,
        WebhookDelivery.attempts,
        WebhookDelivery.first_attempt_at,
        WebhookDelivery.give_up_at,
        WebhookMessage.public_id,
        WebhookMessage.body,
    )
    .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
    .where(WebhookDelivery.endpoint_id == bindparam("endpoint"), _IS_DUE, ~_IS_BEHIND_ANOTHER)
    .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(of=WebhookDelivery, skip_locked=True)
)
_TAKE = update(_DELIVERY).where(_DELIVERY.c.id == bindparam("delivery"))
_TAKE = _TAKE.values(lease_id=bindparam("mark"), leased_until=bindparam("until"))


@dataclass(frozen=True)
class Schedule:
    """When things happen again. ``delays_s``: after the first failure, the second …, the last for all others.

    ``lease``: how long an attempt belongs to its worker; longer than any attempt takes.
    """

    delays_s: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600)
    first_pause_s: float = 1.0
    lease: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Attempt:
    """One that was claimed: everything that sending takes, without the database."""

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


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. ``problem`` is null when an answer came; ``status`` is null when none did."""

    attempt: Attempt
    at: datetime
    request_headers: dict[str, str]
    status: int | None = None
    answer_headers: dict[str, str] | None = None
    answer: str | None = None
    problem: str | None = None
    duration_ms: int | None = None
    retry_after_s: float = 0.0

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def due(session: Session, *, at: datetime) -> list[WebhookEndpoint]:
    """The endpoints that something can be sent to now; takes no lock."""
    return list(session.scalars(_DUE, {"at": at}))


def claim(session: Session, endpoint: WebhookEndpoint, *, limit: int, lease: timedelta, at: datetime) -> list[Attempt]:
    """Up to ``limit`` attempts that belong to the caller until the lease is over. What others hold is passed over.

    :param endpoint: as ``due`` found it; one that was disabled or paused since hands out nothing
    """
    standing = session.get(WebhookEndpoint, endpoint.id, populate_existing=True)
    if standing is None or standing.deleted_at or standing.disabled_at or (standing.paused_until or at) > at:
        return []
    rows = session.execute(_CLAIM, {"endpoint": endpoint.id, "at": at, "most": limit}).all()
    if not rows:
        return []
    mark = secrets.token_hex(8)
    run(session, _TAKE, [{"delivery": row.id, "mark": mark, "until": at + lease} for row in rows])
    signing = endpoints.secrets_of(session, standing, at=at)
    return [
        Attempt(
            delivery_id=row.id,
            endpoint_id=standing.id,
            ordering_key=row.ordering_key,
            lease_id=mark,
            url=standing.url,
            signing_secrets=signing,
            message_id=row.public_id,
            body=row.body,
            number=row.attempts + 1,
            first_at=row.first_attempt_at or at,
            give_up_at=row.give_up_at,
        )
        for row in rows
    ]


def record(session: Session, outcomes: Sequence[Outcome], schedule: Schedule, *, at: datetime) -> None:
    """Write how attempts ended: delivered, due again later, or given up; and how their endpoints are.

    A failure counts only while its lease stands; a success always does, for it did arrive.
    """
    by_endpoint: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        by_endpoint.setdefault(outcome.attempt.endpoint_id, []).append(outcome)
    for endpoint_id, ended in sorted(by_endpoint.items()):
        # A lock that lets the router go on: its new deliveries refer to the endpoint.
        held = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update(key_share=True)
        endpoint = session.scalars(held.execution_options(populate_existing=True)).one()
        _note_health(session, endpoint, ended, schedule, at=at)
    session.flush()
    delivered = [_values(each, None, at=at) for each in outcomes if each.is_delivered]
    if delivered:
        run(session, _RECORD, delivered)
    failed = [(each, _next(each, schedule, at=at)) for each in outcomes if not each.is_delivered]
    if failed:
        run(session, _RECORD_IF_CLAIMED, [_values(outcome, again, at=at) for outcome, again in failed])
    put_back = [
        {
            "endpoint": each.attempt.endpoint_id,
            "ordering_key_": each.attempt.ordering_key,
            "after": each.attempt.delivery_id,
            "to": again,
        }
        for each, again in failed
        if again is not None and each.attempt.ordering_key is not None
    ]
    if put_back:
        run(session, _PUT_BACK, put_back)


_RECORDED = ("attempts", "first_attempt_at", "last_attempt_at", "state", "next_attempt_at", "delivered_at")
_SHOWN = (
    *("last_request_headers", "last_status", "last_answer_headers", "last_answer", "last_problem"),
    "last_duration_ms",
)
_RECORD = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("delivery"), _DELIVERY.c.state == DeliveryState.WAITING.value)
    .values(
        {name: bindparam(f"new_{name}") for name in (*_RECORDED, *_SHOWN)} | {"lease_id": None, "leased_until": None}
    )
)
_RECORD_IF_CLAIMED = _RECORD.where(_DELIVERY.c.lease_id == bindparam("mark"))
# Those behind one that failed are not due before it is: they need not be looked through meanwhile.
_PUT_BACK = (
    update(_DELIVERY)
    .where(
        _DELIVERY.c.endpoint_id == bindparam("endpoint"),
        _DELIVERY.c.ordering_key == bindparam("ordering_key_"),
        _DELIVERY.c.state == DeliveryState.WAITING.value,
        _DELIVERY.c.id > bindparam("after"),
        _DELIVERY.c.next_attempt_at < bindparam("to"),
    )
    .values(next_attempt_at=bindparam("to"))
)


def _next(outcome: Outcome, schedule: Schedule, *, at: datetime) -> datetime | None:
    """When a failed delivery is tried again, with some chance in it so that many do not come at once; null: never."""
    attempt = outcome.attempt
    if outcome.status == GONE:
        return None
    delay_s = schedule.delays_s[min(attempt.number, len(schedule.delays_s)) - 1]
    delay_s = max(delay_s, _asked_for_s(outcome))
    again = at + delay_s * random.uniform(0.8, 1.2) * _S  # noqa: S311 - spreads load, keeps no secret
    return again if again <= attempt.give_up_at else None


def _asked_for_s(outcome: Outcome) -> float:
    """For how long an endpoint asked to be left alone, an hour at most."""
    is_asking = outcome.status in {TOO_MANY, UNAVAILABLE}
    return min(outcome.retry_after_s, _RETRY_AFTER_MAX_S) if is_asking else 0.0


def _values(outcome: Outcome, again: datetime | None, *, at: datetime) -> dict[str, Any]:
    if outcome.is_delivered:
        state = DeliveryState.DELIVERED
    else:
        state = DeliveryState.FAILED if again is None else DeliveryState.WAITING
    recorded = {
        "attempts": outcome.attempt.number,
        "first_attempt_at": outcome.attempt.first_at,
        "last_attempt_at": outcome.at,
        "state": state.value,
        "next_attempt_at": again or at,
        "delivered_at": at if outcome.is_delivered else None,
        "last_request_headers": outcome.request_headers,
        "last_status": outcome.status,
        "last_answer_headers": outcome.answer_headers,
        "last_answer": outcome.answer,
        "last_problem": outcome.problem,
        "last_duration_ms": outcome.duration_ms,
    }
    which: dict[str, Any] = {"delivery": outcome.attempt.delivery_id}
    if not outcome.is_delivered:
        which["mark"] = outcome.attempt.lease_id
    return which | {f"new_{name}": value for name, value in recorded.items()}


def _note_health(
    session: Session, endpoint: WebhookEndpoint, ended: Sequence[Outcome], schedule: Schedule, *, at: datetime
) -> None:
    failures = [each for each in ended if not each.is_delivered]
    if len(failures) < len(ended):
        endpoint.last_success_at = at
        if endpoint.consecutive_failures >= PATIENCE:  # a pause that the endpoint asked for stands
            endpoint.paused_until = None
        endpoint.consecutive_failures = 0
    if failures:
        endpoint.last_failure_at = at
    if len(failures) == len(ended):
        _count_failures(endpoint, len(failures), schedule, at=at)
    if asked_s := max((_asked_for_s(each) for each in failures), default=0.0):
        endpoint.paused_until = max(endpoint.paused_until or at, at + asked_s * _S)
    if any(each.status == GONE for each in failures) and endpoint.disabled_at is None and endpoint.deleted_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = at, DisabledReason.GONE.value
        endpoint.updated_at = at
        subject = endpoints.subject_of(endpoint)
        audit.record(session, "system", "webhook_endpoint.disabled", subject, {"reason": "gone"}, at=at)


def _count_failures(endpoint: WebhookEndpoint, count: int, schedule: Schedule, *, at: datetime) -> None:
    if endpoint.paused_until is not None and at < endpoint.paused_until:
        return  # an attempt from before the pause
    before = endpoint.consecutive_failures
    endpoint.consecutive_failures = before + 1 if before >= PATIENCE else min(before + count, PATIENCE)
    if endpoint.consecutive_failures >= PATIENCE:
        doubled = schedule.first_pause_s * 2.0 ** min(endpoint.consecutive_failures - PATIENCE, 20)
        pause_s = min(doubled, _LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
        endpoint.paused_until = at + pause_s * _S
