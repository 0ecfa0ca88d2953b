"""A request of an agent that is sent twice, even concurrently, has one effect."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.db import Database
from app.models import Contact, Conversation, InsertedForm, Message, OptInForm, OutboxEvent
from tests import make
from tests.web import pages

TWO = 2


@pytest.fixture
def anas(app: Flask) -> list[FlaskClient]:
    """Ana, signed in in two browser windows."""
    pages.make_agent(app, "ana@example.com", name="Ana")
    return [pages.signed_in(app, "ana@example.com") for _ in range(TWO)]


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, phone_number=make.SAMS_NUMBER)


@pytest.fixture
def chat(database: Database, sam: Contact) -> int:
    with database.unit_of_work() as session:
        found = lifecycle.find_or_start(session, sam.id, at=clock.now())
        messages.post(session, found.id, NewMessage("contact", "Hello"), at=clock.now())
        return found.id


def key_on(client: FlaskClient, path: str, action: str = "") -> str:
    """The client key in a form of a page."""
    html = client.get(path).get_data(as_text=True)
    found = re.search(rf'<form[^>]*{action}.*?name="client_key" value="([^"]+)"', html, re.DOTALL)
    assert found, path
    return found[1]


def send_concurrently(clients: list[FlaskClient], path: str, values: dict[str, str]) -> list[int]:
    """Send the same form from both windows concurrently; returns the statuses."""
    tokens = [pages.csrf_token(client.get("/account").get_data(as_text=True)) for client in clients]
    start = Barrier(len(clients))

    def send(client: FlaskClient, token: str) -> int:
        start.wait()
        return client.post(path, data=values | {"csrf_token": token}).status_code

    with ThreadPoolExecutor(len(clients)) as hands:
        return list(hands.map(send, clients, tokens))


def count(database: Database, model: type) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.databases("sqlite", "postgresql")
def test_a_saved_form_is_placed_once(anas: list[FlaskClient], chat: int, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Offers by text")
    key = key_on(anas[0], f"/inbox/{chat}/forms", 'id="picker"')
    values = {"form_id": str(form.id), "client_key": key}
    assert send_concurrently(anas, f"/inbox/{chat}/forms", values) == [303, 303]
    assert count(database, InsertedForm) == 1
    assert send_concurrently(anas, f"/inbox/{chat}/forms", values | {"client_key": "another-key"}) == [303, 303]
    assert count(database, InsertedForm) == TWO
    with database.read_only() as session:
        topics = list(session.scalars(select(OutboxEvent.topic).where(OutboxEvent.topic == "form.inserted")))
    assert len(topics) == TWO


@pytest.mark.databases("sqlite", "postgresql")
def test_a_configured_form_is_created_and_placed_once(anas: list[FlaskClient], chat: int, database: Database) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session)
    page = f"/inbox/{chat}/insert"
    values = {
        "subscription_type_id": str(kind.id),
        "title": "A seat",
        "locale": "en",
        "client_key": key_on(anas[0], page),
    }
    assert send_concurrently(anas, page, values) == [303, 303]
    assert (count(database, OptInForm), count(database, InsertedForm)) == (1, 1)


def test_a_refused_page_keeps_its_key(anas: list[FlaskClient], chat: int, database: Database) -> None:
    with database.unit_of_work() as session:
        make.live_type(session)
    answer = pages.submit(anas[0], f"/inbox/{chat}/insert", {"title": "", "client_key": "the-same"})
    assert answer.status_code == 422
    assert 'name="client_key" value="the-same"' in answer.get_data(as_text=True)


@pytest.mark.databases("sqlite", "postgresql")
def test_a_conversation_is_started_once(anas: list[FlaskClient], sam: Contact, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
    page = f"/inbox/new/{sam.public_id}"
    values = {"body": "Welcome!", "form_id": str(form.id), "client_key": key_on(anas[0], page)}
    assert send_concurrently(anas, page, values) == [303, 303]
    assert [count(database, each) for each in (Conversation, Message, InsertedForm)] == [1, 2, 1]
    assert send_concurrently(anas, page, values | {"client_key": key_on(anas[0], page)}) == [303, 303]
    assert count(database, Conversation) == TWO


@pytest.mark.databases("sqlite", "postgresql")
def test_a_reply_is_posted_once(anas: list[FlaskClient], chat: int, database: Database) -> None:
    key = key_on(anas[0], f"/inbox/{chat}", 'id="reply"')
    values = {"kind": "message", "body": "At your service", "client_key": key}
    assert send_concurrently(anas, f"/inbox/{chat}/messages", values) == [303, 303]
    assert count(database, Message) == TWO


def test_a_changed_request_with_the_same_key_is_carried_out(
    anas: list[FlaskClient], chat: int, sam: Contact, database: Database
) -> None:
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        forms = [make.form(session, name=name) for name in ("One", "Two")]
    acts: list[tuple[str, list[dict[str, str]]]] = [
        (f"/inbox/{chat}/forms", [{"form_id": str(form.id)} for form in forms]),
        (
            f"/inbox/{chat}/insert",
            [{"subscription_type_id": str(kind.id), "locale": "en", "title": title} for title in ("A seat", "A table")],
        ),
        (f"/inbox/new/{sam.public_id}", [{"body": body, "form_id": ""} for body in ("Welcome!", "Welcome back!")]),
    ]
    for path, changed in acts:
        stood = count(database, Message)
        for values in [*changed, *changed]:
            assert send_concurrently(anas, path, values | {"client_key": "the-same"}) == [303, 303]
        assert count(database, Message) == stood + TWO, path
    assert count(database, Conversation) == TWO


@pytest.mark.parametrize("key", ["not a key", "<b>", "x" * 65, "ä"])
def test_a_malformed_client_key_is_refused(
    anas: list[FlaskClient], chat: int, sam: Contact, database: Database, key: str
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
    for path, page in (
        (f"/inbox/{chat}/forms", f"/inbox/{chat}"),
        (f"/inbox/new/{sam.public_id}", f"/inbox/new/{sam.public_id}"),
    ):
        values = {"form_id": str(form.id), "body": "Hello", "client_key": key}
        pages.submit(anas[0], path, values, page=page)
    assert (count(database, InsertedForm), count(database, Conversation)) == (0, 1)
