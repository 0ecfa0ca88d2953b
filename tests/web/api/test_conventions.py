"""Conventions of all operations: errors, pagination, idempotency, rate limits."""

import base64
import json
import threading
from datetime import timedelta
from typing import Any

import fakeredis
import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from app import config, create_app
from app.core import clock
from app.core.workspace import settings
from app.jobs import housekeeping
from app.models import ConsentEvent, Contact, IdempotencyKey
from app.web.api import rate_limit as rates
from app.web.api.examples import EXAMPLES
from tests.make import NOON, SAMS_NUMBER
from tests.web.api.client import ApiClient, Response, api_client, check, database, token


def raw(app: Flask, method: str, path: str, body: bytes, content_type: str | None = "application/json") -> Response:
    """Send a body that clients would not send."""
    headers = {"Authorization": f"Bearer {token(app)}"} | ({"Content-Type": content_type} if content_type else {})
    sent = app.test_client().open(f"/api{path}", method=method, data=body, headers=headers)
    response = Response(sent.status_code, sent.get_json(silent=True), sent.headers)
    check(app, method, path, response)
    return response


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"\xff\xfe",
        b'{"email": NaN}',
        b'{"email": Infinity}',
        b"[" * 100_000,
        b'{"a": ' * 50_000,
        b'{"signed_up_at": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_a_body_that_is_not_a_json_object_is_refused_with_a_json_error(app: Flask, body: bytes) -> None:
    response = raw(app, "POST", "/contacts", body)
    assert (response.status, response.code) == (400, "parameter_invalid")


def test_a_lone_surrogate_is_refused(app: Flask) -> None:
    response = raw(app, "POST", "/contacts", b'{"role": "lead", "name": "\\ud800"}')
    assert (response.status, response.field) == (400, "name")


def test_the_content_type_is_ignored(app: Flask) -> None:
    for number, content_type in enumerate((None, "text/plain", "application/json; charset=utf-8")):
        assert (
            raw(app, "POST", "/contacts", json.dumps({"external_id": str(number)}).encode(), content_type).status == 200
        )


def test_a_number_that_is_whole_is_an_integer_however_it_is_written(app: Flask, api: ApiClient) -> None:
    """Clients in Python send ``timestamp()``, a float."""
    body = b'{"role": "lead", "signed_up_at": 1577836800.0, "custom_attributes": {"a": 2.0, "b": 2.5}}'
    made = raw(app, "POST", "/contacts", body)
    assert (made["signed_up_at"], made["custom_attributes"]) == (1577836800, {"a": 2, "b": 2.5})
    query = b'{"field": "updated_at", "operator": ">", "value": 1.5778368e9}'
    found = raw(app, "POST", "/contacts/search", b'{"query": ' + query + b', "pagination": {"per_page": 1.0}}')
    assert (found["total_count"], found["pages"]["per_page"]) == (1, 1)
    assert api.get("/contacts?per_page=1.0")["pages"]["per_page"] == 1
    assert api.get("/contacts?per_page=1.5").field == "per_page"
    for number in (b"1577836800.5", b"1e400", b"-0.5"):
        refused = raw(app, "POST", "/contacts", b'{"role": "lead", "signed_up_at": ' + number + b"}")
        assert (refused.status, refused.field) == (400, "signed_up_at")


def test_a_body_that_is_too_large_is_refused(app: Flask) -> None:
    response = raw(app, "POST", "/contacts", b'{"role": "lead", "name": "' + b"x" * 1_100_000 + b'"}')
    assert response.status == 413


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/contacts/", 404, "not_found"),
        ("PATCH", "/contacts", 405, "method_not_allowed"),
        ("DELETE", "/contacts", 405, "method_not_allowed"),
        ("OPTIONS", "/contacts", 405, "method_not_allowed"),
        ("POST", "/me", 405, "method_not_allowed"),
    ],
)
def test_unknown_paths_and_methods_are_refused_with_a_json_error(
    app: Flask, api: ApiClient, method: str, path: str, status: int, code: str
) -> None:
    for client in (api, ApiClient(app, None)):
        response = client(method, path)
        assert (response.status, response.code) == (status, code)
        assert (status == 405) == ("Allow" in response.headers)
    assert app.test_client().get("/apis").content_type.startswith("text/html")


@pytest.mark.own_database
def test_a_server_error_does_not_reveal_details(app: Flask, api: ApiClient) -> None:
    with database(app).unit_of_work() as session:
        session.connection().exec_driver_sql("DROP TABLE segments")
    response = app.test_client().get("/api/segments", headers={"Authorization": f"Bearer {api.token}"})
    assert (response.status_code, response.get_json()["errors"][0]["code"]) == (500, "server_error")
    assert "segments" not in response.get_data(as_text=True)
    assert response.get_json()["request_id"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/contacts", "/conversations", "/suppressions"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("per_page=0", "per_page"),
        ("per_page=151", "per_page"),
        ("per_page=many", "per_page"),
        ("page=0", "page"),
        ("page=10001", "page"),
        ("starting_after=x", "starting_after"),
        ("starting_after=" + "A" * 3000, "starting_after"),
        ("starting_after=WzEsMSxmYWxzZSwiXHUwMDAwIl0", "starting_after"),
        ("starting_after=%F0%9F%92%A9", "starting_after"),
        ("starting_after=WzE4LFwiYVwiXQ", "starting_after"),
    ],
)
def test_invalid_pagination_is_refused_with_its_field(api: ApiClient, path: str, query: str, field: str) -> None:
    response = api.get(f"{path}?{query}")
    assert (response.status, response.field) == (400, field)
    assert response.code == ("client_error" if field == "starting_after" else "parameter_invalid")


def test_lists_with_cursors_only_refuse_page_numbers(app: Flask) -> None:
    api = api_client(app, "admin")
    sam = api.contact(role="lead")
    endpoint = api.post("/webhook_endpoints", EXAMPLES["create_webhook_endpoint"]["request"])
    paths = ["/conversations", "/suppressions", f"/contacts/{sam}/consent_events"]
    for path in (*paths, f"/webhook_endpoints/{endpoint['id']}/deliveries"):
        assert api.get(f"{path}?page=1").status == 200
        assert (api.get(f"{path}?page=2").status, api.get(f"{path}?page=2").field) == (400, "page")
    assert api.get("/contacts?page=2").status == 200


def test_a_cursor_of_another_list_is_refused(api: ApiClient) -> None:
    for _ in range(2):
        api.contact(role="lead")
    cursor = api.get("/contacts?per_page=1")["pages"]["next"]["starting_after"]
    assert api.get(f"/conversations?starting_after={cursor}").code == "client_error"


CURSORS = st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), max_size=6)


@given(parts=CURSORS)
@limits(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_forged_cursor_never_causes_a_server_error(api: ApiClient, parts: list[Any]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
    sort = {"field": "created_at", "order": "ascending"}
    query = {"field": "phone", "operator": "^", "value": "+"}
    for response in (
        api.get(f"/contacts?starting_after={cursor}"),
        api.get(f"/conversations?starting_after={cursor}"),
        api.post("/contacts/search", {"query": query, "pagination": {"starting_after": cursor}}),
        api.post("/contacts/search", {"query": query, "pagination": {"starting_after": cursor}, "sort": sort}),
    ):
        assert response.status in {200, 400}


def test_a_request_repeated_with_its_idempotency_key_runs_once(app: Flask, api: ApiClient) -> None:
    first = api.post("/contacts", {"role": "lead"}, Idempotency_Key="one")
    again = api.post("/contacts", {"role": "lead"}, Idempotency_Key="one")
    assert again.body == first.body
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert api.post("/contacts", {"role": "lead"}, Idempotency_Key="two")["id"] != first["id"]
    assert api_client(app).post("/contacts", {"role": "lead"}, Idempotency_Key="one")["id"] != first["id"]
    other = api.post("/contacts", {"role": "lead", "name": "Sam"}, Idempotency_Key="one")
    assert (other.status, other.code) == (409, "idempotency_conflict")
    elsewhere = api.post(f"/contacts/{first['id']}/archive", Idempotency_Key="one")
    assert elsewhere.code == "idempotency_conflict"


def test_a_failed_request_does_not_use_its_idempotency_key(api: ApiClient) -> None:
    offers = api.live_type()
    sam = api.contact(external_id="70")
    attach = {"id": offers, "consent_type": "opt_in"}
    assert api.post(f"/contacts/{sam}/subscriptions", attach, Idempotency_Key="k").code == "no_phone"
    api.put(f"/contacts/{sam}", {"phone": SAMS_NUMBER})
    assert api.post(f"/contacts/{sam}/subscriptions", attach, Idempotency_Key="k").status == 200


def test_an_idempotency_key_is_kept_for_a_day(app: Flask, api: ApiClient) -> None:
    first = api.post("/contacts", {"role": "lead"}, Idempotency_Key="one")
    with database(app).unit_of_work() as session:
        session.execute(update(IdempotencyKey).values(created_at=clock.now() - timedelta(hours=24)))
    assert api.post("/contacts", {"role": "lead"}, Idempotency_Key="one")["id"] != first["id"]
    with database(app).unit_of_work() as session:
        session.execute(update(IdempotencyKey).values(created_at=clock.now() - timedelta(hours=24)))
    housekeeping.delete_expired(database(app))
    with database(app).read_only() as session:
        assert session.scalars(select(IdempotencyKey)).all() == []


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ü"])
def test_an_invalid_idempotency_key_is_refused(api: ApiClient, key: str) -> None:
    response = api.post("/contacts", {"role": "lead"}, Idempotency_Key=key)
    assert (response.status, response.field) == (400, "Idempotency-Key")


def test_concurrent_requests_with_one_idempotency_key_run_once(app: Flask) -> None:
    shown, offers = token(app), api_client(app).live_type()
    sam = api_client(app).contact(external_id="70", phone=SAMS_NUMBER)
    responses: list[Response] = []

    def call() -> None:
        body = {"id": offers, "consent_type": "opt_in"}
        responses.append(ApiClient(app, shown).post(f"/contacts/{sam}/subscriptions", body, Idempotency_Key="k"))

    run_concurrently([call] * 8)
    assert {response.status for response in responses} == {200}
    assert sum("Idempotent-Replayed" in response.headers for response in responses) == 7
    with database(app).read_only() as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 1


def test_concurrent_requests_create_a_contact_once(app: Flask) -> None:
    shown = token(app)
    responses: list[Response] = []

    def call() -> None:
        responses.append(ApiClient(app, shown).post("/contacts", {"email": "sam@example.com", "external_id": "70"}))

    run_concurrently([call] * 8)
    assert sorted(response.status for response in responses) == [200, *[409] * 7]
    with database(app).read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1


def test_a_token_over_its_rate_limit_is_refused_with_retry_after(app: Flask) -> None:
    with database(app).unit_of_work() as session:
        settings.change(session, {"api_calls_per_minute": 18}, actor="agent:1", at=NOON)
    with time_machine.travel(NOON, tick=False) as now:
        client, other = api_client(app), api_client(app)
        found = [client.get("/me").headers["X-RateLimit-Remaining"] for _ in range(3)]
        assert found == ["2", "1", "0"]
        over = client.get("/me")
        assert (over.status, over.code) == (429, "rate_limit_exceeded")
        assert over.body["errors"][0]["message"] == "Exceeded rate limit of 3 in 10_seconds"
        assert int(over.headers["X-RateLimit-Reset"]) == int(NOON.timestamp()) + 10
        assert 1 <= int(over.headers["Retry-After"]) <= 11
        assert other.get("/me").status == 200
        now.shift(10)
        assert client.get("/me").status == 200


def test_redis_counts_requests_of_all_processes(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # The server is a thread of this process: on a busy machine it needs longer than a real one may take.
    monkeypatch.setattr(rates, "_REDIS_TIMEOUT_S", 30.0)
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"redis://127.0.0.1:{server.server_address[1]}/0"
    apps = [create_app(config.Settings(**(vars(settings) | {"redis_url": url}))) for _ in range(2)]
    try:
        shown = token(apps[0])
        with time_machine.travel(NOON, tick=False):
            left = [int(ApiClient(app, shown).get("/me").headers["X-RateLimit-Remaining"]) for app in (*apps, *apps)]
        assert left == [1666, 1665, 1664, 1663]
    finally:
        server.shutdown()
        server.server_close()
        for app in apps:
            app.extensions["assent"].database.close()


def test_without_redis_each_process_counts_its_own_requests(settings: config.Settings) -> None:
    limiter = rates.create_limiter(config.Settings(**(vars(settings) | {"redis_url": "redis://127.0.0.1:1/0"})))
    statuses = [limiter.count(1, 18, now_s=1000.0) for _ in range(4)]
    assert [each.is_over for each in statuses] == [False, False, False, True]


def test_an_invalid_redis_url_is_refused_with_the_settings_name(settings: config.Settings) -> None:
    with pytest.raises(config.BadSetting, match=r"^ASSENT_REDIS_URL: "):
        rates.create_limiter(config.Settings(**(vars(settings) | {"redis_url": "http://example.com"})))


def run_concurrently(calls: list[Any]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
