"""Plural forms of the languages."""

import pytest
from flask import Flask

from app.web import i18n as languages

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
