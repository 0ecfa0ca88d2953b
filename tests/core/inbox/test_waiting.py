"""Which conversations wait for an answer, and whom a mail about them is due to."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.core.consent import locking
from app.core.contacts import erase
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.inbox import presence, waiting
from app.db import Database
from app.models import Agent, AgentNotice, Contact, Conversation, MessageKind
from tests import make
from tests.core.conversations.chats import query_plans, started_by_contact
from tests.make import NOON


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def post(session: Session, chat: int, author: str, minute: float, kind: MessageKind = MessageKind.MESSAGE) -> None:
    messages.post(session, chat, NewMessage(author, "Hello", kind), at=minutes(minute))


def waiting_at(session: Session, minute: float) -> list[tuple[int, int]]:
    """Conversation and number of the message since which each waits."""
    found = waiting.find(session, since=minutes(minute) - waiting.MAILED_WITHIN, until=minutes(minute))
    return [(each.id, each.number) for each in found]


def ana_of(session: Session, about: str = "all", after_minutes: int = 15, **values: Any) -> Agent:
    ana = make.agent(session, **values)
    ana.mailed_about, ana.mailed_after_minutes, ana.password = about, after_minutes, "x"
    return ana


def due_at(session: Session, minute: float) -> dict[int, list[int]]:
    """The conversations that each agent is to be mailed about."""
    session.flush()
    mails = waiting.due_mails(session, at=minutes(minute))
    return {mail.agent_id: [each.id for each in mail.conversations] for mail in mails}


def test_a_conversation_waits_since_the_first_message_that_nobody_answered(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = started_by_contact(session)
        post(session, chat, "contact", 1)
        assert waiting_at(session, 2) == [(chat, 1)]
        post(session, chat, "agent:1", 3, MessageKind.NOTE)
        assert waiting_at(session, 3) == [(chat, 1)]
        post(session, chat, "agent:1", 4)
        assert waiting_at(session, 5) == []
        post(session, chat, "contact", 6)
        post(session, chat, "contact", 7)
        assert waiting_at(session, 8) == [(chat, 5)]
        post(session, chat, "bot:1", 8)
        post(session, chat, "outbound:1", 8)
        assert waiting_at(session, 8) == [(chat, 5)]
        post(session, chat, "api:1", 9)
        assert waiting_at(session, 9) == []


def test_a_form_and_closing_end_the_wait(database: Database) -> None:
    with database.unit_of_work() as session:
        with_form, closed = started_by_contact(session), started_by_contact(session)
        conversation_forms.insert_saved(session, with_form, make.form(session).id, actor="agent:1", at=minutes(1))
        lifecycle.close(session, closed, actor="agent:1", at=minutes(1))
        session.flush()
        assert waiting_at(session, 2) == []
        post(session, closed, "contact", 3)  # reopens it: the earlier message waits no more
        number = session.get_one(Conversation, closed).last_number
        assert waiting_at(session, 4) == [(closed, number)]


def test_contacts_that_cannot_be_answered_and_long_waits_are_left_out(database: Database) -> None:
    with database.unit_of_work() as session:
        chats = [started_by_contact(session) for _ in range(4)]
        people = [session.get_one(Contact, session.get_one(Conversation, chat).contact_id) for chat in chats]
        people[0].blocked_at, people[1].gdpr_optin = NOON, False
        erase.erase(session, locking.lock_contact(session, people[2].id), actor="agent:1", at=NOON)
        session.flush()
        assert waiting_at(session, 20) == [(chats[3], 1)]
        assert waiting_at(session, 24 * 60 + 1) == []


def test_each_agent_is_mailed_by_their_own_settings(database: Database) -> None:
    with database.unit_of_work() as session:
        team = {about: ana_of(session, about) for about in ("off", "mine", "mine_or_unassigned", "all")}
        impatient, patient = ana_of(session, after_minutes=5), ana_of(session, after_minutes=60)
        invited, disabled = ana_of(session), ana_of(session)
        invited.password, disabled.active = None, False
        mine = started_by_contact(session, assignee_id=team["mine"].id)
        unassigned = started_by_contact(session, minute=1)
        others = started_by_contact(session, minute=2, assignee_id=team["mine_or_unassigned"].id)
        every = [mine, unassigned, others]
        assert due_at(session, 4) == {}
        assert due_at(session, 7.5) == {impatient.id: every}
        assert due_at(session, 18) == {
            team["mine"].id: [mine],
            team["mine_or_unassigned"].id: [unassigned, others],
            team["all"].id: every,
            impatient.id: every,
        }
        assert due_at(session, 70)[patient.id] == every


def test_an_agent_who_has_the_conversation_on_the_screen_is_not_mailed(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = ana_of(session), ana_of(session)
        chat = started_by_contact(session)
        presence.mark_present(session, chat, ana.id, at=minutes(20))
        assert due_at(session, 20) == {max_.id: [chat]}
        assert due_at(session, 21) == {ana.id: [chat], max_.id: [chat]}


def test_an_agent_is_mailed_once_for_each_wait(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = ana_of(session)
        chat, later = started_by_contact(session), started_by_contact(session, minute=10)
        session.flush()
        (mail,) = waiting.due_mails(session, at=minutes(16))
        claimed = waiting.claim(session, mail, at=minutes(16))
        assert claimed
        assert [each.id for each in claimed.conversations] == [chat]
        assert waiting.claim(session, mail, at=minutes(16)) is None
        waiting.record_sent(session, claimed, at=minutes(16))
        assert session.scalars(select(AgentNotice.sent_at)).all() == [minutes(16)]
        post(session, chat, "contact", 17)  # the contact asks again: it is the same wait
        assert due_at(session, 40) == {ana.id: [later]}
        post(session, chat, "agent:1", 41)
        post(session, chat, "contact", 42)
        assert due_at(session, 60) == {ana.id: [later, chat]}


def test_a_mail_that_was_given_back_is_due_again(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, chat = ana_of(session), started_by_contact(session)
        session.flush()
        (mail,) = waiting.due_mails(session, at=minutes(16))
        waiting.claim(session, mail, at=minutes(16))
        assert due_at(session, 17) == {}
        waiting.release(session, mail)
        assert due_at(session, 17) == {ana.id: [chat]}


def test_old_notices_are_deleted_and_those_of_an_erased_contact_at_once(database: Database) -> None:
    with database.unit_of_work() as session:
        ana_of(session)
        chat = started_by_contact(session)
        session.flush()
        (mail,) = waiting.due_mails(session, at=minutes(16))
        waiting.claim(session, mail, at=minutes(16))
        assert waiting.delete_old(session, at=NOON + timedelta(days=30)) == 0
        assert waiting.delete_old(session, at=NOON + timedelta(days=31)) == 1
        waiting.claim(session, mail, at=minutes(16))
        contact_id = session.get_one(Conversation, chat).contact_id
        erase.erase(session, locking.lock_contact(session, contact_id), actor="agent:1", at=NOON)
        assert session.scalars(select(AgentNotice.number)).all() == []


def test_due_mails_take_three_statements_however_many_agents_there_are(database: Database) -> None:
    with database.unit_of_work() as session:
        for _ in range(5):
            ana_of(session)
            started_by_contact(session)
        session.flush()
        seen: list[str] = []
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *seen_: seen.append(seen_[2]))
        assert len(waiting.due_mails(session, at=minutes(20))) == 5
        assert len(seen) <= 4


@pytest.mark.databases("sqlite")  # PostgreSQL chooses another plan for tables of a few rows
def test_waiting_conversations_are_found_by_indexes(database: Database) -> None:
    plans = query_plans(database, lambda session: waiting.find(session, since=NOON - waiting.MAILED_WITHIN, until=NOON))
    assert "ix_conversations_state_updated_at_id" in plans
    assert "SCAN" not in plans
