"""Webhook endpoints over the API."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.webhooks import endpoints
from app.jobs import route_outbox
from app.models import DeliveryState, IdempotencyKey, WebhookDelivery
from app.web.api.examples import EXAMPLES
from tests.web.api.client import ApiClient, api_client, database


@pytest.fixture
def api(app: Flask) -> ApiClient:
    """A client with the admin scope, which endpoints need because they receive personal data."""
    return api_client(app, "admin")


ENDPOINT = {"url": "https://shop.example.com/assent", "topics": ["contact.created"]}


def test_an_endpoint_is_created_changed_disabled_and_deleted(app: Flask, api: ApiClient) -> None:
    made = api.post("/webhook_endpoints", ENDPOINT)
    assert made["secret"].startswith("whsec_")
    with database(app).read_only() as session:
        endpoint = endpoints.find(session, int(made["id"]))
        assert endpoints.secrets_of(session, endpoint, at=clock.now()) == (made["secret"],)
    shown = {name: value for name, value in made.body.items() if name != "secret"}
    assert api.get(f"/webhook_endpoints/{made['id']}").body == shown
    assert api.get("/webhook_endpoints")["data"] == [shown]
    changed = api.put(f"/webhook_endpoints/{made['id']}", {"topics": ["contact.updated", "contact.created"]})
    assert (changed["topics"], changed["url"]) == (["contact.created", "contact.updated"], ENDPOINT["url"])
    disabled = api.put(f"/webhook_endpoints/{made['id']}", {"enabled": False})
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "manual")
    assert api.put(f"/webhook_endpoints/{made['id']}", {"enabled": True})["enabled"] is True
    assert api.delete(f"/webhook_endpoints/{made['id']}")["deleted"] is True
    for call in (api.get, api.delete):
        assert call(f"/webhook_endpoints/{made['id']}").code == "not_found"
    assert api.get("/webhook_endpoints")["data"] == []


def test_the_secret_is_in_the_first_response_only_and_not_stored_with_it(app: Flask, api: ApiClient) -> None:
    first = api.post("/webhook_endpoints", ENDPOINT, **{"Idempotency-Key": "k1"})
    again = api.post("/webhook_endpoints", ENDPOINT, **{"Idempotency-Key": "k1"})
    assert again["id"] == first["id"]
    assert "secret" not in again.body
    with database(app).read_only() as session:
        assert first["secret"] not in session.scalars(select(IdempotencyKey.answer)).one()


@pytest.mark.databases("sqlite", "postgresql")
def test_deliveries_are_listed_in_pages_and_replayed(app: Flask, api: ApiClient) -> None:
    endpoint = api.post("/webhook_endpoints", ENDPOINT)["id"]
    people = [api.contact(external_id=str(number)) for number in range(5)]
    route_outbox.sweep_outbox(database(app))
    with database(app).unit_of_work() as session:
        for each in session.scalars(select(WebhookDelivery)):
            each.state, each.attempts = DeliveryState.DELIVERED, 1
    seen, following = [], ""
    for _ in range(3):
        page = api.get(f"/webhook_endpoints/{endpoint}/deliveries?per_page=2{following}")
        seen += page["data"]
        following = f"&starting_after={page['pages']['next']['starting_after']}" if "next" in page["pages"] else ""
    assert [each["body"]["data"]["item"]["id"] for each in seen] == people[::-1]
    assert {each["topic"] for each in seen} == {"contact.created"}
    path = f"/webhook_endpoints/{endpoint}/deliveries/{seen[0]['id']}"
    assert api.post(f"{path}/replay")["state"] == "waiting"
    (waiting,) = api.get(f"/webhook_endpoints/{endpoint}/deliveries?state=waiting")["data"]
    assert (waiting["id"], waiting["webhook_id"]) == (seen[0]["id"], seen[0]["webhook_id"])
    assert api.post(f"{path}/replay").status == 409
    other = api.post("/webhook_endpoints", ENDPOINT)["id"]
    assert api.post(f"/webhook_endpoints/{other}/deliveries/{seen[1]['id']}/replay").status == 404


def test_failed_deliveries_are_shown_and_replayed_and_secrets_rotated(app: Flask, api: ApiClient) -> None:
    path = f"/webhook_endpoints/{api.post('/webhook_endpoints', ENDPOINT)['id']}"
    sent = api.post(f"{path}/test")
    assert (sent["topic"], sent["state"]) == ("test", "waiting")
    one = api.get(f"{path}/deliveries/{sent['id']}")
    assert (one["last_request"], one["last_answer"]) == (None, None)
    with database(app).unit_of_work() as session:
        delivery = session.scalars(select(WebhookDelivery)).one()
        delivery.state, delivery.attempts, delivery.last_status = DeliveryState.FAILED, 3, 500
        delivery.last_request_headers = {":url": "https://old.example.com/", "webhook-id": "one"}
        delivery.last_answer_headers, delivery.last_answer = {"X-From": "there"}, "broken"
    one = api.get(f"{path}/deliveries/{sent['id']}")
    assert one["last_request"] == {"url": "https://old.example.com/", "headers": {"webhook-id": "one"}}
    assert one["last_answer"] == {"headers": {"X-From": "there"}, "body": "broken"}
    assert [api.post(f"{path}/replay_failed")["replayed"] for _ in range(2)] == [1, 0]
    rotated = api.post(f"{path}/rotate_secret", **{"Idempotency-Key": "k2"})
    assert "secret" not in api.post(f"{path}/rotate_secret", **{"Idempotency-Key": "k2"}).body
    with database(app).read_only() as session:
        (endpoint,) = endpoints.find_all(session)
        assert endpoints.secrets_of(session, endpoint, at=clock.now())[0] == rotated["secret"]
    api.put(path, {"enabled": False})
    for call in ("test", "replay_failed", f"deliveries/{sent['id']}/replay"):
        assert api.post(f"{path}/{call}").status == 409
    for missing in ("/webhook_endpoints/999", f"{path}/deliveries/999"):
        assert api.get(missing).status == 404
    for call in ("test", "replay_failed", "rotate_secret"):
        assert api.post(f"/webhook_endpoints/999/{call}").status == 404


def test_only_the_admin_scope_changes_where_events_are_sent(app: Flask, api: ApiClient) -> None:
    writer, path = api_client(app, "write"), f"/webhook_endpoints/{api.post('/webhook_endpoints', ENDPOINT)['id']}"
    refused = [
        writer.post("/webhook_endpoints", ENDPOINT),
        writer.put(path, {"url": "https://eve.example.com/"}),
        writer.delete(path),
        writer.post(f"{path}/rotate_secret"),
    ]
    assert {each.status for each in refused} == {403}
    assert writer.get(path)["url"] == ENDPOINT["url"]
    assert writer.post(f"{path}/test").status == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "ftp://shop.example.com/"}, "url"),
        ({"url": "https://sam:secret@shop.example.com/"}, "url"),
        ({"url": 7}, "url"),
        ({"topics": []}, "topics"),
        ({"topics": ["contact.exploded"]}, "topics"),
        ({"topics": "contact.created"}, "topics"),
    ],
)
def test_an_invalid_endpoint_is_refused_with_its_field(api: ApiClient, given: Any, field: str) -> None:
    response = api.post("/webhook_endpoints", ENDPOINT | given)
    assert (response.status, response.field) == (400, field)
    assert api.get("/webhook_endpoints")["data"] == []


def test_an_endpoint_chooses_intercoms_signature(app: Flask) -> None:
    api = api_client(app, "admin")
    given = EXAMPLES["create_webhook_endpoint"]["request"]
    endpoint = api.post("/webhook_endpoints", given)
    assert endpoint["hub_signature"] is False
    path = f"/webhook_endpoints/{endpoint['id']}"
    for is_on in (True, False):
        assert api.put(path, {"hub_signature": is_on})["hub_signature"] is is_on
        assert api.put(path, {"enabled": True})["hub_signature"] is is_on
    assert api.post("/webhook_endpoints", given | {"hub_signature": True})["hub_signature"] is True


@pytest.mark.parametrize("topic", ["sms.sent", "campaign.failed"])
def test_a_topic_that_nothing_sends_is_refused(app: Flask, topic: str) -> None:
    refused = api_client(app, "admin").post("/webhook_endpoints", {"url": "https://example.com", "topics": [topic]})
    assert (refused.status, refused.field) == (400, "topics")
