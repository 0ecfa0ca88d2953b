"""What a page of another site learns about a form that it shows, and the form of a user whom that page proves."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from time_machine import travel
from werkzeug.test import TestResponse

from app.core import clock
from app.core.workspace import settings
from app.db import Database
from app.models import ConsentEvent, Contact, ContactRole, InsertedForm, OutboxEvent
from tests import make
from tests.web.embed.page import answer, open_form

SHOP, EVE = "https://shop.example.com", "https://eve.example.com"


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session, allowed_origins=(SHOP,)).key


def identify(client: FlaskClient, key: str, origin: str, body: str = "{}") -> TestResponse:
    return client.post(f"/f/form/{key}/identify", data=body, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})


def test_an_allowed_page_gets_the_address_of_the_form(client: FlaskClient, key: str) -> None:
    for origin in (SHOP, "http://localhost"):
        response = identify(client, key, origin)
        assert response.json == {"embed_url": f"http://localhost/f/form/{key}", "identity_problem": None}
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in response.headers["Vary"]


def test_another_page_learns_only_why_the_form_is_not_shown(client: FlaskClient, key: str) -> None:
    for origin in (EVE, "null", ""):
        response = identify(client, key, origin)
        assert (response.status_code, response.json) == (403, {"error": "origin_not_allowed"})
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    response = identify(client, "no-such-form", SHOP)
    assert (response.status_code, response.json) == (404, {"error": "not_found"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def signed(database: Database, user_id: str, of: str = "") -> str:
    """The body with a user id and the hash of it, or of another one."""
    with database.read_only() as session:
        secret = settings.get(session).messenger_secret
    user_hash = hmac.new(secret.encode(), (of or user_id).encode(), hashlib.sha256).hexdigest()
    return json.dumps({"user_id": user_id, "user_hash": user_hash})


def form_of(client: FlaskClient, database: Database, key: str, user_id: str) -> str:
    """The path of the form for a signed user."""
    response = identify(client, key, SHOP, signed(database, user_id))
    assert response.json
    return str(response.json["embed_url"]).removeprefix("http://localhost")


def rows(database: Database) -> list[int | None]:
    tables = (Contact, InsertedForm, ConsentEvent, OutboxEvent)
    with database.read_only() as session:
        return [session.scalar(select(func.count()).select_from(table)) for table in tables]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_signed_user_signs_up_the_saved_number_which_is_masked(
    client: FlaskClient, key: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        make.contact(session, external_id="sam-1", phone_number=make.SAMS_NUMBER)
    before = rows(database)
    page = open_form(client, form_of(client, database, key, "sam-1"))
    assert page.state == "saved"
    assert "data-public" not in page.main
    assert "••23" in page.text
    assert "555" not in page.text
    assert rows(database) == before
    for _ in range(2):
        assert answer(client, page).state == "done"
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert session.get_one(Contact, event.contact_id).external_id == "sam-1"
        assert event.evidence_level == "signed_identity"
    assert open_form(client, page.path).state == "signed_up"


@pytest.mark.databases("sqlite", "postgresql")
def test_a_signed_user_without_a_contact_is_created_with_the_answer(
    client: FlaskClient, key: str, database: Database
) -> None:
    page = open_form(client, form_of(client, database, key, "ivy-2"))
    assert page.state == "ask"
    assert answer(client, page, "nonsense").state == "ask"
    assert rows(database)[:3] == [0, 0, 0]
    for _ in range(2):
        assert answer(client, page, make.EVES_NUMBER).state == "done"
    with database.read_only() as session:
        ivy = session.scalars(select(Contact)).one()
        assert (ivy.role, ivy.external_id, ivy.phone) == (ContactRole.USER, "ivy-2", make.EVES_NUMBER)
        assert session.scalars(select(ConsentEvent.contact_id)).one() == ivy.id


def test_a_number_that_was_saved_meanwhile_is_not_replaced(client: FlaskClient, key: str, database: Database) -> None:
    page = open_form(client, form_of(client, database, key, "sam-1"))
    with database.unit_of_work() as session:
        make.contact(session, external_id="sam-1", phone_number=make.SAMS_NUMBER)
    again = answer(client, page, make.EVES_NUMBER)
    assert (again.state, again.main["data-error"]) == ("saved", "shown_again")
    with database.read_only() as session:
        assert session.scalars(select(Contact.phone)).one() == make.SAMS_NUMBER


def test_a_wrong_signature_gets_the_public_form_and_the_reason(
    client: FlaskClient, key: str, database: Database
) -> None:
    response = identify(client, key, SHOP, signed(database, "sam-1", of="eve-1"))
    assert response.json == {"embed_url": f"http://localhost/f/form/{key}", "identity_problem": "user_hash_wrong"}
    for body in ("", "[]", "[" * 5000, "nonsense", '{"user_id": ["sam-1"]}'):
        assert identify(client, key, SHOP, body).json == {
            "embed_url": f"http://localhost/f/form/{key}",
            "identity_problem": None,
        }


def test_the_address_of_a_signed_user_opens_for_30_minutes(client: FlaskClient, key: str, database: Database) -> None:
    path = form_of(client, database, key, "sam-1")
    page = open_form(client, path)
    with travel(clock.now() + timedelta(minutes=31), tick=False):
        assert open_form(client, path).status == 404
        assert answer(client, page, make.SAMS_NUMBER).state == "done"
    assert open_form(client, f"{path}x").status == 404
