"""What holds for every call: errors, pages, calls that come twice, limits."""

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
from tests.web.api.client import Answer, Calls, calls, conform, database, token


def raw(app: Flask, method: str, path: str, body: bytes, kind: str | None = "application/json") -> Answer:
    """A call with a body that no client would make."""
    headers = {"Authorization": f"Bearer {token(app)}"} | ({"Content-Type": kind} if kind else {})
    response = app.test_client().open(f"/api{path}", method=method, data=body, headers=headers)
    answer = Answer(response.status_code, response.get_json(silent=True), response.headers)
    conform(app, method, path, answer)
    return answer


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
def test_what_is_no_json_object_is_refused_as_json(app: Flask, body: bytes) -> None:
    answer = raw(app, "POST", "/contacts", body)
    assert (answer.status, answer.code) == (400, "parameter_invalid")


def test_half_of_a_surrogate_pair_cannot_be_stored(app: Flask) -> None:
    answer = raw(app, "POST", "/contacts", b'{"role": "lead", "name": "\\ud800"}')
    assert (answer.status, answer.field) == (400, "name")


def test_the_content_type_does_not_matter(app: Flask) -> None:
    for number, kind in enumerate((None, "text/plain", "application/json; charset=utf-8")):
        assert raw(app, "POST", "/contacts", json.dumps({"external_id": str(number)}).encode(), kind).status == 200


def test_a_body_that_is_too_large_is_refused(app: Flask) -> None:
    answer = raw(app, "POST", "/contacts", b'{"role": "lead", "name": "' + b"x" * 1_100_000 + b'"}')
    assert answer.status == 413


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
def test_what_there_is_not_is_told_in_the_same_envelope(
    app: Flask, api: Calls, method: str, path: str, status: int, code: str
) -> None:
    for client in (api, Calls(app, None)):
        answer = client(method, path)
        assert (answer.status, answer.code) == (status, code)
        assert (status == 405) == ("Allow" in answer.headers)
    assert app.test_client().get("/apis").content_type.startswith("text/html")


@pytest.mark.own_database
def test_a_mistake_of_ours_is_told_without_its_details(app: Flask, api: Calls) -> None:
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
def test_pages_that_there_cannot_be_are_refused(api: Calls, path: str, query: str, field: str) -> None:
    answer = api.get(f"{path}?{query}")
    assert (answer.status, answer.field) == (400, field)
    assert answer.code == ("client_error" if field == "starting_after" else "parameter_invalid")


def test_a_list_without_pages_by_number_says_so(app: Flask) -> None:
    api = calls(app, "admin")
    sam = api.contact(role="lead")
    endpoint = api.post("/webhook_endpoints", EXAMPLES["create_webhook_endpoint"]["request"])
    paths = ["/conversations", "/suppressions", f"/contacts/{sam}/consent_events"]
    for path in (*paths, f"/webhook_endpoints/{endpoint['id']}/deliveries"):
        assert api.get(f"{path}?page=1").status == 200
        assert (api.get(f"{path}?page=2").status, api.get(f"{path}?page=2").field) == (400, "page")
    assert api.get("/contacts?page=2").status == 200


def test_a_cursor_of_another_list_is_refused(api: Calls) -> None:
    for _ in range(2):
        api.contact(role="lead")
    cursor = api.get("/contacts?per_page=1")["pages"]["next"]["starting_after"]
    assert api.get(f"/conversations?starting_after={cursor}").code == "client_error"


CURSORS = st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), max_size=6)


@given(parts=CURSORS)
@limits(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_forged_cursor_breaks_a_list(api: Calls, parts: list[Any]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
    sort = {"field": "created_at", "order": "ascending"}
    query = {"field": "phone", "operator": "^", "value": "+"}
    for answer in (
        api.get(f"/contacts?starting_after={cursor}"),
        api.get(f"/conversations?starting_after={cursor}"),
        api.post("/contacts/search", {"query": query, "pagination": {"starting_after": cursor}}),
        api.post("/contacts/search", {"query": query, "pagination": {"starting_after": cursor}, "sort": sort}),
    ):
        assert answer.status in {200, 400}


def test_the_same_call_with_a_key_is_done_once(app: Flask, api: Calls) -> None:
    first = api.post("/contacts", {"role": "lead"}, Idempotency_Key="one")
    again = api.post("/contacts", {"role": "lead"}, Idempotency_Key="one")
    assert again.body == first.body
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert api.post("/contacts", {"role": "lead"}, Idempotency_Key="two")["id"] != first["id"]
    assert calls(app).post("/contacts", {"role": "lead"}, Idempotency_Key="one")["id"] != first["id"]
    other = api.post("/contacts", {"role": "lead", "name": "Sam"}, Idempotency_Key="one")
    assert (other.status, other.code) == (409, "idempotency_conflict")
    elsewhere = api.post(f"/contacts/{first['id']}/archive", Idempotency_Key="one")
    assert elsewhere.code == "idempotency_conflict"


def test_a_call_that_failed_leaves_its_key_free(api: Calls) -> None:
    kind = api.live_type()
    sam = api.contact(external_id="70")
    attach = {"id": kind, "consent_type": "opt_in"}
    assert api.post(f"/contacts/{sam}/subscriptions", attach, Idempotency_Key="k").code == "no_phone"
    api.put(f"/contacts/{sam}", {"phone": SAMS_NUMBER})
    assert api.post(f"/contacts/{sam}/subscriptions", attach, Idempotency_Key="k").status == 200


def test_a_key_is_kept_for_a_day(app: Flask, api: Calls) -> None:
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
def test_a_key_that_is_none_is_refused(api: Calls, key: str) -> None:
    answer = api.post("/contacts", {"role": "lead"}, Idempotency_Key=key)
    assert (answer.status, answer.field) == (400, "Idempotency-Key")


def test_many_at_once_with_one_key_do_it_once(app: Flask) -> None:
    shown, kind = token(app), calls(app).live_type()
    sam = calls(app).contact(external_id="70", phone=SAMS_NUMBER)
    answers: list[Answer] = []

    def call() -> None:
        body = {"id": kind, "consent_type": "opt_in"}
        answers.append(Calls(app, shown).post(f"/contacts/{sam}/subscriptions", body, Idempotency_Key="k"))

    together([call] * 8)
    assert {answer.status for answer in answers} == {200}
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 7
    with database(app).read_only() as session:
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 1


def test_many_at_once_make_one_person_once(app: Flask) -> None:
    shown = token(app)
    answers: list[Answer] = []

    def call() -> None:
        answers.append(Calls(app, shown).post("/contacts", {"email": "sam@example.com", "external_id": "70"}))

    together([call] * 8)
    assert sorted(answer.status for answer in answers) == [200, *[409] * 7]
    with database(app).read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1


def test_a_token_has_its_limit_and_is_told_when_to_go_on(app: Flask) -> None:
    with database(app).unit_of_work() as session:
        settings.change(session, {"api_calls_per_minute": 18}, actor="agent:1", at=NOON)
    with time_machine.travel(NOON, tick=False) as now:
        client, other = calls(app), calls(app)
        told = [client.get("/me").headers["X-RateLimit-Remaining"] for _ in range(3)]
        assert told == ["2", "1", "0"]
        over = client.get("/me")
        assert (over.status, over.code) == (429, "rate_limit_exceeded")
        assert over.body["errors"][0]["message"] == "Exceeded rate limit of 3 in 10_seconds"
        assert int(over.headers["X-RateLimit-Reset"]) == int(NOON.timestamp()) + 10
        assert 1 <= int(over.headers["Retry-After"]) <= 11
        assert other.get("/me").status == 200
        now.shift(10)
        assert client.get("/me").status == 200


def test_redis_counts_over_processes(settings: config.Settings) -> None:
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"redis://127.0.0.1:{server.server_address[1]}/0"
    apps = [create_app(config.Settings(**(vars(settings) | {"redis_url": url}))) for _ in range(2)]
    try:
        shown = token(apps[0])
        with time_machine.travel(NOON, tick=False):
            left = [int(Calls(app, shown).get("/me").headers["X-RateLimit-Remaining"]) for app in (*apps, *apps)]
        assert left == [1666, 1665, 1664, 1663]
    finally:
        server.shutdown()
        server.server_close()
        for app in apps:
            app.extensions["assent"].database.close()


def test_while_redis_is_away_each_process_counts_alone(settings: config.Settings) -> None:
    meter = rates.create_limiter(config.Settings(**(vars(settings) | {"redis_url": "redis://127.0.0.1:1/0"})))
    standings = [meter.count(1, 18, now_s=1000.0) for _ in range(4)]
    assert [each.is_over for each in standings] == [False, False, False, True]


def test_an_address_that_is_no_redis_stops_the_start_by_name(settings: config.Settings) -> None:
    with pytest.raises(config.BadSetting, match=r"^ASSENT_REDIS_URL: "):
        rates.create_limiter(config.Settings(**(vars(settings) | {"redis_url": "http://example.com"})))


def together(acts: list[Any]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
