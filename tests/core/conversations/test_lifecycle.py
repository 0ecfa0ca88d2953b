"""Conversations are started once, closed, reopened, assigned and moved to another contact."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.core.conversations import appending, lifecycle, views
from app.core.conversations import forms as conversation_forms
from app.core.errors import InvalidInput, NotFound
from app.db import Database
from app.models import ConversationChannel, Message
from tests import make
from tests.core.conversations.chats import ANA, post, start
from tests.make import NOON


def test_a_first_message_sent_twice_starts_one_conversation_even_if_it_was_closed_meanwhile(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session).id
        first = lifecycle.find_or_start(session, sam, at=NOON, client_key="k1")
        post(session, first.id, client_key="k1")
        lifecycle.close(session, first.id, actor=ANA, at=NOON)
    with database.unit_of_work() as session:
        again = lifecycle.find_or_start(session, sam, at=NOON, client_key="k1")
        post(session, again.id, client_key="k1")
        assert again.id == first.id
        assert again.state == "closed"
        assert lifecycle.find_or_start(session, sam, at=NOON, client_key="k2").id != first.id


def test_concurrent_first_messages_start_one_conversation(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session).id

    def write(number: int) -> int:
        with database.unit_of_work() as session:
            chat = lifecycle.find_or_start(session, sam, at=NOON)
            return post(session, chat.id, str(number)).conversation_id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(write, range(16)))) == 1


def test_closing_reopening_and_assigning_twice_writes_one_event_each(database: Database) -> None:
    with database.unit_of_work() as session:
        agent = make.agent(session)
        chat = start(session)
        for _ in range(2):
            lifecycle.assign(session, chat.id, agent.id, actor=ANA, at=NOON)
        for _ in range(2):
            lifecycle.assign(session, chat.id, None, actor=ANA, at=NOON)
        for _ in range(2):
            lifecycle.close(session, chat.id, actor=ANA, at=NOON)
        for _ in range(2):
            lifecycle.reopen(session, chat.id, actor=ANA, at=NOON)
        events = session.scalars(select(Message.body).order_by(Message.number)).all()
        assert events == [f"assigned:{agent.id}", "unassigned", "closed", "reopened"]
        agent.active = False
        session.flush()
        for agent_id in (agent.id, 999):
            with pytest.raises(InvalidInput):
                lifecycle.assign(session, chat.id, agent_id, actor=ANA, at=NOON)


def test_a_leads_conversations_in_the_messenger_and_unanswered_forms_move_to_the_user(database: Database) -> None:
    with database.unit_of_work() as session:
        lead, user = make.contact(session), make.contact(session)
        chat, closed = (lifecycle.start(session, lead.id, at=NOON) for _ in range(2))
        by_text = lifecycle.start(session, lead.id, at=NOON, channel=ConversationChannel.SMS)
        form = make.form(session)
        waiting, answered = make.inserted(session, form, lead), make.inserted(session, form, lead)
        for inserted in (waiting, answered):
            conversation_forms.place(session, appending.lock(session, chat.id), inserted, author=ANA, at=NOON)
        answered.answered_at = NOON
        lifecycle.close(session, closed.id, actor=ANA, at=NOON)
        assert lifecycle.reassign_to_contact(session, lead.id, user.id, at=NOON) == [chat.id, closed.id]
        for row in (waiting, answered, chat, closed, by_text):
            session.refresh(row)
        assert (chat.contact_id, closed.contact_id, by_text.contact_id) == (user.id, user.id, lead.id)
        assert (waiting.contact_id, answered.contact_id) == (user.id, lead.id)
        with pytest.raises(NotFound):
            views.contact_page(session, chat.id, lead.id, at=NOON)
