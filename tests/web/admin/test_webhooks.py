"""The pages of webhook endpoints and their deliveries."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock, outbox
from app.core.webhooks import attempts, deliveries, endpoints, routing
from app.core.webhooks.attempts import AttemptOutcome, Schedule
from app.db import Database
from app.models import AuditEntry, WebhookDelivery, WebhookEndpoint
from tests.web.pages import admin, agent, submit

URL = "https://hooks.example.com/assent"
NEW = {"url": URL, "topics": ["granular.subscribe", "granular.unsubscribe"]}


@pytest.fixture
def endpoint_id(database: Database) -> int:
    with database.unit_of_work() as session:
        reach = endpoints.Reach.INTERNET
        created = endpoints.create(session, URL, NEW["topics"], reach=reach, actor="agent:1", at=clock.now())
        return created[0].id


def test_a_new_endpoint_shows_its_secret_once(app: Flask, database: Database) -> None:
    client = admin(app)
    assert "No endpoints yet" in client.get("/admin/webhooks").get_data(as_text=True)
    answer = submit(client, "/admin/webhooks/new", NEW)
    (secret,) = set(re.findall(r"whsec_[\w+/=]+", answer.get_data(as_text=True)))
    assert answer.headers["Cache-Control"] == "no-store"
    with database.read_only() as session:
        (endpoint,) = endpoints.find_all(session)
        assert endpoints.secrets_of(session, endpoint, at=clock.now()) == (secret,)
    for page in ("/admin/webhooks", f"/admin/webhooks/{endpoint.id}"):
        html = client.get(page).get_data(as_text=True)
        assert URL in html.replace("<wbr>", "")
        assert secret not in html


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"url": ""}, "url", "Enter the address"),
        ({"url": "https://10.0.0.1/"}, "url", "private or reserved"),
        ({"url": "http://127.0.0.1:8000/"}, "url", "private or reserved"),
        ({"url": "javascript:alert(1)"}, "url", "begins with https"),
        ({"topics": []}, "topics", "at least one topic"),
        ({"topics": ["everything"]}, "topics", "not a valid choice"),
    ],
)
def test_errors_are_shown_at_their_field(
    app: Flask, database: Database, endpoint_id: int, values: dict[str, object], field: str, sentence: str
) -> None:
    client = admin(app)
    for path in ("/admin/webhooks/new", f"/admin/webhooks/{endpoint_id}"):
        answer = submit(client, path, NEW | values)
        html = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in html
        assert sentence in html
    with database.read_only() as session:
        (endpoint,) = endpoints.find_all(session)
        assert (endpoint.url, endpoint.topics) == (URL, NEW["topics"])


def test_the_address_and_topics_of_an_endpoint_are_changed(app: Flask, database: Database, endpoint_id: int) -> None:
    values = {"url": "https://other.example.com/", "topics": ["form.submitted"]}
    assert submit(admin(app), f"/admin/webhooks/{endpoint_id}", values).status_code == 303
    with database.read_only() as session:
        endpoint = endpoints.find(session, endpoint_id)
        assert (endpoint.url, endpoint.topics) == ("https://other.example.com/", ["form.submitted"])


def test_the_settings_of_an_endpoint_are_reached_above_its_deliveries(app: Flask, endpoint_id: int) -> None:
    html = admin(app).get(f"/admin/webhooks/{endpoint_id}").text
    link, deliveries, settings = (
        html.index(each) for each in ('href="#endpoint-form"', ">Deliveries<", 'id="endpoint-form"')
    )
    assert link < deliveries < settings


def test_a_rotated_secret_is_shown_once_and_both_are_valid(app: Flask, database: Database, endpoint_id: int) -> None:
    client, path = admin(app), f"/admin/webhooks/{endpoint_id}"
    html = submit(client, f"{path}/secret", page=path).get_data(as_text=True)
    (secret,) = set(re.findall(r"whsec_[\w+/=]+", html))
    page = client.get(path).get_data(as_text=True)
    assert secret not in page
    assert "Two secrets are valid until" in page
    with database.read_only() as session:
        endpoint = endpoints.find(session, endpoint_id)
        assert endpoints.secrets_of(session, endpoint, at=clock.now())[0] == secret


def test_a_delivery_shows_request_and_response_and_is_replayed(
    app: Flask, database: Database, endpoint_id: int
) -> None:
    client, path = admin(app), f"/admin/webhooks/{endpoint_id}"
    assert submit(client, f"{path}/test", page=path).status_code == 303
    delivery_id = end_attempt(database, status=500, answer="<b>broken</b>", headers={"X-From": "there"})
    html = client.get(path).get_data(as_text=True)
    assert "Trying again" in html
    one = f"{path}/deliveries/{delivery_id}"
    html = client.get(one).get_data(as_text=True)
    for part in ("&lt;b&gt;broken&lt;/b&gt;", "X-From: there", "webhook-id: one", "This is a test. Nothing happened."):
        assert part in html, part
    assert "<b>broken" not in html
    end_attempt(database, status=200, answer="", headers={})
    assert submit(client, f"{one}/replay", page=one).status_code == 303
    with database.read_only() as session:
        again = session.get_one(WebhookDelivery, delivery_id)
        assert (again.state, again.attempts) == ("waiting", 0)
    html = client.get(one).get_data(as_text=True)
    assert "Send again" not in html, "it is on its way already"
    with database.read_only() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("webhook"))).all()
    assert actions == ["webhook_endpoint.created", "webhook_endpoint.tested", "webhook_endpoint.replayed"]


@pytest.mark.databases("sqlite", "postgresql")
def test_deliveries_are_listed_in_pages_and_by_state(app: Flask, database: Database, endpoint_id: int) -> None:
    with database.unit_of_work() as session:
        ids = [routing.send_test(session, endpoint_id, actor="agent:1", at=clock.now()) for _ in range(75)]
    client, path, seen = admin(app), f"/admin/webhooks/{endpoint_id}", []
    page = path
    while page:
        html = client.get(page).get_data(as_text=True)
        seen += [int(found) for found in re.findall(r"/deliveries/(\d+)\"", html)]
        older = re.search(r'href="([^"]+before=\d+)"', html)
        page = older[1].replace("&amp;", "&") if older else ""
    assert seen == ids[::-1]
    assert "There is none" in client.get(f"{path}?state=failed").get_data(as_text=True)
    assert (
        len(re.findall(r"/deliveries/\d+", client.get(f"{path}?state=waiting").get_data(as_text=True)))
        == deliveries.PAGE
    )
    assert client.get(f"{path}?state=nothing").status_code == 404
    for odd in ("before=x", "before=-1", "before=99999999999999999999999", "before=", "before=１"):
        assert client.get(f"{path}?{odd}").status_code == 200


def test_an_endpoint_is_disabled_enabled_and_deleted(app: Flask, database: Database, endpoint_id: int) -> None:
    client, path = admin(app), f"/admin/webhooks/{endpoint_id}"
    submit(client, f"{path}/disable", page=path)
    html = client.get(path).get_data(as_text=True)
    assert "Disabled since" in html
    submit(client, f"{path}/test", page=path)
    assert "Enable it first" in client.get(path).get_data(as_text=True)
    submit(client, f"{path}/enable", page=path)
    assert "Disabled since" not in client.get(path).get_data(as_text=True)
    submit(client, f"{path}/delete", page=path)
    assert client.get(path).status_code == 404
    assert URL not in client.get("/admin/webhooks").get_data(as_text=True)
    with database.read_only() as session:
        assert session.scalars(select(WebhookDelivery)).all() == []


def test_the_health_of_an_endpoint_is_shown_in_words(app: Flask, database: Database, endpoint_id: int) -> None:
    client = admin(app)
    for values, word in [
        ({}, "Nothing sent yet"),
        ({"last_success_at": clock.now()}, "Healthy"),
        ({"consecutive_failures": 3}, "Failing"),
        ({"paused_until": clock.now() + timedelta(days=9)}, "Paused"),
        ({"disabled_at": clock.now(), "disabled_reason": "gone"}, "Disabled"),
    ]:
        with database.unit_of_work() as session:
            endpoint = session.get_one(WebhookEndpoint, endpoint_id)
            for name, value in values.items():
                setattr(endpoint, name, value)
        assert word in client.get("/admin/webhooks").get_data(as_text=True)
        assert word in client.get(f"/admin/webhooks/{endpoint_id}").get_data(as_text=True)
    assert "410 Gone" in client.get(f"/admin/webhooks/{endpoint_id}").get_data(as_text=True)


def test_an_event_that_could_not_be_routed_is_shown(app: Flask, database: Database) -> None:
    client = admin(app)
    assert "Set aside" not in client.get("/admin/webhooks").get_data(as_text=True)
    with database.unit_of_work() as session:
        outbox.add(session, ["form.inserted"], contact_id=None, payload={}, at=clock.now())
        (broken,) = outbox.unrouted(session, limit=9)
        outbox.mark_failed(session, broken, "KeyError", at=clock.now())
    html = client.get("/admin/webhooks").get_data(as_text=True)
    assert f"event {broken.id}" in html
    assert "KeyError" in html


def test_agents_and_strangers_are_refused_and_unknown_ids_are_not_found(app: Flask, endpoint_id: int) -> None:
    ana, stranger, path = agent(app), app.test_client(), f"/admin/webhooks/{endpoint_id}"
    posts = [f"{path}/{step}" for step in ("test", "secret", "disable", "enable", "delete", "replay-failed")]
    for page in ("/admin/webhooks", "/admin/webhooks/new", path, f"{path}/deliveries/1"):
        assert ana.get(page).status_code == 403
        assert stranger.get(page).status_code == 302
    for page in [*posts, "/admin/webhooks/new", path]:
        assert submit(ana, page, NEW, page="/account").status_code == 403
        assert stranger.post(page).status_code in {400, 401}
    client = admin(app)
    for page in (f"{path}/deliveries/999", "/admin/webhooks/999", "/admin/webhooks/999/deliveries/1"):
        assert client.get(page).status_code == 404
    assert submit(client, "/admin/webhooks/999/secret", page=path).status_code == 404


def end_attempt(database: Database, *, status: int, answer: str, headers: dict[str, str]) -> int:
    """End the newest delivery's next attempt like this. Returns the delivery's id."""
    with database.unit_of_work() as session:
        delivery = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id.desc())).first()
        assert delivery
        delivery.next_attempt_at = clock.now()
        session.flush()
        endpoint, lease = session.get_one(WebhookEndpoint, delivery.endpoint_id), Schedule().lease
        (attempt,) = attempts.claim(session, endpoint, limit=1, lease=lease, at=clock.now())
        outcome = AttemptOutcome(
            attempt, clock.now(), {"webhook-id": "one"}, status=status, response_headers=headers, response=answer
        )
        attempts.record(session, [outcome], Schedule(), at=clock.now())
        return delivery.id
