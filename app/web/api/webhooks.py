"""Webhook endpoints and their deliveries."""

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts.search import COUNTED_MAX
from app.core.errors import NotFound
from app.core.webhooks import deliveries, endpoints, routing
from app.core.webhooks.endpoints import EndpointChange
from app.http_client import Reach
from app.models import DeliveryState, WebhookEndpoint
from app.schemas.webhook import (
    ChangedWebhookEndpointSchema,
    DeliveryPagingSchema,
    DeliveryValue,
    EndpointValue,
    NewWebhookEndpointSchema,
    WebhookAnsweredDeliverySchema,
    WebhookDeliveryListSchema,
    WebhookDeliverySchema,
    WebhookEndpointDeletedSchema,
    WebhookEndpointListSchema,
    WebhookEndpointSchema,
    WebhooksReplayedSchema,
)
from app.web import services
from app.web.api import auth, ids, pagination
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint

blueprint = ApiBlueprint("webhooks", __name__, description="The addresses that events are sent to.")
PER_PAGE = 30
_ENDPOINT = "/webhook_endpoints/<endpoint_id>"
_DELIVERY = f"{_ENDPOINT}/deliveries/<delivery_id>"


@blueprint.get("/webhook_endpoints")
@blueprint.response(200, WebhookEndpointListSchema)
def list_webhook_endpoints() -> dict[str, Any]:
    """List every endpoint, the oldest first."""
    session = auth.read_session()
    found = endpoints.find_all(session)
    counts = endpoints.counts(session, found)
    return {"data": [_counted(each, counts.get(each.id, endpoints.Counts())) for each in found]}


@blueprint.post("/webhook_endpoints", scope=Scope.ADMIN, errors=(409, 422))
@blueprint.arguments(NewWebhookEndpointSchema)
@blueprint.commit(WebhookEndpointSchema, creates=True)
def create_webhook_endpoint(session: Session, body: dict[str, Any]) -> EndpointValue:
    """Create an endpoint.

    It gets personal data for as long as it exists, so this needs the scope `admin`. `secret` signs by Standard
    Webhooks. It is in this answer and nowhere else; a call repeated with the same `Idempotency-Key` is answered without
    it.
    """
    actor, at = auth.caller().actor, clock.now()
    endpoint, secret = endpoints.create(session, body["url"], body["topics"], reach=_reach(), actor=actor, at=at)
    endpoints.set_hub_signature(session, endpoint.id, is_on=body["hub_signature"], actor=actor, at=at)
    return EndpointValue(endpoint, secret=secret)


@blueprint.get(_ENDPOINT, errors=(404,))
@blueprint.response(200, WebhookEndpointSchema)
def find_webhook_endpoint(endpoint_id: str) -> EndpointValue:
    """Find an endpoint by its id."""
    session = auth.read_session()
    return _value(session, endpoints.find(session, _id(endpoint_id)))


def _current(session: Session, _names: Collection[str], endpoint_id: str) -> EndpointValue:
    return _value(session, endpoints.find(session, _id(endpoint_id)))


@blueprint.put(_ENDPOINT, scope=Scope.ADMIN, errors=(404, 422))
@blueprint.arguments(ChangedWebhookEndpointSchema)
@blueprint.commit(WebhookEndpointSchema, current=_current)
def update_webhook_endpoint(session: Session, body: dict[str, Any], endpoint_id: str) -> EndpointValue:
    """Change an endpoint's address or topics, disable it or enable it again.

    Waiting deliveries go to the new address. An endpoint does not hear of events that happen while it is disabled;
    what waited before is given up after three days, counted from when it is enabled again.
    """
    actor, at, found_id = auth.caller().actor, clock.now(), _id(endpoint_id)
    given = EndpointChange(body["url"], body["topics"])
    endpoint = endpoints.change(session, found_id, given, reach=_reach(), actor=actor, at=at)
    if body["hub_signature"] is not None:
        endpoints.set_hub_signature(session, found_id, is_on=body["hub_signature"], actor=actor, at=at)
    if body["enabled"] is not None:
        switch = endpoints.enable if body["enabled"] else endpoints.disable
        endpoint = switch(session, found_id, actor=actor, at=at)
    return _value(session, endpoint)


@blueprint.delete(_ENDPOINT, scope=Scope.ADMIN, errors=(404,))
@blueprint.commit(WebhookEndpointDeletedSchema)
def delete_webhook_endpoint(session: Session, endpoint_id: str) -> dict[str, Any]:
    """Delete an endpoint.

    Nothing is sent there from now on.
    """
    endpoints.delete(session, _id(endpoint_id), actor=auth.caller().actor, at=clock.now())
    return {"id": endpoint_id}


@blueprint.post(f"{_ENDPOINT}/rotate_secret", scope=Scope.ADMIN, errors=(404, 409))
@blueprint.commit(WebhookEndpointSchema)
def rotate_webhook_secret(session: Session, endpoint_id: str) -> EndpointValue:
    """Create a new secret for an endpoint.

    Deliveries are signed with the old one, too, for 24 hours. `secret` is in this answer and nowhere else, as when the
    endpoint was made.
    """
    endpoint, secret = endpoints.rotate_secret(session, _id(endpoint_id), actor=auth.caller().actor, at=clock.now())
    return _value(session, endpoint, secret)


@blueprint.post(f"{_ENDPOINT}/test", errors=(404, 409))
@blueprint.commit(WebhookDeliverySchema)
def test_webhook_endpoint(session: Session, endpoint_id: str) -> DeliveryValue:
    """Send a test to an endpoint.

    A message of the topic `test`, before all that waits, also while the endpoint is paused.
    """
    found_id = _id(endpoint_id)
    delivery_id = routing.send_test(session, found_id, actor=auth.caller().actor, at=clock.now())
    return _delivery(session, found_id, delivery_id)


@blueprint.post(f"{_ENDPOINT}/replay_failed", errors=(404, 409))
@blueprint.commit(WebhooksReplayedSchema)
def replay_failed_webhook_deliveries(session: Session, endpoint_id: str) -> dict[str, Any]:
    """Send failed deliveries again.

    The oldest first, a thousand at most; call again until `replayed` is 0.
    """
    actor = auth.caller().actor
    return {"replayed": deliveries.replay_failed(session, _id(endpoint_id), actor=actor, at=clock.now())}


@blueprint.get(f"{_ENDPOINT}/deliveries", errors=(404,))
@blueprint.arguments(DeliveryPagingSchema, location="query")
@blueprint.response(200, WebhookDeliveryListSchema)
def list_webhook_deliveries(query: dict[str, Any], endpoint_id: str) -> dict[str, Any]:
    """List the deliveries to an endpoint of the last 30 days, the newest first."""
    session, request = auth.read_session(), pagination.read(query, default=PER_PAGE)
    endpoint = endpoints.find(session, _id(endpoint_id))
    state = DeliveryState(query["state"]) if query["state"] else None
    found = deliveries.newest(session, endpoint.id, state=state, before=request.after_id, limit=request.per_page + 1)
    return pagination.by_key(
        request,
        [DeliveryValue(each.delivery, each.message) for each in found],
        lambda each: each.delivery.id,
        lambda: pagination.capped(deliveries.count(session, endpoint.id, state=state, most=COUNTED_MAX), COUNTED_MAX),
    )


@blueprint.get(_DELIVERY, errors=(404,))
@blueprint.response(200, WebhookAnsweredDeliverySchema)
def find_webhook_delivery(endpoint_id: str, delivery_id: str) -> DeliveryValue:
    """Find a delivery by its id, with the last request and its answer."""
    session = auth.read_session()
    endpoint = endpoints.find(session, _id(endpoint_id))
    found = deliveries.find(session, endpoint.id, _id(delivery_id))
    return DeliveryValue(found.delivery, found.message, endpoint.url)


@blueprint.post(f"{_DELIVERY}/replay", errors=(404, 409))
@blueprint.commit(WebhookDeliverySchema)
def replay_webhook_delivery(session: Session, endpoint_id: str, delivery_id: str) -> DeliveryValue:
    """Send one delivery again.

    Immediately and with the same id, whether it arrived or failed. It goes before all that waits, also while the
    endpoint is paused.
    """
    found_id, of_endpoint = _id(delivery_id), _id(endpoint_id)
    deliveries.replay(session, of_endpoint, found_id, actor=auth.caller().actor, at=clock.now())
    return _delivery(session, of_endpoint, found_id)


def _value(session: Session, endpoint: WebhookEndpoint, secret: str | None = None) -> EndpointValue:
    counts = endpoints.counts(session, [endpoint]).get(endpoint.id, endpoints.Counts())
    return _counted(endpoint, counts, secret)


def _counted(endpoint: WebhookEndpoint, counts: endpoints.Counts, secret: str | None = None) -> EndpointValue:
    return EndpointValue(endpoint, counts.waiting, counts.failed, secret)


def _delivery(session: Session, endpoint_id: int, delivery_id: int) -> DeliveryValue:
    found = deliveries.find(session, endpoint_id, delivery_id)
    return DeliveryValue(found.delivery, found.message)


def _reach() -> Reach:
    return endpoints.reach_of(services.settings())


def _id(text: str) -> int:
    found = ids.number(text)
    if found is None:
        raise NotFound("There is nothing with this id.")
    return found
