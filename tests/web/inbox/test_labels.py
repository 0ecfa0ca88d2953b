"""The texts of the inbox. All of them come from the catalogs, also those that the code puts together."""

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.wording import LOCALES
from app.db import Database
from app.web.inbox import labels
from tests import make
from tests.test_translations import _has_words, _read_by_people
from tests.web import pages

MARKED = re.compile("⟦[^⟦⟧]*⟧")


class Marked:
    """A catalog that marks each sentence."""

    def ugettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ungettext(self, one: str, many: str, number: int) -> str:
        return f"⟦{one if number == 1 else many}⟧"


@pytest.fixture
def marked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        catalogs = app.extensions["babel"].instance.domain_instance.cache
    monkeypatch.setitem(catalogs, ("en", "messages"), Marked())


@pytest.fixture
def chat(database: Database) -> int:
    with database.unit_of_work() as session:
        make.form(session, make.live_type(session, name="OFFERS"), name="FORM")
        sam = make.contact(
            session, name="SAM", external_id="user-1", phone_number=make.SAMS_NUMBER, email_address="sam@example.com"
        )
        conversation = lifecycle.find_or_start(session, sam.id, at=clock.now())
        messages.post(session, conversation.id, NewMessage("contact", "HELLO"), at=clock.now())
        return conversation.id


def untranslated(page: str) -> set[str]:
    """The texts that people read, without those of the catalog, times, and the names of languages."""
    page = re.sub(r"<time .*?</time>|<p class=\"day.*?</p>", "", page)
    while page != (page := MARKED.sub("", page)):
        pass  # a sentence is inside another one
    texts = {text for text in _read_by_people(page) if _has_words(text)} - set(LOCALES.values())
    return {text.strip(" ·()\n") for text in texts}


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("closed", "Ana closed the conversation"),
        ("assigned:2", "Ana assigned the conversation to Max"),
        ("assigned:3", "Ana assigned the conversation to a teammate"),
        ("unknown", "Ana unknown"),
    ],
)
def test_an_event_is_a_sentence_with_its_author(code: str, sentence: str) -> None:
    assert labels.event(code, "Ana", {2: "Max"}) == sentence


@pytest.mark.usefixtures("marked")
def test_every_sentence_of_the_inbox_is_of_the_catalog(ana: FlaskClient, app: Flask, chat: int) -> None:
    max_ = pages.admin(app)
    for client, path, data in (
        (ana, "forms", {"form_id": "1"}),
        (ana, "messages", {"kind": "note", "body": "HELLO"}),
        (ana, "assignee", {"assignee": "2"}),
        (ana, "close", {}),
        (ana, "reopen", {}),
        (max_, "here", {"revision": "1"}),
    ):
        token = pages.csrf_token(client.get(f"/inbox/{chat}").get_data(as_text=True))
        assert client.post(f"/inbox/{chat}/{path}", data=data | {"csrf_token": token}).status_code < 400
    ours = {"Ana", "Max", "SAM", "S", "OFFERS", "FORM", "FORM (OFFERS)", "HELLO", "sam@example.com", "user-1"}
    ours |= {"Texts from Harbour Coffee", "Sign Up Now", "OFFERS · SMS", "SAM ·  · Assent"}
    for path in ("", "?q=SAM", "?q=nobody", "?box=closed", f"/{chat}", f"/{chat}/forms", f"/{chat}/insert"):
        page = ana.get(f"/inbox{path}").get_data(as_text=True)
        assert untranslated(page) - ours == set(), path
    texts = json.loads(ana.get("/inbox").get_data(as_text=True).partition('texts">')[2].partition("</script>")[0])
    assert [text for text in texts.values() if not MARKED.fullmatch(text)] == []
