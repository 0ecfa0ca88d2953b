"""The fast path for messages of contacts."""

from app.core.conversations import contact_messages
from app.core.inbox import lists, presence
from app.core.inbox.lists import InboxList
from app.db import Database
from app.models import Conversation
from tests import make
from tests.make import NOON


def test_each_message_of_a_contact_is_unread_for_agents(database: Database) -> None:
    with database.unit_of_work() as session:
        agent, sam = make.agent(session), make.contact(session)
        for number in range(3):
            posted = contact_messages.post(
                session,
                contact_messages.lock(session, sam.id),
                body=f"Hello {number}",
                client_key=f"k{number}",
                at=NOON,
            )
            session.expire_all()
            conversation = session.get_one(Conversation, posted.conversation_id)
            assert posted.number == number + 1
            assert conversation.last_contact_revision == conversation.revision
            rows = lists.page(session, agent.id, InboxList(), at=NOON)
            assert [row.is_unread for row in rows] == [True]
            presence.mark_read(session, conversation.id, agent.id, conversation.revision)
            assert [row.is_unread for row in lists.page(session, agent.id, InboxList(), at=NOON)] == [False]
