"""A saved reply is chosen for a conversation, without scripts, and sent with its form."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import clock
from app.core.conversations import lifecycle, messages, saved_replies
from app.core.conversations.appending import NewMessage
from app.core.conversations.saved_replies import ReplyContent
from app.core.forms import publishing
from app.db import Database
from app.models import Contact, Message, OptInForm, SavedReply, SubscriptionType
from tests import make
from tests.make import NOON
from tests.web import pages


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, name="Sam <Rivera>", phone_number=make.SAMS_NUMBER)


@pytest.fixture
def chat(database: Database, sam: Contact) -> int:
    with database.unit_of_work() as session:
        found = lifecycle.find_or_start(session, sam.id, at=clock.now())
        messages.post(session, found.id, NewMessage("contact", "Hello?"), at=clock.now())
        return found.id


@pytest.fixture
def form(database: Database) -> OptInForm:
    with database.unit_of_work() as session:
        return make.form(session, name="Shop offers")


@pytest.fixture
def reply(database: Database, form: OptInForm) -> SavedReply:
    content = ReplyContent("Offers", "Hello {name|there}, sign up here.", form.id)
    with database.unit_of_work() as session:
        return saved_replies.create(session, content, actor="agent:1", at=NOON)


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def send(client: FlaskClient, chat: int, **values: str) -> TestResponse:
    values = {"kind": "message", "client_key": "k1"} | values
    return pages.submit(client, f"/inbox/{chat}/messages", values, page=f"/inbox/{chat}")


def kinds(database: Database) -> list[str]:
    with database.read_only() as session:
        return list(session.scalars(select(Message.kind).order_by(Message.number)))


def attached(page: str) -> str:
    """The box for the form of the message; empty where it is hidden."""
    found = re.search(r'<div class="choice attached for-reply" id="attached">.*?</div>', page, re.DOTALL)
    return found[0] if found else ""


def test_choosing_a_saved_reply_fills_the_message_box_for_this_contact(
    ana: FlaskClient, chat: int, reply: SavedReply
) -> None:
    picker = text_of(ana, f"/inbox/{chat}/replies?assigned=me")
    assert "Hello Sam &lt;Rivera&gt;, sign up here." in picker
    assert "With the form Shop offers" in picker
    link = re.search(rf'href="(/inbox/{chat}\?[^"#]*reply={reply.id}[^"#]*)#reply"', picker)
    assert link
    page = text_of(ana, link[1].replace("&amp;", "&"))
    assert re.search(r"<textarea[^>]*>Hello Sam &lt;Rivera&gt;, sign up here.</textarea>", page)
    assert "Shop offers" in attached(page)
    assert " checked" in attached(page)


def test_sending_it_sends_the_message_and_then_the_form(
    ana: FlaskClient, chat: int, reply: SavedReply, database: Database
) -> None:
    for _ in range(2):
        assert send(ana, chat, body="Sign up here.", form_id=str(reply.form_id)).status_code == 303
    assert kinds(database) == ["message", "message", "form"]


def test_a_form_that_was_taken_off_is_not_sent(ana: FlaskClient, chat: int, database: Database) -> None:
    assert send(ana, chat, body="Sign up here.", form_id="").status_code == 303
    assert send(ana, chat, body="To the team", kind="note", form_id="1", client_key="k2").status_code == 303
    assert kinds(database) == ["message", "message", "note"]


def test_where_the_form_cannot_be_sent_the_page_says_so_and_keeps_the_text(
    ana: FlaskClient, chat: int, sam: Contact, reply: SavedReply, database: Database
) -> None:
    with database.unit_of_work() as session:
        session.get_one(Contact, sam.id).archived_at = NOON
    refused = send(ana, chat, body="Sign up here.", form_id=str(reply.form_id))
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert re.search(r"<textarea[^>]*>Sign up here.</textarea>", page)
    assert 'id="body-error"' in page
    assert "This contact is archived" in attached(page)
    assert kinds(database) == ["message"]
    assert send(ana, chat, body="Sign up here.").status_code == 303
    assert kinds(database) == ["message", "message"]


def test_what_speaks_against_the_form_is_said_before_it_is_sent(
    ana: FlaskClient, chat: int, sam: Contact, form: OptInForm, reply: SavedReply, database: Database
) -> None:
    with database.unit_of_work() as session:
        offers = publishing.newest_version(session, session.get_one(OptInForm, form.id)).subscription_type_id
        make.opt_in(session, session.get_one(Contact, sam.id), session.get_one(SubscriptionType, offers))
    assert "Already opted in" in text_of(ana, f"/inbox/{chat}/replies")
    assert "Already opted in" in attached(text_of(ana, f"/inbox/{chat}?reply={reply.id}"))


def test_a_form_that_is_no_longer_offered_is_left_out_and_said(
    ana: FlaskClient, chat: int, form: OptInForm, reply: SavedReply, database: Database
) -> None:
    with database.unit_of_work() as session:
        publishing.archive(session, session.get_one(OptInForm, form.id), actor="agent:1", at=NOON)
    assert "Its form is no longer offered" in text_of(ana, f"/inbox/{chat}/replies")
    page = text_of(ana, f"/inbox/{chat}?reply={reply.id}")
    assert "sign up here.</textarea>" in page
    assert attached(page) == ""


def test_a_reply_that_was_deleted_meanwhile_fills_in_nothing(ana: FlaskClient, chat: int) -> None:
    assert re.search(r"<textarea[^>]*></textarea>", text_of(ana, f"/inbox/{chat}?reply=99"))
    assert "No reply is saved yet." in text_of(ana, f"/inbox/{chat}/replies")
