"""Plural forms of the languages, and the sentences of errors."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import phone
from app.core.errors import AssentError, InvalidInput
from app.web import i18n as languages
from tests.web import pages

WAIT = "Too many attempts. Please try again in %(num)s minute."
WAITS = "Too many attempts. Please try again in %(num)s minutes."


@pytest.mark.parametrize(
    ("locale", "number", "end"),
    [
        ("en", 1, "in 1 minute."),
        ("en", 2, "in 2 minutes."),
        ("fr", 1, "dans 1 minute."),
        ("de", 1, "in 1 Minute wieder."),
        ("ar", 1, "دقيقة واحدة."),
        ("ar", 2, "دقيقتين."),
        ("ar", 3, "3 دقائق."),
        ("ar", 11, "11 دقيقة."),
    ],
)
def test_each_language_has_its_plural_forms(locale: str, number: int, end: str) -> None:
    app = Flask("languages")
    languages.init_app(app)
    with app.app_context(), languages.use_locale(locale):
        assert languages.ngettext(WAIT, WAITS, number).endswith(end)


def test_the_sentence_of_an_error_is_in_the_language_of_the_page_and_its_message_in_english() -> None:
    refused = phone.refused("phone_too_long", "US")
    assert refused.message.startswith("This number is too long (United States, ")
    assert sentence(refused, "de").startswith("Diese Nummer ist zu lang (Vereinigte Staaten, ")
    assert sentence(refused, "en") == refused.message


def test_numbers_in_the_sentence_of_an_error_have_the_separators_of_the_language() -> None:
    refused = InvalidInput("Write at most %(most)s characters.", most=5000)
    assert refused.message == "Write at most 5,000 characters."
    assert "5.000" in sentence(refused, "de")


def test_a_name_in_a_sentence_from_right_to_left_keeps_its_own_direction() -> None:
    refused = InvalidInput("%(name)s is disabled. Enable the account first.", name="Max")
    assert "\u2068Max\u2069" in sentence(refused, "ar")
    assert "\u2068" not in sentence(refused, "en")


def test_a_percent_sign_in_a_sentence_without_values_is_only_a_character() -> None:
    assert sentence(InvalidInput("At most 100% of them."), "de") == "At most 100% of them."


def test_a_refused_form_of_staff_is_in_the_language_of_the_browser(max_: FlaskClient) -> None:
    path, values = "/admin/agents/invite", {"email": "x", "name": "Eve", "role": "agent"}
    german = pages.submit(max_, path, values, headers={"Accept-Language": "de"})
    assert german.status_code == 422
    assert "Das ist keine E-Mail-Adresse." in german.get_data(as_text=True)
    english = pages.submit(max_, path, values, headers={"Accept-Language": "en"})
    assert "This is not an email address." in english.get_data(as_text=True)


def sentence(error: AssentError, locale: str) -> str:
    app = Flask("languages")
    languages.init_app(app)
    with app.app_context(), languages.use_locale(locale):
        return languages.sentence_of(error)
