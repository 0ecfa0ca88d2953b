"""Signing in and out, and what a stranger can learn from attempts."""

import re
from collections.abc import Iterator
from threading import Thread
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app import config, create_app
from app.core import clock
from app.core.accounts import agents
from app.db import Database
from app.models import Agent, RateCounter, Role
from tests.processes import PATIENCE_S
from tests.web import pages

WRONG = "The email address or the password is wrong."


def test_an_admin_starts_at_the_forms_and_an_agent_at_the_inbox(app: Flask) -> None:
    assert pages.admin(app).get("/start").location == "/admin/overview"
    assert pages.agent(app).get("/start").location == "/inbox"


@pytest.mark.databases("sqlite", "postgresql")
def test_the_time_of_a_sign_in_is_stored(app: Flask) -> None:
    before = clock.now()
    pages.agent(app)
    assert _agent(app, "ana@example.com").last_sign_in_at >= before


def test_the_address_may_be_typed_in_capitals(app: Flask) -> None:
    pages.make_agent(app, "ana@example.com")
    assert pages.sign_in(app.test_client(), " Ana@Example.COM ").status_code == 302


def test_every_failed_sign_in_gets_the_same_response(app: Flask) -> None:
    pages.make_agent(app, "ana@example.com")
    pages.make_agent(app, "invited@example.com", password=None)
    _disable(app, pages.make_agent(app, "gone@example.com"))
    attempts = {
        "ana@example.com": "wrong horse battery",
        "stranger@example.com": pages.PASSWORD,
        "invited@example.com": pages.PASSWORD,
        "gone@example.com": pages.PASSWORD,
    }
    responses = []
    for email, password in attempts.items():
        client = app.test_client()
        response = pages.sign_in(client, email, password)
        text = _without_token(response.get_data(as_text=True))
        responses.append((response.status_code, text.replace(email, "ADDRESS")))
        assert client.get("/account").status_code == 302
    assert WRONG in responses[0][1]
    assert len(set(responses)) == 1


def test_a_password_longer_than_any_is_wrong_for_known_invited_and_unknown_addresses_alike(app: Flask) -> None:
    pages.make_agent(app, "ana@example.com")
    pages.make_agent(app, "eve@example.com", password=None)
    for email in ("ana@example.com", "eve@example.com", "noone@example.com"):
        for password in ("x" * 5000, "\ufdfa" * 3000):
            response = pages.sign_in(app.test_client(), email, password)
            assert response.status_code == 200
            assert WRONG in response.text


def test_an_unknown_address_hashes_as_often_as_a_known_one(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts instead of measuring time: each attempt runs Argon2 exactly once."""
    pages.make_agent(app, "ana@example.com")
    context = app.extensions["security"].pwd_context
    runs: list[str] = []
    for name in ("hash", "verify"):
        real = getattr(context, name)
        monkeypatch.setattr(
            context, name, lambda *a, _real=real, _name=name, **k: (runs.append(_name), _real(*a, **k))[1]
        )
    pages.sign_in(app.test_client(), "ana@example.com", "wrong horse battery")
    known = len(runs)
    pages.sign_in(app.test_client(), "stranger@example.com", "wrong horse battery")
    assert (known, len(runs)) == (1, 2)


def test_writers_do_not_wait_while_a_password_is_hashed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.make_agent(app, "ana@example.com")
    database = app.extensions["assent"].database
    context = app.extensions["security"].pwd_context
    verify, writes = context.verify, []

    def write_meanwhile(*args: str) -> bool:
        writer = Thread(target=lambda: writes.append(_write(database)))
        writer.start()
        writer.join(PATIENCE_S)
        return bool(verify(*args))

    monkeypatch.setattr(context, "verify", write_meanwhile)
    pages.signed_in_by_password(app, "ana@example.com")
    assert writes == [True]


def test_opening_the_code_page_keeps_the_session(app: Flask) -> None:
    client = pages.agent(app)
    assert client.get("/sign-in/code").location == "/account"
    assert client.get("/account").status_code == 200


def test_a_disabled_agent_is_signed_out_at_the_next_request(app: Flask) -> None:
    client = pages.agent(app)
    assert client.get("/account").status_code == 200
    _disable(app, _agent(app, "ana@example.com").id)
    assert client.get("/account").status_code == 302
    assert pages.sign_in(app.test_client(), "ana@example.com").status_code == 200


def test_signing_out_is_a_post_and_ends_the_session(app: Flask) -> None:
    client = pages.agent(app)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 400  # no CSRF token
    assert client.get("/account").status_code == 200
    response = pages.submit(client, "/sign-out", page="/account")
    assert response.location == "/sign-in"
    assert client.get("/account").status_code == 302


def test_a_sign_in_without_a_csrf_token_is_refused(app: Flask) -> None:
    pages.make_agent(app, "ana@example.com")
    client = app.test_client()
    assert client.post("/sign-in", data={"email": "ana@example.com", "password": pages.PASSWORD}).status_code == 400
    assert client.get("/account").status_code == 302


def test_a_sign_in_removes_keys_that_were_planted_in_the_session(app: Flask) -> None:
    pages.make_agent(app, "ana@example.com")
    client = app.test_client()
    client.get("/sign-in")
    with client.session_transaction() as session:
        session["planted"] = "by eve"
        before = session["csrf_token"]
    pages.sign_in(client, "ana@example.com")
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != before


def test_json_and_tokens_cannot_sign_in(app: Flask) -> None:
    pages.make_agent(app, "ana@example.com")
    client = app.test_client()
    token = pages.csrf_token(client.get("/sign-in").get_data(as_text=True))
    body = {"email": "ana@example.com", "password": pages.PASSWORD}
    assert client.post("/sign-in?include_auth_token", json=body, headers={"X-CSRFToken": token}).status_code == 415
    with app.test_request_context():
        auth_token = app.extensions["security"].datastore.find_user(email="ana@example.com").get_auth_token()
    assert app.test_client().get("/account", headers={"Authentication-Token": auth_token}).status_code == 302
    assert app.test_client().get(f"/account?auth_token={auth_token}").status_code == 302


@pytest.mark.parametrize(
    "path", ["/account", "/account/password", "/account/second-factor", "/account/recovery-codes", "/admin/agents"]
)
def test_a_stranger_is_redirected_to_the_sign_in_page(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert urlsplit(response.location).path == "/sign-in"


def test_a_sign_in_returns_to_the_requested_page(app: Flask) -> None:
    pages.make_agent(app, "max@example.com", role=Role.ADMIN)
    client = app.test_client()
    redirect = client.get("/admin/agents?from=mail")
    html = client.get(redirect.location).get_data(as_text=True)
    found = re.search(r'name="next"[^>]*value="([^"]*)"', html)
    assert found
    response = pages.sign_in(client, "max@example.com", next_page=found[1])
    assert response.location == "/admin/agents?from=mail"


def test_a_post_of_a_stranger_gets_401(client: FlaskClient) -> None:
    token = pages.csrf_token(client.get("/sign-in").get_data(as_text=True))
    response = client.post("/admin/agents/1/disable", data={"csrf_token": token})
    assert response.status_code == 401
    assert "not signed in" in response.get_data(as_text=True)


def test_an_agent_gets_403_on_admin_pages(app: Flask) -> None:
    client = pages.agent(app)
    for path in ("/admin/agents", "/admin/agents/invite", "/admin/agents/1"):
        assert client.get(path).status_code == 403
    assert pages.submit(client, "/admin/agents/1/disable", page="/account").status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://eve.example/",
        "//eve.example/",
        "///eve.example/",
        "/\\eve.example/",
        "\\\\eve.example",
        " //eve.example",
        "javascript:alert(1)",
        "http://localhost@eve.example/",
        "%20//eve.example",
    ],
)
def test_a_sign_in_never_redirects_to_another_site(app: Flask, elsewhere: str) -> None:
    pages.make_agent(app, "ana@example.com")
    for by_query in (True, False):
        client = app.test_client()
        query = {"next": elsewhere}
        token = pages.csrf_token(client.get("/sign-in", query_string=query).get_data(as_text=True))
        data = {"csrf_token": token, "email": "ana@example.com", "password": pages.PASSWORD}
        if by_query:
            response = client.post("/sign-in", query_string=query, data=data)
        else:
            response = client.post("/sign-in", data=data | query)
        assert response.status_code == 302
        assert response.location == "/start" or re.match(r"[/%\w][^/\\:]*%?", response.location)
        assert not re.match(r"(\w+:|[/\\\s]{2})", response.location), response.location


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookies_are_http_only_same_site_and_secure(settings: config.Settings, scheme: str) -> None:
    behind_proxy = config.Settings(**(vars(settings) | {"trusted_proxies": 1}))
    app = create_app(behind_proxy)
    pages.make_agent(app, "ana@example.com")
    response = pages.sign_in(app.test_client(), "ana@example.com", headers={"X-Forwarded-Proto": scheme})
    cookies = response.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"assent_session", "assent_device"}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) == (scheme == "https")
    app.extensions["assent"].database.close()


def test_the_session_cookie_is_secure_when_the_public_address_is(settings: config.Settings) -> None:
    """Also behind a proxy that is not configured, where every request looks like HTTP."""
    app = create_app(config.Settings(**(vars(settings) | {"public_url": "https://consent.example.com"})))
    assert "Secure" in app.test_client().get("/sign-in").headers["Set-Cookie"]
    app.extensions["assent"].database.close()


@pytest.mark.parametrize("path", ["/f/form/x", "/f/x", "/healthz"])
def test_the_embed_ignores_the_session(app: Flask, path: str) -> None:
    """A shared cache may store these responses, so they must not depend on the cookie."""
    for client in (app.test_client(), pages.agent(app)):
        response = client.get(path)
        assert "Cookie" not in response.headers.get("Vary", "")
        assert "Set-Cookie" not in response.headers


def test_a_page_reads_the_account_once(app: Flask) -> None:
    client = pages.agent(app)
    with pages.statements(app) as seen:
        assert client.get("/account").status_code == 200
    assert len([statement for statement in seen if "FROM agents" in statement]) == 1
    assert not [statement for statement in seen if statement.startswith(("INSERT", "UPDATE", "BEGIN IMMEDIATE"))]


class TestLimits:
    @pytest.fixture(autouse=True)
    def one_window(self) -> Iterator[None]:
        with pages.one_window():
            yield

    def test_after_ten_wrong_passwords_an_account_is_locked_for_a_while(self, app: Flask) -> None:
        pages.make_agent(app, "ana@example.com")
        client = app.test_client()
        for _ in range(10):
            assert pages.sign_in(client, "ana@example.com", "wrong horse battery").status_code == 200
        refused = pages.sign_in(client, "ana@example.com")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 900
        assert re.search(r"Try again in \d+ minute", refused.get_data(as_text=True))
        assert ">Try again<" not in refused.get_data(as_text=True)  # it led to the start page, as the other button

    def test_an_unknown_address_is_locked_in_the_same_way(self, app: Flask) -> None:
        client = app.test_client()
        responses = [pages.sign_in(client, "nobody@example.com", "wrong horse battery") for _ in range(11)]
        assert [response.status_code for response in responses] == [200] * 10 + [429]

    def test_the_limit_applies_to_two_processes_together(self, settings: config.Settings) -> None:
        first, second = create_app(settings), create_app(settings)
        pages.make_agent(first, "ana@example.com")
        for app in (first, second):
            for _ in range(5):
                assert pages.sign_in(app.test_client(), "ana@example.com", "wrong horse battery").status_code == 200
        for app in (first, second):
            assert pages.sign_in(app.test_client(), "ana@example.com").status_code == 429
            app.extensions["assent"].database.close()

    def test_one_ip_address_cannot_try_many_accounts(self, app: Flask) -> None:
        client = app.test_client()
        token = pages.csrf_token(client.get("/sign-in").get_data(as_text=True))
        statuses = []
        for number in range(51):  # without a password: refused before any hashing, but counted
            data = {"csrf_token": token, "email": f"nobody-{number}@example.com", "password": ""}
            statuses.append(client.post("/sign-in", data=data).status_code)
        assert statuses == [200] * 50 + [429]
        elsewhere = client.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": "192.0.2.7"})
        assert elsewhere.status_code == 200

    def test_successful_sign_ins_never_lock_an_account(self, app: Flask) -> None:
        pages.make_agent(app, "ana@example.com")
        for _ in range(12):
            pages.signed_in_by_password(app, "ana@example.com")

    def test_counters_contain_no_address(self, app: Flask) -> None:
        pages.sign_in(app.test_client(), "nobody@example.com", "wrong horse battery")
        with app.extensions["assent"].database.read_only() as session:
            buckets = list(session.scalars(select(RateCounter.bucket)))
        assert len(buckets) == 2
        assert not any("nobody" in bucket or "127.0" in bucket for bucket in buckets)


def _write(database: Database) -> bool:
    with database.unit_of_work() as session:
        session.execute(text("UPDATE workspace SET name = 'Harbour Coffee'"))
    return True


def _agent(app: Flask, email: str) -> Agent:
    with app.extensions["assent"].database.read_only() as session:
        return session.scalars(select(Agent).where(Agent.email == email)).one()


def _disable(app: Flask, agent_id: int) -> None:
    with app.extensions["assent"].database.unit_of_work() as session:
        agents.disable(session, agent_id, actor="agent:99", at=clock.now())


def _without_token(html: str) -> str:
    return re.sub(r'name="csrf_token"[^>]*', "", html)
