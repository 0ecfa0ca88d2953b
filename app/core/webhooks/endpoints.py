"""Webhook endpoints: create, change, disable and delete them, and rotate their secrets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import Subquery, func, literal, select, union_all, update
from sqlalchemy.orm import Session

from app import http_client as http
from app.config import Settings
from app.core import audit
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.signing import keys_of
from app.core.webhooks import signatures
from app.core.webhooks.topics import HEAD_TOPIC as HEAD_TOPIC  # surfaces and jobs import both from here
from app.core.webhooks.topics import TOPICS as TOPICS
from app.http_client import Reach
from app.models import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint

ENDPOINTS_MAX = 50
BOTH_SECRETS_FOR = timedelta(hours=24)
# Counted from when a delivery is created or replayed, or its endpoint is enabled.
GIVE_UP_AFTER = timedelta(days=3)
# Counts on pages and in responses stop here.
COUNT_MAX = 10_000


@dataclass(frozen=True)
class EndpointChange:
    """The new address and topics of an endpoint; null leaves one as it is."""

    url: str | None = None
    topics: Sequence[str] | None = None


@dataclass(frozen=True)
class Counts:
    """How many deliveries of an endpoint wait, and how many failed."""

    waiting: int = 0
    failed: int = 0


def reach_of(settings: Settings) -> Reach:
    """Which addresses webhooks may be sent to: the internet, and in development this machine too."""
    return Reach.LOOPBACK_TOO if settings.allow_loopback else Reach.INTERNET


def create(
    session: Session, url: str, topics: Iterable[str], *, reach: Reach, actor: str, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint. Returns it and its secret, which is not shown again.

    :raises InvalidInput: the address (``url``) or a topic (``topics``) is refused
    :raises InvalidState: there are ``ENDPOINTS_MAX`` endpoints already
    """
    if len(find_all(session)) >= ENDPOINTS_MAX:
        raise InvalidState("There can be %(most)s endpoints. Delete one that is not used any more.", most=ENDPOINTS_MAX)
    secret = signatures.new_secret()
    endpoint = WebhookEndpoint(
        url=read_url(url, reach),
        topics=read_topics(topics),
        secret=signatures.encrypt(keys_of(session), secret),
        enabled_at=at,
        created_by=actor,
        created_at=at,
        updated_at=at,
    )
    session.add(endpoint)
    session.flush()
    _audit(session, endpoint, "created", actor, at=at, topics=endpoint.topics)
    return endpoint, secret


def set_hub_signature(session: Session, endpoint_id: int, *, is_on: bool, actor: str, at: datetime) -> WebhookEndpoint:
    """Choose whether requests carry ``X-Hub-Signature``, for receivers that verify webhooks as Intercom signs them."""
    endpoint = _lock(session, endpoint_id)
    if endpoint.has_hub_signature != is_on:
        details = audit.changes({"hub_signature": endpoint.has_hub_signature}, {"hub_signature": is_on})
        endpoint.has_hub_signature, endpoint.updated_at = is_on, at
        _audit(session, endpoint, "changed", actor, at=at, **details)
    session.flush()
    return endpoint


def find(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """:raises NotFound: there is no endpoint with this id, or it was deleted"""
    endpoint = session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or endpoint.deleted_at is not None:
        raise NotFound("There is no such webhook endpoint.")
    return endpoint


def find_all(session: Session) -> list[WebhookEndpoint]:
    """Every endpoint, the oldest first."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None))
    return list(session.scalars(query.order_by(WebhookEndpoint.id)))


def is_topic_chosen(session: Session, topic: str) -> bool:
    """Whether an enabled endpoint chose this topic."""
    return any(topic in each.topics for each in find_all(session) if each.disabled_at is None)


def counts(session: Session, counted: Iterable[WebhookEndpoint]) -> dict[int, Counts]:
    """The counts of these endpoints by id, each up to ``COUNT_MAX``."""
    queries = [
        select(literal(endpoint.id), literal(state), func.count()).select_from(_up_to_max(endpoint.id, state))
        for endpoint in counted
        for state in (DeliveryState.WAITING.value, DeliveryState.FAILED.value)
    ]
    found: dict[int, dict[str, int]] = {}
    for endpoint_id, state, count in session.execute(union_all(*queries)) if queries else ():
        found.setdefault(endpoint_id, {})[state] = count
    return {endpoint_id: Counts(**by_state) for endpoint_id, by_state in found.items()}


def change(
    session: Session, endpoint_id: int, given: EndpointChange, *, reach: Reach, actor: str, at: datetime
) -> WebhookEndpoint:
    """Change the address, the topics, or both. Waiting deliveries are sent to a new address immediately.

    :raises InvalidInput: as ``create``
    """
    endpoint = _lock(session, endpoint_id)
    values: dict[str, Any] = {}
    if given.url is not None:
        values["url"] = read_url(given.url, reach)
    if given.topics is not None:
        values["topics"] = read_topics(given.topics)
    changed = {name: value for name, value in values.items() if getattr(endpoint, name) != value}
    details = _described_changes(endpoint, changed)
    for name, value in changed.items():
        setattr(endpoint, name, value)
    if changed:
        if "url" in changed:
            _reset_failures(endpoint)
            _update_waiting(session, endpoint, next_attempt_at=at)
        endpoint.updated_at = at
        _audit(session, endpoint, "changed", actor, at=at, **details)
    session.flush()
    return endpoint


def rotate_secret(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> tuple[WebhookEndpoint, str]:
    """Replace the secret. Returns the endpoint and the new secret; the previous one also signs for 24 hours."""
    endpoint, secret = _lock(session, endpoint_id), signatures.new_secret()
    endpoint.previous_secret, endpoint.previous_secret_until = endpoint.secret, at + BOTH_SECRETS_FOR
    endpoint.secret = signatures.encrypt(keys_of(session), secret)
    endpoint.updated_at = at
    _audit(session, endpoint, "secret_rotated", actor, at=at)
    session.flush()
    return endpoint, secret


def secrets_of(session: Session, endpoint: WebhookEndpoint, *, at: datetime) -> tuple[str, ...]:
    """The secrets to sign with: the current one, and the previous one while it is valid."""
    encrypted = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_secret_until and at < endpoint.previous_secret_until:
        encrypted.append(endpoint.previous_secret)
    return tuple(signatures.decrypt(keys_of(session), each) for each in encrypted)


def disable(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> WebhookEndpoint:
    """Stop sending. Waiting deliveries are kept; events that happen while it is disabled are not delivered later."""
    endpoint = _lock(session, endpoint_id)
    if endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = at, DisabledReason.MANUAL.value
        endpoint.updated_at = at
        _audit(session, endpoint, "disabled", actor, at=at)
    session.flush()
    return endpoint


def enable(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> WebhookEndpoint:
    """Start sending again. Waiting deliveries are due immediately and get another three days."""
    endpoint = _lock(session, endpoint_id)
    if endpoint.disabled_at is not None:
        endpoint.disabled_at = endpoint.disabled_reason = None
        endpoint.enabled_at = endpoint.updated_at = at
        _reset_failures(endpoint)
        _audit(session, endpoint, "enabled", actor, at=at)
        _update_waiting(session, endpoint, next_attempt_at=at, give_up_at=at + GIVE_UP_AFTER)
    session.flush()
    return endpoint


def enabled(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """The endpoint.

    :raises NotFound: there is no such endpoint
    :raises InvalidState: it is disabled
    """
    endpoint = find(session, endpoint_id)
    if endpoint.disabled_at is not None:
        raise InvalidState("This endpoint is disabled. Enable it first.")
    return endpoint


def end_pause(session: Session, endpoint_id: int, *, at: datetime) -> tuple[WebhookEndpoint, datetime]:
    """End the pause of an endpoint, for a delivery that is requested now.

    Returns the endpoint, and a time before the next attempt of every delivery that waits there. Its failures stay
    counted: it gets one attempt, and is paused again if that fails.

    :raises InvalidState: it is disabled
    """
    endpoint = _lock(session, enabled(session, endpoint_id).id)
    endpoint.paused_until = None
    waiting = (WebhookDelivery.endpoint_id == endpoint.id) & (WebhookDelivery.state == DeliveryState.WAITING.value)
    first_at = session.scalar(select(func.min(WebhookDelivery.next_attempt_at)).where(waiting))
    return endpoint, min(at, first_at - timedelta(seconds=1)) if first_at else at


def delete(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> None:
    """Hide the endpoint and clear its secrets. Housekeeping deletes its deliveries later."""
    endpoint = _lock(session, endpoint_id)
    endpoint.deleted_at = endpoint.updated_at = at
    endpoint.secret, endpoint.previous_secret, endpoint.previous_secret_until = b"", None, None
    _audit(session, endpoint, "deleted", actor, at=at)
    session.flush()


def subject_of(endpoint: WebhookEndpoint) -> str:
    """The endpoint's subject in the audit log."""
    return f"webhook_endpoint:{endpoint.id}"


def _lock(session: Session, endpoint_id: int) -> WebhookEndpoint:
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update(key_share=True)
    endpoint = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if endpoint is None or endpoint.deleted_at is not None:
        raise NotFound("There is no such webhook endpoint.")
    return endpoint


def _up_to_max(endpoint_id: int, state: str) -> Subquery:
    found = select(WebhookDelivery.id).where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == state)
    return found.limit(COUNT_MAX).subquery()


def _update_waiting(session: Session, endpoint: WebhookEndpoint, **values: datetime) -> None:
    waiting = (WebhookDelivery.endpoint_id == endpoint.id) & (WebhookDelivery.state == DeliveryState.WAITING.value)
    session.execute(update(WebhookDelivery).where(waiting).values(**values))


def _reset_failures(endpoint: WebhookEndpoint) -> None:
    endpoint.consecutive_failures, endpoint.paused_until = 0, None


def read_url(typed: object, reach: Reach) -> str:
    """The address of an endpoint. :raises InvalidInput: events cannot be sent there"""
    url = typed.strip() if isinstance(typed, str) else ""
    try:
        http.read_url(url, reach)
    except http.Refused as refused:
        raise InvalidInput(refused.sentence, field="url", code=None, **refused.values) from None
    return url


def read_topics(requested: object) -> list[str]:
    """The topics of an endpoint, in their usual order. :raises InvalidInput: none is chosen, or one does not exist"""
    topics = list(requested) if isinstance(requested, list | tuple | set | frozenset) else []
    if unknown := [topic for topic in topics if not isinstance(topic, str) or topic not in TOPICS]:
        raise InvalidInput("There is no topic “%(topic)s”.", field="topics", topic=str(unknown[0])[:40])
    if not topics:
        raise InvalidInput("Choose at least one topic.", field="topics")
    return [topic for topic in TOPICS if topic in topics]


def _described_changes(endpoint: WebhookEndpoint, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The changes for the audit log. Of an address only the host is recorded, because a path may be a secret."""
    details = audit.changes({name: getattr(endpoint, name) for name in changed}, changed)
    if "url" in changed:
        details["changed"]["url"] = [urlsplit(url).hostname for url in (endpoint.url, changed["url"])]
    return details


def _audit(
    session: Session, endpoint: WebhookEndpoint, action: str, actor: str, *, at: datetime, **details: object
) -> None:
    audit.record(session, actor, f"webhook_endpoint.{action}", subject_of(endpoint), cast(Any, details), at=at)
