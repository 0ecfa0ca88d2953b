"""Endpoints: made, changed, disabled, given another secret, deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Subquery, func, literal, select, union_all, update
from sqlalchemy.orm import Session

from app import http_client as http
from app.config import Settings
from app.core import audit
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.signing import keys_of
from app.core.webhooks import signatures
from app.http_client import Reach
from app.models import DeliveryState, DisabledReason, WebhookDelivery, WebhookEndpoint

# What an endpoint may ask for. Topics that cannot occur yet may be asked for already.
TOPICS = {
    "granular.subscribe": "Somebody opted in to a subscription type",
    "granular.unsubscribe": "Somebody opted out of one",
    "contact.created": "A contact is new",
    "contact.updated": "A contact’s name, number or address changed",
    "contact.deleted": "A contact was deleted",
    "contact.erased": "A person was erased; only the ledger remains",
    "form.inserted": "A form was put before somebody",
    "form.submitted": "A form was answered",
    "sms.delivered": "A text arrived",
    "sms.failed": "A text could not be delivered",
    "sms.received": "A text came in",
    "suppression.created": "A number must not be texted any more",
    "suppression.lifted": "A number may be texted again",
    "campaign.sent": "A campaign is through",
}
MOST_ENDPOINTS = 50
BOTH_SECRETS_FOR = timedelta(hours=24)
# From when a delivery is made, sent again or its endpoint enabled.
GIVE_UP_AFTER = timedelta(days=3)
# Counts on pages and in answers end here.
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Counts:
    """How many deliveries of an endpoint wait, and how many were given up."""

    waiting: int = 0
    failed: int = 0


def reach_of(settings: Settings) -> Reach:
    """How far webhooks may go here: into the internet, in development to this machine too."""
    return Reach.LOOPBACK_TOO if settings.allow_loopback else Reach.INTERNET


def create(
    session: Session, url: str, topics: Iterable[str], *, reach: Reach, actor: str, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint, and its secret: this is the only time that it is handed out.

    :raises InvalidInput: the address (``url``) or a topic (``topics``)
    :raises InvalidState: there are as many endpoints as there may be
    """
    if len(find_all(session)) >= MOST_ENDPOINTS:
        raise InvalidState(f"There can be {MOST_ENDPOINTS} endpoints. Delete one that is not used any more.")
    secret = signatures.new_secret()
    endpoint = WebhookEndpoint(
        url=_url(url, reach),
        topics=_topics(topics),
        secret=signatures.encrypt(keys_of(session), secret),
        enabled_at=at,
        created_by=actor,
        created_at=at,
        updated_at=at,
    )
    session.add(endpoint)
    session.flush()
    _note(session, endpoint, "created", actor, at=at, topics=endpoint.topics)
    return endpoint, secret


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


def counts(session: Session, counted: Iterable[WebhookEndpoint]) -> dict[int, Counts]:
    """What waits at each of these endpoints and what was given up, by its id; ``MOST_COUNTED`` of each at most."""
    each_apart = [
        select(literal(endpoint.id), literal(state), func.count()).select_from(_some(endpoint.id, state))
        for endpoint in counted
        for state in (DeliveryState.WAITING.value, DeliveryState.FAILED.value)
    ]
    found: dict[int, dict[str, int]] = {}
    for endpoint_id, state, count in session.execute(union_all(*each_apart)) if each_apart else ():
        found.setdefault(endpoint_id, {})[state] = count
    return {endpoint_id: Counts(**by_state) for endpoint_id, by_state in found.items()}


def change(
    session: Session,
    endpoint_id: int,
    *,
    url: str | None = None,
    topics: Sequence[str] | None = None,
    reach: Reach,
    actor: str,
    at: datetime,
) -> WebhookEndpoint:
    """Change the address, the topics, or both; what waits goes to the new address at once.

    :raises InvalidInput: as ``create``
    """
    endpoint = _held(session, endpoint_id)
    values: dict[str, Any] = {}
    if url is not None:
        values["url"] = _url(url, reach)
    if topics is not None:
        values["topics"] = _topics(topics)
    changed = {name: value for name, value in values.items() if getattr(endpoint, name) != value}
    for name, value in changed.items():
        setattr(endpoint, name, value)
    if changed:
        if "url" in changed:
            _forget_failures(endpoint)
            _send_what_waits(session, endpoint, next_attempt_at=at)
        endpoint.updated_at = at
        _note(session, endpoint, "changed", actor, at=at, fields=sorted(changed))
    session.flush()
    return endpoint


def rotate_secret(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> tuple[WebhookEndpoint, str]:
    """A new secret, handed out this once; the one before signs along for 24 hours."""
    endpoint, secret = _held(session, endpoint_id), signatures.new_secret()
    endpoint.previous_secret, endpoint.previous_secret_until = endpoint.secret, at + BOTH_SECRETS_FOR
    endpoint.secret = signatures.encrypt(keys_of(session), secret)
    endpoint.updated_at = at
    _note(session, endpoint, "secret_rotated", actor, at=at)
    session.flush()
    return endpoint, secret


def secrets_of(session: Session, endpoint: WebhookEndpoint, *, at: datetime) -> tuple[str, ...]:
    """What signs now: the secret, and the one before while both are valid."""
    kept = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_secret_until and at < endpoint.previous_secret_until:
        kept.append(endpoint.previous_secret)
    return tuple(signatures.decrypt(keys_of(session), each) for each in kept)


def disable(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> WebhookEndpoint:
    """Send nothing there any more. What waits goes on waiting; what happens meanwhile it will not hear of."""
    endpoint = _held(session, endpoint_id)
    if endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = at, DisabledReason.MANUAL.value
        endpoint.updated_at = at
        _note(session, endpoint, "disabled", actor, at=at)
    session.flush()
    return endpoint


def enable(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> WebhookEndpoint:
    """Send there again, and at once what waits, which has three days anew."""
    endpoint = _held(session, endpoint_id)
    if endpoint.disabled_at is not None:
        endpoint.disabled_at = endpoint.disabled_reason = None
        endpoint.enabled_at = endpoint.updated_at = at
        _forget_failures(endpoint)
        _note(session, endpoint, "enabled", actor, at=at)
        _send_what_waits(session, endpoint, next_attempt_at=at, give_up_at=at + GIVE_UP_AFTER)
    session.flush()
    return endpoint


def enabled(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """:raises InvalidState: it is disabled"""
    endpoint = find(session, endpoint_id)
    if endpoint.disabled_at is not None:
        raise InvalidState("This endpoint is disabled. Enable it first.")
    return endpoint


def put_first(session: Session, endpoint_id: int, *, at: datetime) -> tuple[WebhookEndpoint, datetime]:
    """End a pause, for somebody asks now; the endpoint comes back, and a time that is before all that waits there.

    One that was failing still gets one attempt alone, so a pause begins anew if it fails.

    :raises InvalidState: it is disabled
    """
    endpoint = _held(session, enabled(session, endpoint_id).id)
    endpoint.paused_until = None
    waiting = (WebhookDelivery.endpoint_id == endpoint.id) & (WebhookDelivery.state == DeliveryState.WAITING.value)
    first = session.scalar(select(func.min(WebhookDelivery.next_attempt_at)).where(waiting))
    return endpoint, min(at, first - timedelta(seconds=1)) if first else at


def delete(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> None:
    """Gone at once, and its secrets with it; its deliveries go when housekeeping comes by."""
    endpoint = _held(session, endpoint_id)
    endpoint.deleted_at = endpoint.updated_at = at
    endpoint.secret, endpoint.previous_secret, endpoint.previous_secret_until = b"", None, None
    _note(session, endpoint, "deleted", actor, at=at)
    session.flush()


def subject_of(endpoint: WebhookEndpoint) -> str:
    """How the audit log names it."""
    return f"webhook_endpoint:{endpoint.id}"


def _held(session: Session, endpoint_id: int) -> WebhookEndpoint:
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update(key_share=True)
    endpoint = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if endpoint is None or endpoint.deleted_at is not None:
        raise NotFound("There is no such webhook endpoint.")
    return endpoint


def _some(endpoint_id: int, state: str) -> Subquery:
    which = (WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == state)
    return select(WebhookDelivery.id).where(*which).limit(MOST_COUNTED).subquery()


def _send_what_waits(session: Session, endpoint: WebhookEndpoint, **values: datetime) -> None:
    waiting = (WebhookDelivery.endpoint_id == endpoint.id) & (WebhookDelivery.state == DeliveryState.WAITING.value)
    session.execute(update(WebhookDelivery).where(waiting).values(**values))


def _forget_failures(endpoint: WebhookEndpoint) -> None:
    endpoint.consecutive_failures, endpoint.paused_until = 0, None


def _url(typed: object, reach: Reach) -> str:
    url = typed.strip() if isinstance(typed, str) else ""
    try:
        http.read_url(url, reach)
    except http.Refused as refused:
        raise InvalidInput(str(refused), field="url") from None
    return url


def _topics(asked: object) -> list[str]:
    named = list(asked) if isinstance(asked, list | tuple | set | frozenset) else []
    if unknown := [topic for topic in named if not isinstance(topic, str) or topic not in TOPICS]:
        raise InvalidInput(f"There is no topic “{str(unknown[0])[:40]}”.", field="topics")
    if not named:
        raise InvalidInput("Choose at least one topic.", field="topics")
    return [topic for topic in TOPICS if topic in named]


def _note(
    session: Session, endpoint: WebhookEndpoint, action: str, actor: str, *, at: datetime, **details: object
) -> None:
    audit.record(session, actor, f"webhook_endpoint.{action}", subject_of(endpoint), cast(Any, details), at=at)
