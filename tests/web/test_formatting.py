"""Times, numbers and lists as the reader writes them."""

import pytest
from flask import Flask

from app.core import wording
from app.web import formatting, i18n
from app.web.inbox import labels
from tests.make import NOON


@pytest.mark.parametrize(
    ("languages", "shown"),
    [
        ("", "2 Nov 2026, 13:00 CET"),
        ("en-GB,en;q=0.9", "2 Nov 2026, 13:00 CET"),
        ("en-US,en;q=0.9", "Nov 2, 2026, 1:00 PM CET"),
        ("it-IT,it;q=0.9,en-US;q=0.5", "Nov 2, 2026, 1:00 PM CET"),
        ("de-DE,de;q=0.9,en-US;q=0.5", "2. Nov. 2026, 13:00 MEZ"),
        ("es-MX", "2 nov 2026, 1:00 p.m. CET"),
        ("en-XX-x-y", "2 Nov 2026, 13:00 CET"),
    ],
)
def test_a_time_is_written_as_in_the_language_and_the_country_of_the_reader(languages: str, shown: str) -> None:
    app = Flask("times")
    i18n.init_app(app, lambda: wording.negotiate(None, languages))
    with app.test_request_context(headers={"Accept-Language": languages}):
        assert formatting.local_time(NOON, "Europe/Berlin").striptags() == shown
        assert shown in labels.short_time(NOON, "Europe/Berlin")
        exact = formatting.exact_time(NOON.replace(second=7), "Europe/Berlin").striptags()
        assert exact.replace(":00:07", ":00", 1) == shown
        assert ":00:07" in exact


@pytest.mark.parametrize(
    ("language", "share", "names"),
    [("en-GB", "45%", "a, b and c"), ("en-US", "45%", "a, b, and c"), ("de-DE", "45\xa0%", "a, b und c")],
)
def test_shares_and_lists_are_written_as_in_the_language_of_the_reader(language: str, share: str, names: str) -> None:
    app = Flask("lists")
    i18n.init_app(app, lambda: wording.negotiate(None, language))
    with app.test_request_context(headers={"Accept-Language": language}):
        assert formatting.percent(0.45) == share
        few = [formatting.percent(each).strip("\xa0%") for each in (0, 0.00001, 0.0042, 0.05, 0.9999, 1)]
        assert [each.replace(",", ".") for each in few] == ["0", "0.1", "0.4", "5", "99.9", "100"]
        assert formatting.listed(["a", "b", "c"]) == names


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("en", "Englisch"),
        ("pt_BR", "Portugiesisch (Brasilien)"),
        ("ar", "Arabisch"),
        ("xx-nothing", "xx-nothing"),
        ("", ""),
    ],
)
def test_a_language_is_named_in_the_language_of_the_reader(code: str, name: str) -> None:
    app = Flask("languages")
    i18n.init_app(app, lambda: "de")
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert formatting.language(code) == name
