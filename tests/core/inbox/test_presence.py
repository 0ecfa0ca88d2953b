"""Which agents are shown as viewing a conversation."""

from datetime import timedelta

from sqlalchemy import select

from app.core.inbox import presence
from app.db import Database
from app.models import Conversation, ConversationPresence
from tests import make
from tests.core.conversations.chats import started_by_contact
from tests.make import NOON


def test_agents_see_who_else_is_viewing_a_conversation(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session), make.agent(session)
        chat = started_by_contact(session)

        def revision() -> int:
            return session.get_one(Conversation, chat, populate_existing=True).revision

        presence.mark_present(session, chat, ana.id, at=NOON)
        presence.mark_present(session, chat, max_.id, at=NOON)
        assert presence.other_viewers(session, chat, ana.id, at=NOON) == [max_]
        assert presence.other_viewers(session, chat, max_.id, at=NOON + timedelta(minutes=1)) == []
        stood = revision()
        presence.mark_present(session, chat, max_.id, at=NOON + timedelta(seconds=10))
        assert revision() == stood
        presence.leave(session, chat, max_.id, at=NOON)
        assert presence.other_viewers(session, chat, ana.id, at=NOON) == []
        assert revision() == stood + 1
        presence.leave(session, chat, max_.id, at=NOON)
        assert revision() == stood + 1


def test_an_agent_who_stops_reporting_is_no_longer_shown_to_others(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session), make.agent(session)
        chat, elsewhere = started_by_contact(session), started_by_contact(session)
        for each, where in ((ana, chat), (max_, chat), (max_, elsewhere)):
            presence.mark_present(session, where, each.id, at=NOON)
        stood = session.get_one(Conversation, chat).revision
        revisions = []
        for seconds in (15, 30, 45, 60):
            presence.mark_present(session, chat, ana.id, at=NOON + timedelta(seconds=seconds))
            revisions.append(session.get_one(Conversation, chat, populate_existing=True).revision - stood)
        assert revisions == [0, 0, 1, 1]
        left = select(ConversationPresence.conversation_id, ConversationPresence.agent_id)
        assert {tuple(row) for row in session.execute(left)} == {(chat, ana.id), (elsewhere, max_.id)}
