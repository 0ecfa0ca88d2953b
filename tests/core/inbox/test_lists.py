"""The lists and counts of the inbox."""

from datetime import timedelta

import pytest

from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.inbox import lists, presence
from app.core.inbox.lists import Assigned, InboxList, InboxRow, OpenCounts
from app.db import Database
from app.models import ConversationState, MessageKind
from tests import make
from tests.core.conversations.chats import query_plans, started_by_contact
from tests.make import NOON

CLOSED = ConversationState.CLOSED


def _ids(rows: list[InboxRow]) -> list[int]:
    return [row.conversation_id for row in rows]


def test_lists_show_the_newest_conversation_first_and_in_pages(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        chats = [started_by_contact(session, minute=minute // 2) for minute in range(7)]
        messages.post(session, chats[0], NewMessage("contact", "Again"), at=NOON + timedelta(hours=1))
        expected = [chats[0], *chats[:0:-1]]
        assert _ids(lists.page(session, ana, InboxList(), at=NOON)) == expected
        found: list[int] = []
        before = None
        for _ in range(4):
            rows = lists.page(session, ana, InboxList(before=before, limit=2), at=NOON)
            found += _ids(rows)
            before = rows[-1].key
        assert found == expected


def test_lists_and_counts_separate_states_and_assignees(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session).id, make.agent(session).id
        nobodys, mine, others, closed = (
            started_by_contact(session),
            started_by_contact(session, assignee_id=ana),
            started_by_contact(session, assignee_id=max_),
            started_by_contact(session, assignee_id=ana),
        )
        lifecycle.close(session, closed, actor="agent:1", at=NOON)
        boxes = {each: _ids(lists.page(session, ana, InboxList(assigned=each), at=NOON)) for each in Assigned}
        assert sorted(boxes[Assigned.ALL]) == [nobodys, mine, others]
        assert (boxes[Assigned.NOBODY], boxes[Assigned.ME], boxes[Assigned.OTHERS]) == ([nobodys], [mine], [others])
        assert _ids(lists.page(session, ana, InboxList(CLOSED), at=NOON)) == [closed]
        assert _ids(lists.page(session, max_, InboxList(CLOSED, Assigned.ME), at=NOON)) == []
        assert lists.counts(session, ana) == OpenCounts(all=3, mine=1, unassigned=1, others=1, unread=2)


def test_a_conversation_is_unread_when_the_contact_acted_since_this_agent_read_it(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session).id, make.agent(session).id
        chat = started_by_contact(session)

        def unread(agent_id: int) -> tuple[bool, int]:
            (row,) = lists.page(session, agent_id, InboxList(), at=NOON)
            return row.is_unread, lists.counts(session, agent_id).unread

        assert unread(ana) == (True, 1)
        presence.mark_read(session, chat, ana, 1)
        assert (unread(ana), unread(max_)) == ((False, 0), (True, 1))
        messages.post(session, chat, NewMessage(f"agent:{max_}", "Hi"), at=NOON)
        messages.post(session, chat, NewMessage(f"agent:{max_}", "?", kind=MessageKind.NOTE), at=NOON)
        assert unread(ana) == (False, 0)
        messages.post(session, chat, NewMessage("contact", "Thanks"), at=NOON)
        presence.mark_read(session, chat, ana, 0)
        assert unread(ana) == (True, 1)
        presence.mark_read(session, chat, ana, 4)
        assert unread(ana) == (False, 0)


def test_an_empty_conversation_is_in_no_list(database: Database) -> None:
    with database.unit_of_work() as session:
        lifecycle.start(session, make.contact(session).id, at=NOON)
        assert lists.page(session, make.agent(session).id, InboxList(), at=NOON) == []


@pytest.mark.parametrize("assigned", [Assigned.ALL, Assigned.ME, Assigned.NOBODY])
def test_a_page_of_a_list_is_read_from_an_index_in_its_order(database: Database, assigned: Assigned) -> None:
    with database.unit_of_work() as session:
        ana, chat = make.agent(session).id, started_by_contact(session)
    wanted = InboxList(assigned=assigned, before=(NOON, chat))
    plan = query_plans(database, lambda session: lists.page(session, ana, wanted, at=NOON))
    assert "ix_conversations_state" in plan
    for trap in ("SCAN conversations", "USE TEMP B-TREE", "Seq Scan on conversations", "Sort", "Seq Scan on messages"):
        assert trap not in plan, plan
