"""Routing: each outbox event becomes one message, and one delivery for each endpoint that chose its topic."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.signing import keys_of
from app.core.webhooks import endpoints, payloads
from app.core.workspace import settings
from app.models import DeliveryState, OutboxEvent, WebhookDelivery, WebhookEndpoint, WebhookMessage

TEST_TOPIC = "test"


def route(session: Session, events: Sequence[OutboxEvent], *, at: datetime) -> int:
    """Create messages and deliveries for these events, in their order. Returns how many deliveries were created.

    The caller holds ``outbox.lock_routing``, so that the ids of deliveries are in the order of events.
    """
    enabled = _enabled_endpoints(session)
    published = [event for event in events if any(event.topic in each.topics for each in enabled)]
    if not published:
        return 0
    app_id, keys = settings.get(session).messenger_key, keys_of(session)
    items = payloads.items(session, published, workspace_id=app_id)
    messages = []
    for event in published:
        message_id = payloads.id_of(keys, event)
        body = payloads.envelope(message_id, event.topic, items[event.id], app_id=app_id, at=event.created_at)
        row = {"public_id": message_id, "event_id": event.id, "topic": event.topic, "contact_id": event.contact_id}
        messages.append(row | {"body": body, "created_at": at})
    ids = session.scalars(insert(WebhookMessage).returning(WebhookMessage.id, sort_by_parameter_order=True), messages)
    deliveries = [
        _delivery(endpoint, message_id, event.contact_id, at=at)
        for event, message_id in zip(published, ids, strict=True)
        for endpoint in enabled
        if event.topic in endpoint.topics
    ]
    session.execute(insert(WebhookDelivery), deliveries)
    return len(deliveries)


def send_test(session: Session, endpoint_id: int, *, actor: str, at: datetime) -> int:
    """Send a test before all deliveries that wait, even if the endpoint is paused or chose other topics.

    Returns the id of the delivery.

    :raises NotFound: there is no such endpoint
    :raises InvalidState: it is disabled
    """
    endpoint, first_at = endpoints.end_pause(session, endpoint_id, at=at)
    message_id, app_id = payloads.new_id(), settings.get(session).messenger_key
    body = payloads.envelope(message_id, TEST_TOPIC, payloads.test_item(at=at), app_id=app_id, at=at)
    message = WebhookMessage(public_id=message_id, topic=TEST_TOPIC, body=body, created_at=at)
    session.add(message)
    session.flush()
    delivery = WebhookDelivery(**_delivery(endpoint, message.id, None, at=at) | {"next_attempt_at": first_at})
    session.add(delivery)
    audit.record(session, actor, "webhook_endpoint.tested", endpoints.subject_of(endpoint), {}, at=at)
    session.flush()
    return delivery.id


def _enabled_endpoints(session: Session) -> list[WebhookEndpoint]:
    query = select(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None), WebhookEndpoint.disabled_at.is_(None))
    return list(session.scalars(query.order_by(WebhookEndpoint.id)))


def _delivery(
    endpoint: WebhookEndpoint, message_id: int, ordering_key: int | None, *, at: datetime
) -> dict[str, object]:
    return {
        "endpoint_id": endpoint.id,
        "message_id": message_id,
        "ordering_key": ordering_key,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "earlier_attempts": 0,
        "next_attempt_at": at,
        "give_up_at": at + endpoints.GIVE_UP_AFTER,
        "created_at": at,
    }
