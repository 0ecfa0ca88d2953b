"""Agents reply by text."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.contacts import erase
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle, texts, views
from app.core.conversations.appending import NewMessage
from app.core.errors import InvalidInput, InvalidState
from app.core.inbox import replying
from app.db import Database
from app.models import Contact, MessageKind, SmsMessage, StoppedConsent
from tests import make
from tests.core.inbound import texting
from tests.make import NOON, SAMS_NUMBER

LATER = NOON + timedelta(minutes=1)


@pytest.mark.databases("sqlite", "postgresql")
def test_a_reply_to_a_text_is_a_text_until_the_number_says_stop(database: Database) -> None:
    with database.unit_of_work() as session:
        news, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, news)
        conversation_id = texting.send(session, "Are you open?").conversation_id
        assert conversation_id is not None
        new = NewMessage("agent:1", "Until six.", client_key="a")
        for _ in range(2):
            message = replying.reply(session, conversation_id, new, at=LATER)
        sent = texts.sent_for(session, conversation_id, [message.number])
        assert [(each.purpose, each.body, each.phone) for each in sent.values()] == [
            ("reply", "Until six.", SAMS_NUMBER)
        ]
        assert texting.answers(session) == [("reply", "Until six.")], "sending it twice sends one text"
        replying.reply(session, conversation_id, NewMessage("agent:1", "A regular", MessageKind.NOTE), at=LATER)
        assert len(texting.answers(session)) == 1, "a note is not sent"
        with pytest.raises(InvalidInput, match="too long"):
            replying.reply(session, conversation_id, NewMessage("agent:1", "ш" * 700), at=LATER)
        form_id = make.form(session, news).id
        with pytest.raises(InvalidState, match="cannot be sent in a text"):
            conversation_forms.insert_saved(session, conversation_id, form_id, actor="agent:1", at=LATER)
        texting.send(session, "please stop texting me", at=LATER)
        with pytest.raises(InvalidState, match="under review"):
            replying.reply(session, conversation_id, NewMessage("agent:1", "Why?"), at=LATER)
        texting.send(session, "STOP", at=LATER)
        with pytest.raises(InvalidState, match="asked not to be texted"):
            replying.reply(session, conversation_id, NewMessage("agent:1", "Why?"), at=LATER)


@pytest.mark.databases("sqlite", "postgresql")
def test_the_messenger_never_shows_conversations_by_text_and_an_erasure_ends_them(database: Database) -> None:
    with database.unit_of_work() as session:
        make.live_type(session)
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        by_text = texting.send(session, "Hello").conversation_id
        assert by_text is not None
        in_messenger = lifecycle.find_or_start(session, sam.id, at=LATER).id
        assert in_messenger != by_text
        with pytest.raises(Exception, match="no such conversation"):
            views.contact_page(session, by_text, sam.id, at=LATER)
        texting.send(session, "STOP", at=LATER)
        erase.erase(session, session.get_one(Contact, sam.id), actor="agent:1", at=LATER)
        assert session.scalars(select(SmsMessage.conversation_id)).all() == [None] * 3
        assert session.scalars(select(StoppedConsent)).all() == []
