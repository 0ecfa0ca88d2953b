"""Strangers' attempts lock strangers out; the owner of an account still signs in from a device that did so before."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import clock
from app.core.accounts import agents
from app.models import Agent
from app.web.sign_in import known_devices, password_links
from tests.make import NOON
from tests.web import pages

ANA, MAX = "ana@example.com", "max@example.com"
WRONG = "wrong horse battery"
STRANGER = {"REMOTE_ADDR": "192.0.2.66"}


@pytest.fixture(autouse=True)
def time() -> Iterator[time_machine.Traveller]:
    """No window of a rate limit ends during a test."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.mark.databases("sqlite", "postgresql")
def test_ten_wrong_passwords_of_a_stranger_do_not_lock_the_owner_out_of_a_known_device(app: Flask) -> None:
    owner = known(app)
    stranger = app.test_client()
    assert guess(stranger, 10) == [200] * 10
    assert pages.sign_in(stranger, ANA, environ_base=STRANGER).status_code == 429
    assert pages.sign_in(app.test_client(), ANA).status_code == 429, "a new device of the owner's waits, too"
    assert pages.sign_in(owner, ANA).status_code == 302
    assert owner.get("/account").status_code == 200


@pytest.mark.databases("sqlite", "postgresql")
def test_guessing_is_limited_on_a_known_device_as_elsewhere(app: Flask) -> None:
    owner = known(app)
    assert guess(owner, 11) == [200] * 10 + [429]
    assert pages.sign_in(owner, ANA).status_code == 429
    pages.signed_in_by_password(app, ANA)  # strangers were not counted


def test_strangers_at_the_address_of_the_owner_do_not_lock_a_known_device_out(app: Flask) -> None:
    """An office has one address, and behind a proxy that is not configured all have."""
    owner, stranger = known(app), app.test_client()
    token = pages.csrf_token(stranger.get("/sign-in").get_data(as_text=True))
    for number in range(51):
        data = {"csrf_token": token, "email": f"nobody-{number}@example.com", "password": ""}
        status = stranger.post("/sign-in", data=data).status_code
    assert status == 429
    assert pages.sign_in(owner, ANA).status_code == 302


def test_a_device_is_known_for_its_own_accounts_only(app: Flask) -> None:
    eve = known(app, "eve@example.com")
    pages.make_agent(app, ANA)
    assert guess(eve, 11) == [200] * 10 + [429]
    assert guess(app.test_client(), 1) == [429]


def test_successful_sign_ins_never_lock_a_known_device(app: Flask) -> None:
    owner = known(app)
    for _ in range(12):
        assert pages.sign_in(owner, ANA).status_code == 302
        sign_out(owner)


def test_a_stranger_cannot_lock_a_signed_in_agent_out_of_a_password_change(app: Flask) -> None:
    owner = pages.agent(app)
    guess(app.test_client(), 11)
    assert change_password(owner).location == "/account"


def test_a_new_password_makes_other_devices_unknown_and_not_the_one_that_set_it(app: Flask) -> None:
    here, other = known(app), known(app)
    pages.sign_in(here, ANA)
    change_password(here)
    sign_out(here)
    guess(app.test_client(), 11)
    assert pages.sign_in(other, ANA, NEW).status_code == 429
    assert pages.sign_in(here, ANA, NEW).status_code == 302


def test_disabling_an_account_makes_its_devices_unknown(app: Flask) -> None:
    owner = known(app)
    with app.extensions["assent"].database.unit_of_work() as session:
        agent_id = session.scalars(select(Agent.id).where(Agent.email == ANA)).one()
        agents.disable(session, agent_id, actor="agent:99", at=clock.now())
        agents.enable(session, agent_id, actor="agent:99", at=clock.now())
    guess(app.test_client(), 11)
    assert pages.sign_in(owner, ANA).status_code == 429


def test_who_sets_a_password_by_a_one_time_link_signs_in_while_strangers_are_locked_out(app: Flask) -> None:
    pages.make_agent(app, ANA)
    with app.test_request_context(), app.extensions["assent"].database.read_only() as session:
        link = password_links.link_for(session.scalars(select(Agent).where(Agent.email == ANA)).one())
    guess(app.test_client(), 11)
    owner = app.test_client()
    values = {"password": NEW, "password_confirm": NEW}
    assert pages.submit(owner, link.removeprefix("http://localhost"), values).location == "/sign-in"
    assert pages.sign_in(owner, ANA, NEW).status_code == 302


def test_a_device_is_known_for_half_a_year_after_its_last_sign_in(app: Flask, time: time_machine.Traveller) -> None:
    owner = known(app)
    cookie = owner.get_cookie(known_devices.COOKIE)
    assert cookie
    assert (cookie.max_age, cookie.http_only, cookie.same_site) == (180 * 24 * 3600, True, "Lax")
    time.shift(timedelta(days=179))
    guess(app.test_client(), 11)
    assert pages.sign_in(owner, ANA).status_code == 302
    owner.set_cookie(known_devices.COOKIE, cookie.value)
    sign_out(owner)
    time.shift(timedelta(days=1, seconds=1))
    guess(app.test_client(), 11)
    assert pages.sign_in(owner, ANA).status_code == 429


def test_a_sign_in_to_another_account_does_not_prolong_the_first_one(app: Flask, time: time_machine.Traveller) -> None:
    browser = known(app)
    time.shift(timedelta(days=100))
    known(app, MAX, browser)
    time.shift(timedelta(days=81))
    for email in (ANA, MAX):
        guess(app.test_client(), 11, email)
    assert [pages.sign_in(browser, email).status_code for email in (ANA, MAX)] == [429, 302]


def test_a_browser_is_known_for_the_five_accounts_that_signed_in_last(app: Flask) -> None:
    browser = app.test_client()
    emails = [f"agent-{number}@example.com" for number in range(6)]
    for email in emails:
        known(app, email, browser)
    statuses = []
    for email in emails:
        guess(app.test_client(), 11, email)
        statuses.append(pages.sign_in(browser, email).status_code)
        if statuses[-1] == 302:
            sign_out(browser)
    assert statuses == [429] + [302] * 5


@pytest.mark.parametrize("forged", ["", "x", "W10.AAAA", "é.ü", "." * 4000])
def test_a_forged_cookie_is_that_of_a_stranger(app: Flask, forged: str) -> None:
    pages.make_agent(app, ANA)
    guess(app.test_client(), 10)
    browser = app.test_client()
    browser.set_cookie(known_devices.COOKIE, forged)
    assert pages.sign_in(browser, ANA).status_code == 429


def test_the_cookie_alone_signs_nobody_in_and_survives_a_sign_out(app: Flask) -> None:
    owner = known(app)
    assert owner.get_cookie(known_devices.COOKIE)
    assert owner.get("/account").status_code == 302


NEW = "a brand new pass phrase"


def known(app: Flask, email: str = ANA, browser: FlaskClient | None = None) -> FlaskClient:
    """A browser that signed in to this account, and out again."""
    browser = browser or app.test_client()
    pages.make_agent(app, email)
    assert pages.sign_in(browser, email).status_code == 302
    sign_out(browser)
    return browser


def sign_out(browser: FlaskClient) -> None:
    assert pages.submit(browser, "/sign-out", page="/account").location == "/sign-in"


def guess(browser: FlaskClient, times: int, email: str = ANA) -> list[int]:
    """Open the sign-in page and send wrong passwords."""
    token = pages.csrf_token(browser.get("/sign-in", environ_base=STRANGER).text)
    data = {"csrf_token": token, "email": email, "password": WRONG, "next": ""}
    return [browser.post("/sign-in", data=data, environ_base=STRANGER).status_code for _ in range(times)]


def change_password(browser: FlaskClient) -> TestResponse:
    values = {"password": pages.PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    return pages.submit(browser, "/account/password", values)
