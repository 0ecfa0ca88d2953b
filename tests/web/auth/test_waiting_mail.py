"""Agents choose on the account page what they are mailed about."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import config, create_app
from app.core.accounts import agents
from app.db import Database
from app.web.services import services_of
from tests.web import pages

NOT_SENT = "This installation sends no email yet"


def chosen(database: Database) -> tuple[str, int]:
    with database.read_only() as session:
        (ana,) = (each for each in agents.find_all(session) if each.email == "ana@example.com")
        return ana.mailed_about, ana.mailed_after_minutes


def test_an_agent_chooses_what_to_be_mailed_about(ana: FlaskClient, database: Database) -> None:
    values = {"about": "mine_or_unassigned", "after_minutes": "5"}
    changed = pages.submit(ana, "/account/waiting-mail", values, page="/account")
    assert (changed.status_code, changed.location) == (303, "/account")
    assert chosen(database) == ("mine_or_unassigned", 5)
    page = ana.get("/account").get_data(as_text=True)
    assert '<option selected value="mine_or_unassigned">' in page
    assert '<option selected value="5">5 minutes</option>' in page


@pytest.mark.parametrize("values", [{"about": "everything"}, {"after_minutes": "7"}, {"after_minutes": "soon"}, {}])
def test_a_value_that_is_not_offered_changes_nothing(
    ana: FlaskClient, database: Database, values: dict[str, str]
) -> None:
    values = {"about": "off", "after_minutes": "5"} | values if values else {}
    refused = pages.submit(ana, "/account/waiting-mail", values, page="/account")
    assert refused.status_code == 422
    assert 'class="error"' in refused.get_data(as_text=True)
    assert chosen(database) == ("mine", 15)


@pytest.mark.parametrize(
    ("values", "is_sent"),
    [
        ({"smtp_url": "smtp://localhost:2525"}, False),
        ({"public_url": "https://consent.example.com"}, False),
        ({"smtp_url": "smtp://localhost:2525", "public_url": "https://consent.example.com"}, True),
    ],
)
def test_the_page_says_whether_mails_are_sent(
    app: Flask, settings: config.Settings, values: dict[str, str], *, is_sent: bool
) -> None:
    assert NOT_SENT in pages.agent(app).get("/account").get_data(as_text=True)
    made = create_app(config.Settings(**(vars(settings) | values)))
    base = "https://consent.example.com" if "public_url" in values else "http://localhost"
    client = made.test_client()
    pages.sign_in(client, "ana@example.com", base_url=base)
    page = client.get("/account", base_url=base).get_data(as_text=True)
    assert "Email me about" in page
    assert (NOT_SENT not in page) == is_sent
    services_of(made).database.close()
