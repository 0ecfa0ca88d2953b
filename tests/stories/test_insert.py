"""Ana inserts a form into the conversation, and Sam signs up in the messenger."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web import pages
from tests.web.api.client import ApiClient, database
from tests.web.embed.page import answer, open_form
from tests.web.messenger.panel import get, messages_of, session_of, write


@pytest.fixture
def sams_session(app: Flask, sam: FlaskClient, sams_id: str) -> str:
    """Sam, signed in at the shop, has written in the messenger."""
    session = session_of(sam, database(app), "sam")
    assert write(sam, "News by text?", session, client_key="first").status_code == 200
    return session


def insert_form(ana: FlaskClient, shop: ApiClient, offers: str) -> str:
    """Ana inserts a form into the only conversation. Returns the path of its page."""
    form = shop.post("/forms", {"subscription_type_id": offers, "title": "Texts from Harbour Coffee"})
    (conversation,) = shop.get("/conversations")["conversations"]
    page = f"/inbox/{conversation['id']}"
    assert pages.submit(ana, f"{page}/forms", {"form_id": form["id"]}, page=page).status_code == 303
    return page


def test_sam_signs_up_in_the_conversation(
    ana: FlaskClient, sam: FlaskClient, sams_session: str, sams_id: str, shop: ApiClient, offers: str
) -> None:
    conversation = insert_form(ana, shop, offers)
    (form,) = [line["form"] for line in messages_of(get(sam, "poll", sams_session)) if line.get("form")]
    page = open_form(sam, form["address"])
    assert (page.state, "+1 202-555-0123" in page.text) == ("saved", True)
    assert answer(sam, page).state == "done"
    assert shop.search(f"subscription_types.{offers}", "=", "reachable") == [sams_id]
    assert 'data-state="signed_up"' in ana.get(conversation).get_data(as_text=True)


def test_a_stranger_with_the_address_of_the_form_does_not_see_the_number(
    ana: FlaskClient, sam: FlaskClient, eve: FlaskClient, sams_session: str, shop: ApiClient, offers: str
) -> None:
    insert_form(ana, shop, offers)
    (form,) = [line["form"] for line in messages_of(get(sam, "poll", sams_session)) if line.get("form")]
    page = open_form(eve, form["address"].partition("?")[0])
    assert "555" not in page.text
