"""A page of an admin reports every mistake of a form in one go, those of fields and those of rules."""

import pytest
from flask.testing import FlaskClient

from app.core.workspace import settings
from app.db import Database
from tests import make
from tests.web import pages

WRONG_SETTINGS = {
    "name": "",
    "time_zone": "Nowhere",
    "default_country": "XX",
    "allowed_countries": "YY",
    "allowed_origins": "shop/path",
    "privacy_url": "privacy",
    "terms_url": "ftp://x",
    "help_contact": "x" * 300,
    "submissions_per_address": "0",
    "submissions_per_number": "",
    "api_calls_per_minute": "99999999",
}
WRONG_FORM = {
    "title": "",
    "accent_color": "green",
    "default_country": "XX",
    "allowed_origins": "shop/path",
    "legal_text-es": "Texto",
}
WRONG_FORM_FIELDS = {"subscription_type_id", "title", "accent_color", "default_country", "allowed_origins", "title-es"}


@pytest.mark.parametrize(
    ("path", "values", "fields"),
    [
        ("/admin/settings", WRONG_SETTINGS, set(WRONG_SETTINGS)),
        ("/admin/forms/new", WRONG_FORM, WRONG_FORM_FIELDS),
        ("/admin/webhooks/new", {"url": "ftp://x"}, {"url", "topics"}),
        ("/admin/agents/invite", {"email": "x", "name": "x" * 121}, {"email", "name"}),
        (
            "/admin/messenger",
            {"messenger_office_name": "x" * 121, "messenger_accent_color": "green", "messenger_greeting-es": "x" * 301},
            {"messenger_office_name", "messenger_accent_color", "messenger_greeting-es"},
        ),
    ],
)
def test_every_mistake_is_reported_at_once(
    max_: FlaskClient, path: str, values: dict[str, str], fields: set[str]
) -> None:
    answer = pages.submit(max_, path, values)
    html = answer.get_data(as_text=True)
    summary = html.partition('class="summary"')[2].partition("</ul>")[0]
    assert answer.status_code == 422
    assert {field for field in fields if f'href="#{field}"' in summary} == fields


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("Berlin", "Europe/Berlin"), ("new york", "America/New_York"), ("europe/paris", "Europe/Paris"), ("UTC", "UTC")],
)
def test_a_time_zone_is_found_by_its_city(database: Database, typed: str, stored: str) -> None:
    with database.unit_of_work() as session:
        assert settings.change(session, {"time_zone": typed}, actor="agent:1", at=make.NOON).time_zone == stored
