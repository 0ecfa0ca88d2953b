"""Who may call: every route, with no token, a wrong one, a revoked one, one that may only read, an agent's session."""

import time
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.core import clock
from app.core.accounts import api_tokens as tokens
from app.models import ApiToken, AuditEntry, OutboxEvent
from app.web.api import of
from tests.web import pages
from tests.web.api.client import Calls, calls, database, description, token

ID = "6762f0cd1bb69f9f2193bb7c"
PUBLIC = {"/api/openapi.json", "/api/docs"}


def routes(app: Flask) -> list[tuple[str, str]]:
    """Every call that there is: method and an address for it."""
    found = []
    for rule in of(app).url_map.iter_rules():
        if rule.rule not in PUBLIC:
            path = rule.rule.replace("<path:external_id>", "x")
            for name in rule.arguments:
                path = path.replace(f"<{name}>", ID if name in {"contact_id", "segment_id"} else "1")
            found += [(method, path.removeprefix("/api")) for method in rule.methods - {"HEAD", "OPTIONS"}]
    return found


def test_there_are_as_many_calls_as_the_description_says(app: Flask) -> None:
    paths = description(app)["paths"].values()
    assert len(routes(app)) == sum(len(each) - ("parameters" in each) for each in paths) > 45


@pytest.mark.parametrize("shown", [None, "assent_wrong", "", "x y", "ü", "Bearer"])
def test_without_a_token_that_is_valid_nothing_is_told(app: Flask, shown: str | None) -> None:
    stranger = Calls(app, shown)
    for method, path in routes(app):
        answer = stranger(method, path, {} if method in {"POST", "PUT"} else None)
        assert (answer.status, answer.code) == (401, "unauthorized"), (method, path)
        assert "X-RateLimit-Limit" not in answer.headers


def test_a_revoked_token_gets_nothing_at_once(app: Flask) -> None:
    client = calls(app)
    assert client.get("/contacts").status == 200
    with database(app).unit_of_work() as session:
        tokens.revoke(session, session.scalars(select(ApiToken.id)).one(), actor="agent:1", at=clock.now())
    for method, path in routes(app):
        assert client(method, path).status == 401, (method, path)


def test_a_token_that_has_expired_gets_nothing(app: Flask) -> None:
    client = Calls(app, token(app, expires_at=clock.now() + timedelta(hours=1)))
    assert client.get("/contacts").status == 200
    with database(app).unit_of_work() as session:
        session.execute(update(ApiToken).values(expires_at=clock.now()))
    assert client.get("/contacts").status == 401


def test_a_token_that_reads_looks_and_searches_and_changes_nothing(app: Flask) -> None:
    reader = calls(app, "read")
    for method, path in routes(app):
        answer = reader(method, path, {} if method in {"POST", "PUT"} else None)
        if method == "GET" or path == "/contacts/search":
            assert answer.status in {200, 400, 404}, (method, path, answer.body)
        else:
            assert (answer.status, answer.code) == (403, "forbidden"), (method, path)
    with database(app).read_only() as session:
        assert session.scalars(select(OutboxEvent)).all() == []


def test_an_agents_session_opens_nothing_below_api(app: Flask) -> None:
    client = pages.admin(app)
    for method, path in routes(app):
        answer = client.open(f"/api{path}", method=method)
        assert answer.status_code == 401, (method, path)
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")


def test_wider_scopes_hold_the_narrower_ones(app: Flask) -> None:
    assert calls(app, "admin").post("/contacts", {"role": "lead"}).status == 200
    assert calls(app, "write").get("/contacts").status == 200


def test_what_a_token_does_is_noted_under_its_name(app: Flask) -> None:
    client = calls(app)
    client.live_type()
    contact = client.contact(role="lead", phone="+12025550123")
    client.post(f"/contacts/{contact}/archive")
    with database(app).read_only() as session:
        token_id = session.scalars(select(ApiToken.id)).one()
        noted = session.execute(select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)).all()
    assert [action for action, _ in noted[1:]] == [
        "subscription_type.created",
        "subscription_type.put_live",
        "contact.created",
        "contact.archived",
    ]
    assert {actor for _, actor in noted[1:]} == {f"api:{token_id}"}
    settings_page = pages.admin(app).get("/admin/settings").get_data(as_text=True)
    assert "API token “the shop”" in settings_page


def test_the_last_use_is_noted_once_a_minute(app: Flask) -> None:
    client = calls(app)
    client.get("/contacts")
    first = _last_used(app)
    assert first is not None
    client.get("/contacts")
    assert _last_used(app) == first
    with database(app).unit_of_work() as session:
        session.execute(update(ApiToken).values(last_used_at=first - timedelta(minutes=2)))
    client.get("/contacts")
    assert _last_used(app) > first - timedelta(minutes=1)


def test_no_answer_waits_until_the_use_can_be_noted(app: Flask) -> None:
    client, opened = calls(app), database(app)
    with opened.unit_of_work() as session:  # holds the only lock there is, or the token's row
        session.execute(select(ApiToken).with_for_update())
        began_s = time.perf_counter()
        assert client.get("/me").status == 200
        assert time.perf_counter() - began_s < 1
    assert _last_used(app) is None
    client.get("/me")
    assert _last_used(app) is not None


@pytest.mark.own_database
def test_no_answer_is_lost_where_the_use_cannot_be_noted(app: Flask) -> None:
    client, opened = calls(app), database(app)
    with opened.unit_of_work() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON api_tokens BEGIN SELECT RAISE(ABORT, 'full'); END"
            if opened.is_sqlite
            else "ALTER TABLE api_tokens ADD CONSTRAINT full_disk CHECK (last_used_at IS NULL)"
        )
    assert client.contact(role="lead")
    assert _last_used(app) is None


def test_checking_a_token_is_one_statement(app: Flask) -> None:
    client = calls(app)
    client.get("/me")
    seen: list[str] = []
    database(app).trace = seen.append
    client.get("/subscription_types")
    database(app).trace = None
    assert len(seen) == 1
    assert "api_tokens.token_hash =" in seen[0]


@pytest.mark.parametrize("version", ["2.16", "2.14", "1.4", "Unstable", "Preview"])
def test_versions_of_intercom_are_taken(app: Flask, version: str) -> None:
    assert calls(app).get("/contacts", Intercom_Version=version).status == 200


@pytest.mark.parametrize("version", ["2.99", "x", ""])
def test_a_version_that_nobody_knows_is_refused(app: Flask, version: str) -> None:
    answer = calls(app).get("/contacts", Intercom_Version=version)
    assert (answer.status, answer.code) == (400, "intercom_version_invalid")


def test_a_token_may_come_without_regard_to_how_bearer_is_written(app: Flask) -> None:
    shown = token(app)
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = app.test_client().get("/api/me", headers={"Authorization": f"{scheme} {shown}"})
        assert answer.status_code == 200


def _last_used(app: Flask):  # type: ignore[no-untyped-def]
    with database(app).read_only() as session:
        return session.scalars(select(ApiToken.last_used_at)).one()
