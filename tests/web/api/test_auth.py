"""Authentication and scopes: every route without a token, with a wrong, revoked, expired or read-only one."""

import time
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.core import clock
from app.core.accounts import api_tokens
from app.models import ApiToken, AuditEntry, OutboxEvent
from app.web.api import api_of
from app.web.services import LOCK_LIMIT_S
from tests.web import pages
from tests.web.api.client import ApiClient, api_client, database, description, token

ID = "6762f0cd1bb69f9f2193bb7c"
PUBLIC = {"/openapi.json", "/docs"}


def routes(app: Flask) -> list[tuple[str, str]]:
    """The method and a path of every operation."""
    found = []
    for rule in api_of(app).url_map.iter_rules():
        if rule.rule not in PUBLIC:
            path = rule.rule.replace("<path:external_id>", "x")
            for name in rule.arguments:
                path = path.replace(f"<{name}>", ID if name in {"contact_id", "segment_id"} else "1")
            found += [(method, path) for method in rule.methods - {"HEAD", "OPTIONS"}]
    return found


def ours(app: Flask) -> list[tuple[str, str]]:
    """Those that show their token in ``Authorization``; ``test_insider.py`` has the others."""
    return [(method, path) for method, path in routes(app) if not path.startswith(("/user/v1/", "/sms/v2/"))]


def test_the_description_has_as_many_operations_as_there_are_routes(app: Flask) -> None:
    paths = description()["paths"].values()
    assert len(routes(app)) == sum(len(each) - ("parameters" in each) for each in paths) > 45


@pytest.mark.parametrize("shown", [None, "assent_wrong", "", "x y", "ü", "Bearer"])
def test_requests_without_a_valid_token_are_refused(app: Flask, shown: str | None) -> None:
    stranger = ApiClient(app, shown)
    for method, path in ours(app):
        response = stranger(method, path, {} if method in {"POST", "PUT"} else None)
        assert (response.status, response.code) == (401, "unauthorized"), (method, path)
        assert "X-RateLimit-Limit" not in response.headers


def test_a_revoked_token_is_refused_immediately(app: Flask) -> None:
    client = api_client(app)
    assert client.get("/contacts").status == 200
    with database(app).unit_of_work() as session:
        api_tokens.revoke(session, session.scalars(select(ApiToken.id)).one(), actor="agent:1", at=clock.now())
    for method, path in ours(app):
        assert client(method, path).status == 401, (method, path)


def test_an_expired_token_is_refused(app: Flask) -> None:
    client = ApiClient(app, token(app, expires_at=clock.now() + timedelta(hours=1)))
    assert client.get("/contacts").status == 200
    with database(app).unit_of_work() as session:
        session.execute(update(ApiToken).values(expires_at=clock.now()))
    assert client.get("/contacts").status == 401


def test_a_token_with_the_read_scope_can_search_but_not_change(app: Flask) -> None:
    reader = api_client(app, "read")
    for method, path in ours(app):
        response = reader(method, path, {} if method in {"POST", "PUT"} else None)
        if method == "GET" or path.endswith(("/search", "/list", "/audience/preview")):
            assert response.status in {200, 400, 404}, (method, path, response.body)
        else:
            assert (response.status, response.code) == (403, "forbidden"), (method, path)
    with database(app).read_only() as session:
        assert session.scalars(select(OutboxEvent)).all() == []


def test_an_agents_session_is_not_accepted_by_the_api(app: Flask) -> None:
    client = pages.admin(app)
    for method, path in ours(app):
        response = client.open(f"/api{path}", method=method)
        assert response.status_code == 401, (method, path)
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")


def test_wider_scopes_include_the_narrower_ones(app: Flask) -> None:
    assert api_client(app, "admin").post("/contacts", {"role": "lead"}).status == 200
    assert api_client(app, "write").get("/contacts").status == 200


def test_changes_are_audited_with_the_token_as_actor(app: Flask) -> None:
    client = api_client(app)
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
    audit_log = pages.admin(app).get("/admin/audit").get_data(as_text=True)
    assert "API token “the shop”" in audit_log


def test_the_last_use_is_recorded_once_a_minute(app: Flask) -> None:
    client = api_client(app)
    client.get("/contacts")
    first = _last_used(app)
    assert first is not None
    client.get("/contacts")
    assert _last_used(app) == first
    with database(app).unit_of_work() as session:
        session.execute(update(ApiToken).values(last_used_at=first - timedelta(minutes=2)))
    client.get("/contacts")
    assert _last_used(app) > first - timedelta(minutes=1)


def test_a_response_does_not_wait_for_recording_the_use(app: Flask) -> None:
    client, opened = api_client(app), database(app)
    client.get("/me")  # the first call of a process prepares much
    with opened.unit_of_work() as session:
        session.execute(update(ApiToken).values(last_used_at=None))
    with opened.unit_of_work() as session:  # locks the database (SQLite) or the token's row
        session.execute(select(ApiToken).with_for_update())
        began_s = time.perf_counter()
        assert client.get("/me").status == 200
        assert time.perf_counter() - began_s < LOCK_LIMIT_S / 2
    assert _last_used(app) is None
    client.get("/me")
    assert _last_used(app) is not None


@pytest.mark.own_database
def test_a_request_succeeds_when_the_use_cannot_be_recorded(app: Flask) -> None:
    client, opened = api_client(app), database(app)
    with opened.unit_of_work() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON api_tokens BEGIN SELECT RAISE(ABORT, 'full'); END"
            if opened.is_sqlite
            else "ALTER TABLE api_tokens ADD CONSTRAINT full_disk CHECK (last_used_at IS NULL)"
        )
    assert client.contact(role="lead")
    assert _last_used(app) is None


def test_checking_a_token_is_one_statement(app: Flask) -> None:
    client = api_client(app)
    client.get("/me")
    seen: list[str] = []
    database(app).trace = seen.append
    client.get("/subscription_types")
    database(app).trace = None
    assert len(seen) == 1
    assert "api_tokens.token_hash =" in seen[0]


@pytest.mark.parametrize("password", ["", "other"])
def test_http_basic_takes_the_token_as_user_name_with_an_empty_password(app: Flask, password: str) -> None:
    response = app.test_client().get("/api/me", auth=(token(app), password))
    assert response.status_code == (401 if password else 200)


@pytest.mark.parametrize("shown", ["", "x", "dDo=", "Og==", "ü", "//79"])
def test_http_basic_without_a_valid_token_is_refused(app: Flask, shown: str) -> None:
    response = app.test_client().get("/api/me", headers={"Authorization": f"Basic {shown}"})
    assert (response.status_code, response.get_json()["errors"][0]["code"]) == (401, "unauthorized")


def test_the_bearer_scheme_is_case_insensitive(app: Flask) -> None:
    shown = token(app)
    for scheme in ("bearer", "BEARER", "Bearer "):
        response = app.test_client().get("/api/me", headers={"Authorization": f"{scheme} {shown}"})
        assert response.status_code == 200


def _last_used(app: Flask):  # type: ignore[no-untyped-def]
    with database(app).read_only() as session:
        return session.scalars(select(ApiToken.last_used_at)).one()
