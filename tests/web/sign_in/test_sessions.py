"""Sessions of agents in the web: a cookie signs in as long as its row is there, in every process."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app
from app.config import Settings
from app.core import clock
from app.models import AgentSession
from tests.web import pages

pytestmark = pytest.mark.databases("sqlite", "postgresql")
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.99"}


@pytest.fixture
def other_process(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["assent"].database.close()


def test_a_copied_cookie_is_worthless_after_the_sign_out_in_all_processes(app: Flask, other_process: Flask) -> None:
    ana = pages.agent(app)
    copies = [copied(ana, each) for each in (app, other_process)]
    assert [copy.get("/inbox").status_code for copy in copies] == [200, 200]
    pages.submit(ana, "/sign-out", page="/account")
    assert [copy.get("/inbox").status_code for copy in copies] == [302, 302]
    assert stored(app) == []
    assert [action for _, action in pages.recorded(app)] == ["signed_in", "signed_out"]


def test_signing_out_ends_this_session_alone(app: Flask) -> None:
    here, elsewhere = pages.agent(app), pages.agent(app)
    pages.submit(here, "/sign-out", page="/account")
    assert elsewhere.get("/account").status_code == 200


def test_a_cookie_without_a_session_signs_nobody_in(app: Flask) -> None:
    for forged in ({}, {"session_token": "guessed"}, {"session_token": ""}):
        client = pages.agent(app)
        with client.session_transaction() as cookie:
            cookie.pop("session_token")
            cookie.update(forged)
        assert client.get("/account").status_code == 302


def test_a_new_password_leaves_one_session_with_a_new_cookie(app: Flask) -> None:
    here, elsewhere = pages.agent(app), pages.agent(app)
    copy = copied(here, app)
    change = {"password": pages.PASSWORD, "new_password": "a brand new pass phrase"}
    pages.submit(here, "/account/password", change | {"new_password_confirm": change["new_password"]})
    assert [client.get("/account").status_code for client in (here, elsewhere, copy)] == [200, 302, 302]
    assert len(stored(app)) == 1


def test_a_second_sign_in_in_one_browser_ends_the_first_session(app: Flask) -> None:
    pages.make_agent(app, "max@example.com")
    client = pages.agent(app)
    copy = copied(client, app)
    with client.session_transaction() as cookie:
        del cookie["_user_id"]  # Flask-Security refuses a sign-in while somebody is signed in
    pages.sign_in(client, "max@example.com")
    assert (client.get("/account").status_code, copy.get("/account").status_code) == (200, 302)
    assert len(stored(app)) == 1


def test_a_page_reads_account_and_session_in_one_statement_and_writes_nothing(app: Flask) -> None:
    client = pages.agent(app)
    with pages.statements(app) as seen:
        assert client.get("/inbox").status_code == 200
    assert len([statement for statement in seen if "agent_sessions" in statement]) == 1
    assert not [statement for statement in seen if statement.startswith(("INSERT", "UPDATE", "DELETE"))]


def test_the_last_use_is_recorded_after_the_response_in_steps_of_five_minutes(app: Flask) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        client = pages.agent(app)
        started_at = clock.now()
        time.shift(timedelta(minutes=4))
        client.get("/account", environ_base=ELSEWHERE).close()
        assert [(each.last_used_at, each.ip_address) for each in stored(app)] == [(started_at, "127.0.0.1")]
        time.shift(timedelta(minutes=1))
        response = client.get("/account", environ_base=ELSEWHERE)
        assert stored(app)[0].last_used_at == started_at
        response.close()
        assert [(each.last_used_at, each.ip_address) for each in stored(app)] == [(clock.now(), "192.0.2.99")]


def test_a_session_ends_after_thirty_days_also_when_it_is_used(app: Flask) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        client = pages.agent(app)
        for _ in range(3):
            time.shift(timedelta(days=9, hours=23))
            assert client.get("/account").status_code == 200
        time.shift(timedelta(hours=4))
        assert client.get("/account").status_code == 302


def copied(client: FlaskClient, app: Flask) -> FlaskClient:
    """Another browser with the same session cookie, at this process."""
    cookie = client.get_cookie("assent_session")
    assert cookie
    copy = app.test_client()
    copy.set_cookie("assent_session", cookie.value)
    return copy


def stored(app: Flask) -> list[AgentSession]:
    with app.extensions["assent"].database.read_only() as session:
        return list(session.scalars(select(AgentSession).order_by(AgentSession.id)))
