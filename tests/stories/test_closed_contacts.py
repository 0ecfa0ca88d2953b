"""Nothing is accepted from a blocked person, or from one who wants no messages: on every way the same answer."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.core import clock
from app.core.contacts import records as contacts
from app.core.conversations import contact_messages
from app.core.errors import InvalidState
from app.db import Database
from app.models import Contact, ContactRole
from app.models.base import Base
from tests import make
from tests.make import SAMS_NUMBER
from tests.web import pages
from tests.web.api.client import ApiClient
from tests.web.embed.page import answer, open_form
from tests.web.messenger import panel

CODES = {"blocked": (409, "blocked"), "gdpr": (409, "gdpr_optout"), "archived": (409, "invalid_state")}
NOT_COUNTED = {"rate_counters"}


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["assent"].database
    return found


def close(shop: ApiClient, sams_id: str, how: str) -> None:
    if how == "gdpr":
        assert shop.put(f"/contacts/{sams_id}", {"gdpr_optin": False})["gdpr_optin"] is False
    else:
        assert shop.post(f"/contacts/{sams_id}/{'block' if how == 'blocked' else 'archive'}").status == 200


@pytest.mark.parametrize("how", ["blocked", "gdpr", "archived"])
def test_no_surface_inserts_a_form_or_starts_a_conversation(
    shop: ApiClient, ana: FlaskClient, database: Database, offers: str, sams_id: str, how: str
) -> None:
    form = shop.post("/forms", {"subscription_type_id": offers, "title": "Texts from Harbour Coffee"})["id"]
    close(shop, sams_id, how)
    refused = shop.post(f"/forms/{form}/insert", {"contact_id": sams_id})
    assert (refused.status, refused.code) == CODES[how]
    sentence = refused.body["errors"][0]["message"]
    by_agent = pages.submit(ana, f"/contacts/{sams_id}/forms", {"form_id": form}, page=f"/contacts/{sams_id}")
    begun = pages.submit(ana, f"/inbox/new/{sams_id}", {"body": "Hello", "form_id": "", "client_key": "k"})
    for response in (by_agent, begun):
        assert (response.status_code, sentence in response.text) == (422, True)


@pytest.mark.parametrize("how", ["blocked", "gdpr"])
def test_an_opt_in_is_refused_and_an_opt_out_never_is(
    shop: ApiClient, ana: FlaskClient, offers: str, sams_id: str, how: str
) -> None:
    close(shop, sams_id, how)
    body = {"id": offers, "consent_type": "opt_in", "source_note": "by phone"}
    refused = shop.post(f"/contacts/{sams_id}/subscriptions", body)
    assert (refused.status, refused.code) == CODES[how]
    noted = {"yes-subscription_type_id": offers, "yes-note": "by phone"}
    by_agent = pages.submit(ana, f"/contacts/{sams_id}/opt-ins", noted, page=f"/contacts/{sams_id}")
    assert by_agent.status_code == 422
    assert shop.delete(f"/contacts/{sams_id}/subscriptions/{offers}").status == 200
    assert shop.get(f"/contacts/{sams_id}/consent_events")["data"][0]["action"] == "opt_out"


def test_gdpr_optin_goes_back_to_true_only_with_a_note(shop: ApiClient, offers: str, sams_id: str) -> None:
    close(shop, sams_id, "gdpr")
    for value in (True, None):
        refused = shop.put(f"/contacts/{sams_id}", {"gdpr_optin": value})
        assert (refused.status, refused.field) == (400, "source_note")
    body = shop.get(f"/contacts/{sams_id}").body
    assert shop.put(f"/contacts/{sams_id}", {"gdpr_optin": body["gdpr_optin"], "name": "Sam R."}).status == 200
    assert shop.put(f"/contacts/{sams_id}", {"gdpr_optin": True, "source_note": "by phone"})["gdpr_optin"] is True
    assert shop.post(f"/contacts/{sams_id}/subscriptions", {"id": offers, "consent_type": "opt_in"}).status == 200


def rows(database: Database) -> dict[str, Any]:
    with database.read_only() as session:
        tables = [each for each in Base.metadata.sorted_tables if each.name not in NOT_COUNTED]
        return {each.name: session.scalar(select(func.count()).select_from(each)) for each in tables}


def test_nothing_is_collected_about_a_person_who_refused_everything(
    app: Flask, shop: ApiClient, sam: FlaskClient, eve: FlaskClient, database: Database, offers: str, sams_id: str
) -> None:
    form = shop.post("/forms", {"subscription_type_id": offers, "title": "Texts from Harbour Coffee"})
    public = f"/f/form/{urlsplit(form['embed_url']).path.rpartition('/')[2]}"
    personal = urlsplit(shop.post(f"/forms/{form['id']}/insert", {"contact_id": sams_id})["embed_url"]).path
    bearer, identity = panel.session_of(sam, database, "sam"), panel.signature(database, "sam")
    page = open_form(sam, personal)
    close(shop, sams_id, "gdpr")
    before = rows(database)
    written = panel.write(sam, bearer=bearer, identity=identity)
    assert (written.status_code, written.get_json()) == (409, {"error": "gdpr_optout"})
    assert panel.post(sam, "sign-in", {}, identity=identity).status_code == 200
    assert answer(sam, page).state == "unavailable"
    assert answer(eve, open_form(eve, public), SAMS_NUMBER).state == "done", "eve must not learn it"
    assert rows(database) == before


@pytest.mark.parametrize("role", ["user", "lead"])
def test_a_conversation_is_started_only_with_somebody_who_can_read_it(
    shop: ApiClient, ana: FlaskClient, database: Database, role: str
) -> None:
    body = {"role": role, "phone": SAMS_NUMBER} | ({"external_id": "sam"} if role == "user" else {})
    sams_id = shop.post("/contacts", body)["id"]
    begun = pages.submit(ana, f"/inbox/new/{sams_id}", {"body": "Hello", "form_id": "", "client_key": "k"})
    assert begun.status_code == (303 if role == "user" else 422)
    if role == "lead":
        assert "send the personal link" in begun.text
        assert f"/contacts/{sams_id}#insert" in begun.text


def test_a_fast_message_is_refused_like_a_slow_one(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, role=ContactRole.USER)
        contact_messages.post(session, sam.id, body="Hi", client_key="1", at=clock.now())
        contacts.change_gdpr_optin(session, sam, gdpr_optin=False, at=clock.now())
        with pytest.raises(InvalidState) as refused:
            contact_messages.post(session, sam.id, body="Hi again", client_key="2", at=clock.now())
        assert refused.value.code == "gdpr_optout"
        assert session.get_one(Contact, sam.id).gdpr_optin is False
