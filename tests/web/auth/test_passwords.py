"""Passwords: change, reset, and one-time links."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import config, create_app
from app.core import clock, wording
from app.core.accounts import agents, language
from app.core.errors import InvalidState
from app.models import Agent
from app.web.sign_in import password_links
from tests.mail_server import MailServer, mail_server
from tests.processes import PATIENCE_S
from tests.web import pages

NEW = "a brand new pass phrase"
STALE = "used, replaced or mistyped"


class TestChange:
    def test_a_new_password_signs_every_other_device_out(self, app: Flask) -> None:
        here = pages.agent(app)
        elsewhere = pages.signed_in_by_password(app, "ana@example.com")
        assert _change(here).location == "/account"
        assert here.get("/account").status_code == 200
        assert elsewhere.get("/account").status_code == 302
        assert pages.sign_in(app.test_client(), "ana@example.com").status_code == 200
        pages.signed_in_by_password(app, "ana@example.com", NEW)
        actions = [action for _, action in pages.recorded(app)]
        assert actions == ["signed_in", "signed_in", "password_changed", "signed_in", "sign_in_failed", "signed_in"]

    @pytest.mark.parametrize(
        ("password", "says"),
        [
            ("elevenchars", "at least 12 characters"),
            ("ANA@example.com", "other than your email address"),
            ("aaaaaaaaaaaaaaaa", "a few different characters"),
            (pages.PASSWORD, "other than the current one"),
        ],
    )
    def test_a_weak_password_is_refused_with_the_reason(self, app: Flask, password: str, says: str) -> None:
        response = _change(pages.agent(app), password)
        assert response.status_code == 200
        assert says in response.get_data(as_text=True)
        pages.signed_in_by_password(app, "ana@example.com")

    def test_the_present_password_is_required_and_attempts_are_limited(self, app: Flask) -> None:
        with pages.one_window():
            client = pages.agent(app)
            for _ in range(10):
                assert "not your password" in _change(client, present="wrong horse battery").get_data(as_text=True)
            assert _change(client).status_code == 429
        ana = f"agent:{pages.make_agent(app, 'ana@example.com')}"
        assert pages.recorded(app) == [(ana, "signed_in"), *[(ana, "confirmation_failed")] * 10]


class TestForgotten:
    def test_without_mail_the_page_refers_to_an_admin(self, client: FlaskClient) -> None:
        for path in ("/forgot-password", "/reset-password"):
            response = client.get(path)
            assert response.status_code == 200
            assert "Ask an admin" in response.get_data(as_text=True)

    def test_without_a_public_address_no_link_is_mailed(self, settings: config.Settings) -> None:
        """Otherwise a request of a stranger could put another host into the mail."""
        app = create_app(config.Settings(**(vars(settings) | {"smtp_url": "smtp://mail.example.com"})))
        assert "Ask an admin" in app.test_client().get("/forgot-password").get_data(as_text=True)
        app.extensions["assent"].database.close()

    def test_a_mailed_link_sets_a_new_password(self, mailing_app: Flask, mails: list[EmailMessage]) -> None:
        pages.make_agent(mailing_app, "ana@example.com")
        stranger = pages.submit(mailing_app.test_client(), "/forgot-password", {"email": "nobody@example.com"})
        known = pages.submit(
            mailing_app.test_client(), "/forgot-password", {"email": "Ana@example.com"}, headers={"Host": "eve.example"}
        )
        assert _neutral(known, "Ana@example.com") == _neutral(stranger, "nobody@example.com")
        (mail,) = _received(mails, 1)
        assert mail["To"] == "ana@example.com"
        assert re.match(r"Hello[^,]*,\n\nSomeone, hopefully you, asked", mail.get_content())
        link = re.search(r"https://\S+", mail.get_content())
        assert link
        assert link[0].startswith("https://consent.example.com/reset-password/")
        assert _set_password(mailing_app.test_client(), urlsplit(link[0]).path).location == "/sign-in"
        pages.signed_in_by_password(mailing_app, "ana@example.com", NEW)

    @pytest.mark.real_passwords
    def test_a_request_for_an_unknown_address_hashes_as_often(
        self, mailing_app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pages.make_agent(mailing_app, "ana@example.com")
        security, runs = mailing_app.extensions["security"], []
        for context in (security.pwd_context, security.hashing_context):
            real = context.hash

            def counting_hash(*secret: str, _real: Callable[..., str] = real) -> str:
                runs.append(_real(*secret))
                return runs[-1]

            monkeypatch.setattr(context, "hash", counting_hash)
        for email in ("ana@example.com", "nobody@example.com"):
            pages.submit(mailing_app.test_client(), "/forgot-password", {"email": email})
        costs = [result.rpartition("$")[0].rpartition("$")[0] for result in runs]
        assert costs == ["$argon2id$v=19$m=65536,t=3,p=4"] * 2

    @pytest.mark.parametrize(("chosen", "locale"), [("de", "de"), (None, "fr")])
    def test_the_mail_is_in_the_language_of_its_receiver_else_of_the_browser(
        self, mailing_app: Flask, mails: list[EmailMessage], chosen: str | None, locale: str
    ) -> None:
        ana_id = pages.make_agent(mailing_app, "ana@example.com", name="Ana")
        _choose_language(mailing_app, ana_id, chosen)
        client = mailing_app.test_client()
        pages.submit(client, "/forgot-password", {"email": "ana@example.com"}, headers={"Accept-Language": "fr"})
        (mail,) = _received(mails, 1)
        translate = wording.translator(locale)
        assert mail["Subject"] == translate("Set a new password")
        assert translate("Hello %(name)s,", name="Ana") in mail.get_content()
        assert translate("This link does it. It works once, until this time tomorrow:") in mail.get_content()

    @pytest.mark.parametrize("is_invited", [True, False])
    @pytest.mark.parametrize(("chosen", "locale"), [("de", "de"), (None, "fr")])
    def test_a_link_of_an_admin_is_mailed_in_the_language_of_its_receiver_else_of_the_admin(
        self, mailing_app: Flask, mails: list[EmailMessage], *, chosen: str | None, locale: str, is_invited: bool
    ) -> None:
        password = None if is_invited else pages.PASSWORD
        ivy_id = pages.make_agent(mailing_app, "ivy@example.com", name="Ivy", password=password)
        _choose_language(mailing_app, ivy_id, chosen)
        with mailing_app.test_request_context(headers={"Accept-Language": "fr"}):
            assert password_links.send_link(_agent(mailing_app), "LINK", workspace="Harbour Coffee")
        (mail,) = _received(mails, 1)
        translate = wording.translator(locale)
        invitation = translate("Your account at %(workspace)s", workspace="Harbour Coffee")
        assert mail["Subject"] == (invitation if is_invited else translate("Set a new password"))
        assert translate("Hello %(name)s,", name="Ivy") in mail.get_content()

    def test_requests_for_links_are_limited(self, mailing_app: Flask) -> None:
        client = mailing_app.test_client()
        with pages.one_window():
            responses = [pages.submit(client, "/forgot-password", {"email": "nobody@example.com"}) for _ in range(11)]
        assert [response.status_code for response in responses] == [200] * 10 + [429]

    def test_disabled_and_invited_agents_are_treated_as_unknown(
        self, mailing_app: Flask, mails: list[EmailMessage]
    ) -> None:
        pages.make_agent(mailing_app, "invited@example.com", password=None)
        gone = pages.make_agent(mailing_app, "gone@example.com")
        with mailing_app.extensions["assent"].database.unit_of_work() as session:
            agents.disable(session, gone, actor="agent:99", at=clock.now())
        bodies = {
            _neutral(pages.submit(mailing_app.test_client(), "/forgot-password", {"email": email}), email)
            for email in ("invited@example.com", "gone@example.com", "nobody@example.com")
        }
        assert len(bodies) == 1
        time.sleep(0.2)
        assert not mails


class TestOneTimeLink:
    def test_an_invitation_asks_for_a_name_and_a_password(self, app: Flask) -> None:
        path = _invite(app)
        client = app.test_client()
        page = client.get(path).get_data(as_text=True)
        assert "Welcome" in page
        assert "ivy@example.com" in page
        assert _set_password(client, path, name="Ivy Long").location == "/sign-in"
        assert _agent(app).name == "Ivy Long"
        pages.signed_in_by_password(app, "ivy@example.com", NEW)

    def test_a_link_works_once(self, app: Flask) -> None:
        path = _invite(app)
        _set_password(app.test_client(), path)
        again = app.test_client()
        assert again.get(path).status_code == 302
        assert STALE in again.get("/sign-in").get_data(as_text=True)
        token = pages.csrf_token(again.get("/sign-in").get_data(as_text=True))
        data = {"csrf_token": token, "password": "mine now mine now", "password_confirm": "mine now mine now"}
        assert again.post(path, data=data).status_code == 302
        pages.signed_in_by_password(app, "ivy@example.com", NEW)
        assert [each for each in pages.recorded(app) if "password" in each[1]] == [("unknown", "password_reset")]

    def test_opening_a_link_does_not_use_it(self, app: Flask) -> None:
        path = _invite(app)
        app.test_client().get(path)
        app.test_client().head(path)
        assert _set_password(app.test_client(), path).location == "/sign-in"

    def test_a_weak_password_does_not_use_the_link(self, app: Flask) -> None:
        path = _invite(app)
        response = _set_password(app.test_client(), path, password="short")
        assert "at least 12 characters" in response.get_data(as_text=True)
        assert _agent(app).password is None
        assert _set_password(app.test_client(), path).location == "/sign-in"

    def test_an_invitation_is_valid_for_seven_days(self, app: Flask) -> None:
        path = _invite(app)
        with time_machine.travel(clock.now() + timedelta(days=6, hours=23), tick=True):
            assert app.test_client().get(path).status_code == 200
        with time_machine.travel(clock.now() + timedelta(days=7, hours=1), tick=True):
            assert app.test_client().get(path).status_code == 302

    def test_a_reset_is_valid_for_one_day(self, app: Flask) -> None:
        pages.make_agent(app, "ivy@example.com")
        path = _link(app)
        with time_machine.travel(clock.now() + timedelta(hours=23), tick=True):
            assert app.test_client().get(path).status_code == 200
        with time_machine.travel(clock.now() + timedelta(hours=25), tick=True):
            client = app.test_client()
            assert client.get(path).status_code == 302
            assert "too old" in client.get("/sign-in").get_data(as_text=True)

    def test_disabling_the_account_invalidates_the_link(self, app: Flask) -> None:
        path = _invite(app)
        with app.extensions["assent"].database.unit_of_work() as session:
            agents.disable(session, _agent(app).id, actor="agent:99", at=clock.now())
        assert app.test_client().get(path).status_code == 302

    @pytest.mark.parametrize("token", ["x", "WyJ4Il0.x.y", "a" * 500])
    def test_a_mistyped_link_is_refused(self, client: FlaskClient, token: str) -> None:
        assert client.get(f"/reset-password/{token}").status_code == 302

    def test_the_page_of_a_link_sends_no_referrer(self, app: Flask) -> None:
        assert app.test_client().get(_invite(app)).headers["Referrer-Policy"] == "no-referrer"

    @pytest.mark.databases("sqlite", "postgresql")
    def test_one_of_two_concurrent_uses_sets_the_password(self, app: Flask) -> None:
        _invite(app)
        store = app.extensions["security"].datastore
        with app.test_request_context():
            first, second = (store.find_user(email="ivy@example.com") for _ in range(2))
            first.password = "hash of the first"
            store.set_uniquifier(first)
            second.password = "hash of the second"
            with pytest.raises(InvalidState):
                store.set_uniquifier(second)
        assert _agent(app).password == "hash of the first"

    def test_a_reset_ends_the_sessions_with_the_old_password(self, app: Flask) -> None:
        pages.make_agent(app, "ivy@example.com")
        other = pages.signed_in_by_password(app, "ivy@example.com")
        _set_password(app.test_client(), _link(app))
        assert other.get("/account").status_code == 302


@pytest.fixture
def mails(receiver: MailServer) -> list[EmailMessage]:
    return receiver.mails


@pytest.fixture
def receiver() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mailing_app(settings: config.Settings, receiver: MailServer):  # type: ignore[no-untyped-def]
    values = {"smtp_url": receiver.url, "public_url": "https://consent.example.com"}
    app = create_app(config.Settings(**(vars(settings) | values)))
    app.config["PREFERRED_URL_SCHEME"] = "https"  # the test client uses the scheme of the public address
    yield app
    app.extensions["assent"].database.close()


def _received(mails: list[EmailMessage], count: int) -> list[EmailMessage]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if len(mails) >= count:
            return mails
        time.sleep(0.02)
    raise AssertionError("no mail went out")


def _change(client: FlaskClient, password: str = NEW, present: str = pages.PASSWORD):  # type: ignore[no-untyped-def]
    values = {"password": present, "new_password": password, "new_password_confirm": password}
    return pages.submit(client, "/account/password", values)


def _set_password(client: FlaskClient, path: str, *, password: str = NEW, name: str = ""):  # type: ignore[no-untyped-def]
    return pages.submit(client, path, {"password": password, "password_confirm": password, "name": name})


def _invite(app: Flask) -> str:
    pages.make_agent(app, "ivy@example.com", password=None)
    return _link(app)


def _choose_language(app: Flask, agent_id: int, locale: str | None) -> None:
    with app.extensions["assent"].database.unit_of_work() as session:
        language.choose(session, agent_id, locale, actor=f"agent:{agent_id}", at=clock.now())


def _link(app: Flask) -> str:
    with app.test_request_context():
        return urlsplit(password_links.link_for(_agent(app))).path


def _agent(app: Flask) -> Agent:
    with app.extensions["assent"].database.read_only() as session:
        return session.scalars(select(Agent).where(Agent.email == "ivy@example.com")).one()


def _neutral(response, email: str) -> tuple[int, str]:  # type: ignore[no-untyped-def]
    text = re.sub(r'name="csrf_token"[^>]*', "", response.get_data(as_text=True))
    return response.status_code, text.replace(email, "ADDRESS").replace(email.lower(), "ADDRESS")
