"""How pages name a person, and the initials and the color beside the name."""

import re
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.config import ROOT
from app.web import i18n, people
from tests.make import NOON

NOBODY = {"name": None, "external_id": None, "email": None, "phone_country": None, "time_zone": None}
CONTRAST_OF_TEXT = 4.5  # WCAG 2.2, 1.4.3


def person(created_at: datetime = NOON, **known: Any) -> Any:
    return SimpleNamespace(**(NOBODY | {"created_at": created_at, "erased_at": None} | known))


@pytest.mark.parametrize(
    ("known", "label"),
    [
        ({"name": "Sam Rivera", "external_id": "42", "phone_country": "US"}, "Sam Rivera"),
        ({"external_id": "42", "email": "sam@example.com"}, "42"),
        ({"email": "sam@example.com"}, "sam@example.com"),
        ({"phone_country": "IE"}, "Visitor from Ireland, 12:00"),
        ({"phone_country": "IE", "time_zone": "Europe/Berlin"}, "Visitor from Ireland, 12:00"),
        ({"time_zone": "Europe/Dublin"}, "Visitor from Ireland, 12:00"),
        ({"phone_country": "GB"}, "Visitor from the United Kingdom, 12:00"),
        ({"time_zone": "Asia/Calcutta"}, "Visitor from India, 12:00"),
        ({"time_zone": "UTC"}, "Visitor, 12:00"),
        ({"time_zone": "Nowhere/City"}, "Visitor, 12:00"),
        ({}, "Visitor, 12:00"),
        ({"created_at": NOON - timedelta(days=1)}, "Visitor, 1 Nov, 12:00"),
        ({"name": "Sam Rivera", "erased_at": NOON}, "Erased contact"),
    ],
)
def test_a_contact_is_named_by_its_best_name_else_by_its_country_and_time(known: dict[str, Any], label: str) -> None:
    with time_machine.travel(NOON, tick=False):
        assert people.label(person(**known), "Europe/London") == label


def test_the_time_of_a_visitor_is_in_the_time_zone_of_the_workspace_and_as_the_reader_writes_it() -> None:
    with time_machine.travel(NOON, tick=False):
        assert people.label(person(), "Europe/Berlin") == "Visitor, 13:00"
        app = Flask("times")
        i18n.init_app(app)
        with app.test_request_context(headers={"Accept-Language": "en-US"}):
            assert people.label(person(), "Europe/Berlin").replace("\u202f", " ") == "Visitor, 1:00 PM"


def test_only_english_gives_the_country_of_a_visitor_its_article() -> None:
    app = Flask("countries")
    i18n.init_app(app)
    with time_machine.travel(NOON, tick=False), app.app_context():
        assert "from the Netherlands" in people.label(person(phone_country="NL"), "UTC")
        with i18n.use_locale("de"):
            label = people.label(person(phone_country="NL"), "UTC")
    assert "Niederlande" in label
    assert "the Niederlande" not in label


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Sam Rivera", "SR"),
        ("ana", "A"),
        ("Maria da Silva Souza", "MS"),
        ("sam@example.com", "S"),
        ("نور حداد", "نح"),
        ("(Sam) Rivera", "R"),
        ("🦊", ""),
        ("", ""),
    ],
)
def test_initials_are_of_the_first_and_the_last_word(name: str, initials: str) -> None:
    assert people.initials(name) == initials


def test_an_id_keeps_its_color() -> None:
    assert people.tone("45fef7bf8451556a7aadc102") == people.tone("45fef7bf8451556a7aadc102")
    assert {people.tone(f"{number:06x}") for number in range(100)} == set(range(people.TONES))
    assert {people.tone(number) for number in range(100)} == set(range(people.TONES))


def test_initials_can_be_read_on_every_color_in_light_and_dark() -> None:
    sheet = (ROOT / "static" / "css" / "tokens.css").read_text()
    for colors in sheet.split("@media (prefers-color-scheme: dark)"):
        values = dict(re.findall(r"--((?:on-)?tone-\d): (#[0-9a-f]{6});", colors))
        assert len(values) == 2 * people.TONES
        for number in range(people.TONES):
            assert _contrast(values[f"tone-{number}"], values[f"on-tone-{number}"]) >= CONTRAST_OF_TEXT


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
