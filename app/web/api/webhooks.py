"""Webhook endpoints, and what they were told."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts.search import COUNTED_MAX
from app.core.errors import NotFound
from app.core.webhooks import deliveries, endpoints, routing
from app.core.webhooks.deliveries import Told
from app.core.webhooks.endpoints import Counts
from app.http_client import Reach
from app.models import DeliveryState, WebhookEndpoint
from app.schemas.webhook import (
    ChangedWebhookEndpointSchema,
    DeliveryPagingSchema,
    NewWebhookEndpointSchema,
    WebhookAnsweredDeliverySchema,
    WebhookDeliveryListSchema,
    WebhookDeliverySchema,
    WebhookEndpointDeletedSchema,
    WebhookEndpointListSchema,
    WebhookEndpointSchema,
    WebhooksReplayedSchema,
    answered_delivery_body,
    delivery_body,
    endpoint_body,
)
from app.web import services
from app.web.api import auth as callers
from app.web.api import ids
from app.web.api import pagination as cursors
from app.web.api.auth import Scope
from app.web.api.blueprint import Room
from app.web.api.responses import Body, answer, written

room = Room("webhooks", __name__, url_prefix="/api", description="Where events are told.")
PER_PAGE = 30


@room.call("GET", "/webhook_endpoints", WebhookEndpointListSchema)
def list_webhook_endpoints() -> Response:
    """List every endpoint, the oldest first."""
    session = callers.looking()
    found = endpoints.find_all(session)
    counts = endpoints.counts(session, found)
    return answer({"type": "list", "data": [_body(each, counts) for each in found]})


@room.call(
    "POST",
    "/webhook_endpoints",
    WebhookEndpointSchema,
    scope=Scope.ADMIN,
    body=NewWebhookEndpointSchema,
    errors=(409,),
)
def create_webhook_endpoint(asked: dict[str, Any]) -> Response:
    """Tell an address of events. It hears of people for as long as it stands, so this needs the scope `admin`.

    `secret` signs by Standard Webhooks. It stands in this answer and nowhere else; a call repeated with the same
    `Idempotency-Key` is answered without it.
    """

    def act(session: Session) -> Body:
        actor = callers.current().actor
        made, secret = endpoints.create(
            session, asked["url"], asked["topics"], reach=_reach(), actor=actor, at=clock.now()
        )
        return _body(made, {}) | {"secret": secret}

    return written(act, shown_once=("secret",))


@room.call("GET", "/webhook_endpoints/<endpoint_id>", WebhookEndpointSchema, errors=(404,))
def find_webhook_endpoint(endpoint_id: str) -> Response:
    """Find an endpoint by its id."""
    session = callers.looking()
    found = endpoints.find(session, _id(endpoint_id))
    return answer(_body(found, endpoints.counts(session, [found])))


@room.call(
    "PUT",
    "/webhook_endpoints/<endpoint_id>",
    WebhookEndpointSchema,
    scope=Scope.ADMIN,
    body=ChangedWebhookEndpointSchema,
    errors=(404,),
)
def update_webhook_endpoint(asked: dict[str, Any], endpoint_id: str) -> Response:
    """Change an endpoint's address or topics, disable it or enable it again.

    What waits goes to the new address. What happens while it is disabled, it will not hear of; what waited before is
    given up after three days, which begin anew when it is enabled.
    """

    def act(session: Session) -> Body:
        actor, at, found_id = callers.current().actor, clock.now(), _id(endpoint_id)
        changed = endpoints.change(
            session, found_id, url=asked["url"], topics=asked["topics"], reach=_reach(), actor=actor, at=at
        )
        if asked["enabled"] is not None:
            switch = endpoints.enable if asked["enabled"] else endpoints.disable
            changed = switch(session, found_id, actor=actor, at=at)
        return _body(changed, endpoints.counts(session, [changed]))

    return written(act)


@room.call("DELETE", "/webhook_endpoints/<endpoint_id>", WebhookEndpointDeletedSchema, scope=Scope.ADMIN, errors=(404,))
def delete_webhook_endpoint(endpoint_id: str) -> Response:
    """Delete an endpoint: nothing is sent there from now on."""

    def act(session: Session) -> Body:
        endpoints.delete(session, _id(endpoint_id), actor=callers.current().actor, at=clock.now())
        return {"type": "webhook_endpoint", "id": endpoint_id, "deleted": True}

    return written(act)


@room.call(
    "POST",
    "/webhook_endpoints/<endpoint_id>/rotate_secret",
    WebhookEndpointSchema,
    scope=Scope.ADMIN,
    errors=(404, 409),
)
def rotate_webhook_secret(endpoint_id: str) -> Response:
    """Make a new secret; the one before signs along for 24 hours.

    `secret` stands in this answer and nowhere else, as when the endpoint was made.
    """

    def act(session: Session) -> Body:
        actor, at = callers.current().actor, clock.now()
        changed, secret = endpoints.rotate_secret(session, _id(endpoint_id), actor=actor, at=at)
        return _body(changed, endpoints.counts(session, [changed])) | {"secret": secret}

    return written(act, shown_once=("secret",))


@room.call("POST", "/webhook_endpoints/<endpoint_id>/test", WebhookDeliverySchema, errors=(404, 409))
def test_webhook_endpoint(endpoint_id: str) -> Response:
    """Send a message of topic `test` before all that waits, also while the endpoint is paused."""

    def act(session: Session) -> Body:
        found_id = _id(endpoint_id)
        sent = routing.send_test(session, found_id, actor=callers.current().actor, at=clock.now())
        return _told(deliveries.find(session, found_id, sent))

    return written(act)


@room.call("POST", "/webhook_endpoints/<endpoint_id>/replay_failed", WebhooksReplayedSchema, errors=(404, 409))
def replay_failed_webhook_deliveries(endpoint_id: str) -> Response:
    """Send again what was given up, the oldest first, a thousand at most; call again until `replayed` is 0."""

    def act(session: Session) -> Body:
        count = deliveries.replay_failed(session, _id(endpoint_id), actor=callers.current().actor, at=clock.now())
        return {"type": "webhook_replay", "replayed": count}

    return written(act)


@room.call(
    "GET",
    "/webhook_endpoints/<endpoint_id>/deliveries",
    WebhookDeliveryListSchema,
    query=DeliveryPagingSchema,
    errors=(404,),
)
def list_webhook_deliveries(paging: dict[str, Any], endpoint_id: str) -> Response:
    """List what an endpoint was told in the last 30 days, the newest first."""
    session, per_page = callers.looking(), paging["per_page"] or PER_PAGE
    endpoint = endpoints.find(session, _id(endpoint_id))
    place = cursors.read(paging["starting_after"], keys=1)
    before = int(place.key[0]) if place.key and isinstance(place.key[0], int) else None
    state = DeliveryState(paging["state"]) if paging["state"] else None
    found = deliveries.newest(session, endpoint.id, state=state, before=before, limit=per_page + 1)
    key = (found[per_page - 1].delivery.id,) if len(found) > per_page else None
    total = place.total
    if total is None:
        total = deliveries.count(session, endpoint.id, state=state, most=COUNTED_MAX) if key else len(found)
    page = cursors.Page(found[:per_page], key, total, is_minimum=total >= COUNTED_MAX)
    return answer(cursors.listed(page, place, per_page, _told))


@room.call(
    "GET", "/webhook_endpoints/<endpoint_id>/deliveries/<delivery_id>", WebhookAnsweredDeliverySchema, errors=(404,)
)
def find_webhook_delivery(endpoint_id: str, delivery_id: str) -> Response:
    """Find a delivery by its id, with what was asked and answered last."""
    session = callers.looking()
    endpoint = endpoints.find(session, _id(endpoint_id))
    found = deliveries.find(session, endpoint.id, _id(delivery_id))
    return answer(answered_delivery_body(found.delivery, found.message, url=endpoint.url))


@room.call(
    "POST",
    "/webhook_endpoints/<endpoint_id>/deliveries/<delivery_id>/replay",
    WebhookDeliverySchema,
    errors=(404, 409),
)
def replay_webhook_delivery(endpoint_id: str, delivery_id: str) -> Response:
    """Send one again at once, with the id that it had, whether it arrived or was given up.

    It goes before all that waits, also while the endpoint is paused.
    """

    def act(session: Session) -> Body:
        found_id, of_endpoint = _id(delivery_id), _id(endpoint_id)
        deliveries.replay(session, of_endpoint, found_id, actor=callers.current().actor, at=clock.now())
        return _told(deliveries.find(session, of_endpoint, found_id))

    return written(act)


def _body(endpoint: WebhookEndpoint, counts: Mapping[int, Counts]) -> Body:
    count = counts.get(endpoint.id, Counts())
    return endpoint_body(endpoint, waiting=count.waiting, failed=count.failed)


def _told(told: Told) -> Body:
    return delivery_body(told.delivery, told.message)


def _reach() -> Reach:
    return endpoints.reach_of(services.settings())


def _id(text: str) -> int:
    found = ids.number(text)
    if found is None:
        raise NotFound("There is nothing with this id.")
    return found
