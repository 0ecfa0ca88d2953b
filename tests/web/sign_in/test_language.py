"""The language of staff pages: what the agent chose, else what the browser asks for."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock, wording
from app.core.accounts import language
from app.core.wording import LOCALES
from app.db import Database
from app.web import i18n
from tests.web import pages

FRENCH = {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}
ADDRESS = {"en": "Email address", "de": "E-Mail-Adresse", "fr": "Adresse e-mail"}


def test_pages_are_in_the_language_of_the_browser_until_the_agent_chooses_one(app: Flask) -> None:
    ana = pages.agent(app)
    assert _is_in("fr", ana.get("/account", headers=FRENCH).get_data(as_text=True))
    assert _is_in("en", ana.get("/account", headers={"Accept-Language": "tlh"}).get_data(as_text=True))
    assert _choose(ana, "de").status_code == 303
    html = ana.get("/account", headers=FRENCH).get_data(as_text=True)
    assert _is_in("de", html)
    assert re.search(r'<option selected value="de">Deutsch</option>', html)
    assert _choose(ana, "").status_code == 303
    assert _is_in("fr", ana.get("/account", headers=FRENCH).get_data(as_text=True))


def test_every_language_can_be_chosen_by_its_own_name(ana: FlaskClient) -> None:
    html = ana.get("/account").get_data(as_text=True)
    for locale, name in LOCALES.items():
        assert f'value="{locale}">{name}<' in html
        assert _choose(ana, locale).status_code == 303
        assert f'<html lang="{locale.replace("_", "-")}"' in ana.get("/account").get_data(as_text=True)


def test_a_word_with_two_meanings_is_translated_with_that_of_its_page(max_: FlaskClient) -> None:
    """Texts are sent or written, a number is dialed or counted, segments are of people or of a text."""
    health = max_.get("/campaigns/health", headers={"Accept-Language": "de"}).get_data(as_text=True)
    assert ">SMS</h2>" in health
    assert "<dt>SMS-Teile</dt>" in health
    arabic = max_.get("/admin/webhooks/new", headers={"Accept-Language": "ar"}).get_data(as_text=True)
    assert "الدعوة" not in arabic.partition("<main")[2]  # "how the invitation works"


@pytest.mark.parametrize("locale", ["tlh", "de-DE", "x" * 500])
def test_an_unknown_language_is_refused_on_the_page(ana: FlaskClient, locale: str) -> None:
    refused = _choose(ana, locale)
    assert refused.status_code == 422
    assert "Choose one of these languages." in refused.get_data(as_text=True)
    assert _is_in("en", ana.get("/account").get_data(as_text=True))


def test_the_choice_of_one_agent_is_not_that_of_another(app: Flask) -> None:
    ana, max_ = pages.agent(app), pages.admin(app)
    _choose(ana, "de")
    assert _is_in("en", max_.get("/account").get_data(as_text=True))


def test_strangers_choose_nothing(client: FlaskClient) -> None:
    token = pages.csrf_token(client.get("/sign-in").get_data(as_text=True))
    assert client.post("/account/language", data={"locale": "de", "csrf_token": token}).status_code == 401


def test_the_sign_in_page_is_in_the_language_of_the_browser(app: Flask) -> None:
    _choose(pages.agent(app), "de")
    assert _is_in("fr", app.test_client().get("/sign-in", headers=FRENCH).get_data(as_text=True))


@pytest.mark.parametrize("locale", ["de", "fr"])
def test_labels_and_messages_of_flask_security_are_translated(app: Flask, locale: str) -> None:
    headers, translate = {"Accept-Language": locale}, wording.translator(locale)
    ana = pages.agent(app)
    refused = pages.sign_in(app.test_client(), "ana@example.com", "wrong horse battery", headers=headers)
    assert f">{translate('Password')}</label>" in refused.get_data(as_text=True)
    assert f">{translate('The email address or the password is wrong.')}</p>" in refused.get_data(as_text=True)
    values = {"password": pages.PASSWORD, "new_password": "my own pass phrase", "new_password_confirm": "another one"}
    refused = pages.submit(ana, "/account/password", values, headers=headers)
    assert f">{translate('The two passwords differ.')}</p>" in refused.get_data(as_text=True)


def test_a_message_about_a_successful_sign_in_is_in_the_language_of_the_agent(app: Flask, database: Database) -> None:
    ana_id = pages.make_agent(app, "ana@example.com")
    with database.unit_of_work() as session:
        language.choose(session, ana_id, "de", actor=f"agent:{ana_id}", at=clock.now())
    with app.test_client() as client:
        pages.sign_in(client, "ana@example.com", password="wrong horse battery", headers=FRENCH)
        assert i18n.current_locale() == "fr"
        pages.sign_in(client, "ana@example.com", headers=FRENCH)
        assert i18n.current_locale() == "de"


def _choose(client: FlaskClient, locale: str):  # type: ignore[no-untyped-def]
    return pages.submit(client, "/account/language", {"locale": locale}, page="/account")


def _is_in(locale: str, html: str) -> bool:
    return f'<html lang="{locale}"' in html and f">{ADDRESS[locale]}<" in html
