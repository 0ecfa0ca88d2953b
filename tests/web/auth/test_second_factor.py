"""The second factor: an authenticator app, and recovery codes."""

import re
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy import select

from app.core import clock
from app.core.accounts import agents, sessions
from app.models import Agent, RateCounter
from tests.make import NOON
from tests.web import pages


def test_the_second_factor_is_set_up_with_a_code_of_the_app(app: Flask) -> None:
    client = pages.agent(app)
    page = _begin(client)
    assert "<svg" in page
    assert "data:" not in page
    assert "style=" not in page
    assert _finish(client, page, "000000").status_code == 302
    assert _agent(app).tf_primary_method is None
    page = _begin(client)
    response = _finish(client, page, _code(_key(page)))
    assert response.location == "/account"
    assert _agent(app).tf_primary_method == "authenticator"
    assert "no recovery codes" in client.get("/account").get_data(as_text=True)


def test_the_secret_is_not_readable_in_the_database_or_the_cookie(app: Flask) -> None:
    client = pages.agent(app)
    page = _begin(client)
    _finish(client, page, _code(_key(page)))
    key = _key(page)
    assert key not in (_agent(app).tf_totp_secret or "")
    with client.session_transaction() as session:
        assert key not in str(dict(session))


def test_signing_in_needs_the_password_and_then_a_code(app: Flask) -> None:
    key = _set_up(app)
    with _later(1):
        client = app.test_client()
        response = pages.sign_in(client, "ana@example.com")
        assert urlsplit(response.location).path == "/sign-in/code"
        assert client.get("/account").status_code == 302
        assert "This code is wrong" in _enter(client, "000000").get_data(as_text=True)
        assert client.get("/account").status_code == 302
        assert _enter(client, _code(key)).location == "/start"
        assert client.get("/account").status_code == 200
    ana = f"agent:{_agent(app).id}"
    assert pages.recorded(app) == [
        (ana, "signed_in"),
        (ana, "second_factor_set_up"),
        ("unknown", "sign_in_failed"),
        (ana, "signed_in"),
    ]


def test_a_used_code_is_refused(app: Flask) -> None:
    key = _set_up(app)
    with _later(1):
        code = _code(key)
        first, second = app.test_client(), app.test_client()
        pages.sign_in(first, "ana@example.com")
        pages.sign_in(second, "ana@example.com")
        assert _enter(first, code).status_code == 302
        assert "was used already" in _enter(second, code).get_data(as_text=True)
        assert second.get("/account").status_code == 302


def test_the_code_page_needs_the_password_first(client: FlaskClient) -> None:
    for path in ("/sign-in/code", "/sign-in/recovery-code"):
        response = client.get(path)
        assert response.status_code == 302
        assert urlsplit(response.location).path == "/sign-in"


def test_attempts_with_codes_are_limited(app: Flask) -> None:
    _set_up(app)
    client = app.test_client()
    with pages.one_window():
        pages.sign_in(client, "ana@example.com")
        statuses = [_enter(client, "000000").status_code for _ in range(6)]
        statuses += [_recover(client, "0000-0000-0000").status_code for _ in range(5)]
    assert statuses == [200] * 10 + [429]


def test_a_typed_address_does_not_move_attempts_with_codes_to_another_account(app: Flask) -> None:
    _set_up(app)
    client = app.test_client()
    with pages.one_window():
        pages.sign_in(client, "ana@example.com")
        values = [{"code": "000000", "email": f"nobody-{number}@example.com"} for number in range(11)]
        statuses = [pages.submit(client, "/sign-in/code", each).status_code for each in values]
    assert statuses == [200] * 10 + [429]


def test_wrong_codes_of_somebody_who_knows_the_password_do_not_lock_a_known_device_out(app: Flask) -> None:
    owner, stranger = pages.agent(app), app.test_client()
    page = _begin(owner)
    _finish(owner, page, _code(_key(page)))
    pages.submit(owner, "/sign-out", page="/account")
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        pages.sign_in(stranger, "ana@example.com")
        assert [_enter(stranger, "000000").status_code for _ in range(11)] == [200] * 10 + [429]
        pages.sign_in(owner, "ana@example.com")
        assert "This code is wrong" in _enter(owner, "000000").get_data(as_text=True)
        assert _enter(owner, _code(_key(page))).location == "/start"
        with app.extensions["assent"].database.read_only() as session:
            counts = {row.bucket.partition(":")[0]: row.count for row in session.scalars(select(RateCounter))}
    assert (counts["sign-in-device"], counts["code-device"]) == (0, 1), "only the wrong code is counted"
    assert (counts["sign-in-who"], counts["code-who"]) == (1, 11)


def test_recovery_codes_are_shown_once_and_stored_as_hashes(app: Flask) -> None:
    _set_up(app)
    client = _signed_in_with_code(app)
    codes = _make_codes(client)
    assert len(set(codes)) == 10
    assert not any(code in str(_agent(app).mf_recovery_codes) for code in codes)
    for query in ("", "?show_codes=1"):
        page = client.get(f"/account/recovery-codes{query}").get_data(as_text=True)
        assert not any(code in page for code in codes)


def test_pages_with_secrets_are_never_cached(app: Flask) -> None:
    _set_up(app)
    client = _signed_in_with_code(app)
    responses = [
        pages.submit(client, "/account/second-factor", {"setup": "authenticator"}),
        pages.submit(client, "/account/recovery-codes"),
        *(client.get(path) for path in ("/account/second-factor", "/account/recovery-codes", "/account/password")),
        *(app.test_client().get(path) for path in ("/sign-in", "/forgot-password", "/reset-password/mistyped")),
    ]
    assert {response.headers["Cache-Control"] for response in responses} == {"no-store"}


def test_recovery_codes_can_be_saved_as_a_file(app: Flask) -> None:
    _set_up(app)
    client = _signed_in_with_code(app)
    codes = _make_codes(client)
    response = pages.submit(client, "/account/recovery-codes.txt", {"code": codes}, page="/account")
    assert response.mimetype == "text/plain"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert all(code in response.get_data(as_text=True) for code in codes)
    forged = pages.submit(client, "/account/recovery-codes.txt", {"code": "<script>"}, page="/account")
    assert forged.status_code == 400


@pytest.mark.databases("sqlite", "postgresql")
def test_a_recovery_code_works_once(app: Flask) -> None:
    _set_up(app)
    codes = _make_codes(_signed_in_with_code(app))
    client = app.test_client()
    pages.sign_in(client, "ana@example.com")
    assert _recover(client, codes[0].upper().replace("-", " ")).location == "/start"
    assert "9 left" in client.get("/account").get_data(as_text=True)
    again = app.test_client()
    pages.sign_in(again, "ana@example.com")
    assert "This code is wrong" in _recover(again, codes[0]).get_data(as_text=True)
    assert again.get("/account").status_code == 302
    assert _recover(again, codes[1]).status_code == 302
    assert [action for _, action in pages.recorded(app)][-6:] == [
        "recovery_codes_created",
        "recovery_code_used",
        "signed_in",
        "sign_in_failed",
        "recovery_code_used",
        "signed_in",
    ]


def test_switching_off_the_second_factor_deletes_the_recovery_codes(app: Flask) -> None:
    _set_up(app)
    client = _signed_in_with_code(app)
    _make_codes(client)
    assert pages.submit(client, "/account/second-factor", {"setup": "disable"}).location == "/account"
    agent = _agent(app)
    assert (agent.tf_primary_method, agent.tf_totp_secret, agent.mf_recovery_codes) == (None, None, None)
    assert pages.recorded(app)[-1] == (f"agent:{agent.id}", "second_factor_removed")
    pages.signed_in_by_password(app, "ana@example.com")
    assert app.test_client().get("/sign-in/rescue").status_code == 404


def test_a_change_needs_the_password_again_after_an_hour(app: Flask) -> None:
    client = pages.agent(app)
    with time_machine.travel(clock.now() + timedelta(minutes=61), tick=True):
        confirm_page = client.get("/account/second-factor")
        assert urlsplit(confirm_page.location).path == "/account/confirm"
        wrong = pages.submit(client, confirm_page.location, {"password": "wrong horse battery"})
        assert "not your password" in wrong.get_data(as_text=True)
        right = pages.submit(client, confirm_page.location, {"password": pages.PASSWORD})
        assert right.location == "/account/second-factor"
        assert client.get("/account/second-factor").status_code == 200


def test_a_disabled_agent_cannot_sign_in_with_a_code(app: Flask) -> None:
    key = _set_up(app)
    with _later(1):
        client = app.test_client()
        pages.sign_in(client, "ana@example.com")
        with app.extensions["assent"].database.unit_of_work() as session:
            agents.disable(session, _agent(app).id, actor="agent:99", at=clock.now())
        token = pages.csrf_token(client.get("/sign-in").get_data(as_text=True))
        client.post("/sign-in/code", data={"csrf_token": token, "code": _code(key)})
        assert client.get("/account").status_code == 302


@pytest.mark.parametrize("method", ["email", "sms", "mail"])
def test_only_an_authenticator_app_can_be_a_second_factor(app: Flask, method: str) -> None:
    client = pages.agent(app)
    pages.submit(client, "/account/second-factor", {"setup": method, "phone": "+12025550123"})
    assert _agent(app).tf_primary_method is None


def _begin(client: FlaskClient) -> str:
    return pages.submit(client, "/account/second-factor", {"setup": "authenticator"}).get_data(as_text=True)


def _finish(client: FlaskClient, page: str, code: str):  # type: ignore[no-untyped-def]
    found = re.search(r'action="(/account/second-factor/[^"]+)"', page)
    assert found
    return client.post(found[1], data={"csrf_token": pages.csrf_token(page), "code": code})


def _key(page: str) -> str:
    found = re.search(r'class="key">([^<]+)<', page)
    assert found
    return found[1].replace("-", "")


def _code(key: str) -> str:
    return str(TOTP(key).generate(clock.now()).token)


def _set_up(app: Flask) -> str:
    client = pages.agent(app)
    page = _begin(client)
    assert _finish(client, page, _code(_key(page))).location == "/account"
    return _key(page)


def _signed_in_with_code(app: Flask) -> FlaskClient:
    """A client that is signed in as ana. The session is set directly, because the code of the set-up is used."""
    client, agent = app.test_client(), _agent(app)
    with app.extensions["assent"].database.unit_of_work() as writing:
        token = sessions.start(writing, agent, ip_address=None, user_agent="", at=clock.now())
    with client.session_transaction() as session:
        session["_user_id"] = agent.fs_uniquifier
        session["_fresh"] = True
        session["fs_paa"] = time.time()
        session["session_token"] = token
    return client


def _make_codes(client: FlaskClient) -> list[str]:
    page = pages.submit(client, "/account/recovery-codes").get_data(as_text=True)
    return re.findall(r"<li><code>([0-9a-f-]+)</code>", page)


def _enter(client: FlaskClient, code: str):  # type: ignore[no-untyped-def]
    return pages.submit(client, "/sign-in/code", {"code": code})


def _recover(client: FlaskClient, code: str):  # type: ignore[no-untyped-def]
    return pages.submit(client, "/sign-in/recovery-code", {"code": code})


def _later(steps: int) -> time_machine.travel:
    """Travel to a later step of the authenticator, because the code of the set-up is used."""
    return time_machine.travel(clock.now() + timedelta(seconds=30 * (steps + 1)), tick=True)


def _agent(app: Flask) -> Agent:
    with app.extensions["assent"].database.read_only() as session:
        return session.scalars(select(Agent).where(Agent.email == "ana@example.com")).one()
