"""The change feed: no change is missed, and none is returned twice without need."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.core.conversations import changes, lifecycle, messages, views
from app.core.conversations.appending import NewMessage, change_stamp
from app.db import Database
from app.models import Conversation
from tests.core.conversations.chats import query_plans, started_by_contact
from tests.make import NOON


def test_a_change_is_returned_once(database: Database) -> None:
    with database.unit_of_work() as session:
        one, two = started_by_contact(session), started_by_contact(session)
    with database.read_only() as session:
        start = changes.changed_since(session, None)
        assert start.conversation_ids == []
        assert changes.changed_since(session, "nonsense").cursor == start.cursor
    with database.read_only() as session:
        assert changes.changed_since(session, start.cursor).conversation_ids == []
    with database.unit_of_work() as session:
        messages.post(session, one, NewMessage("contact", "Hello?"), at=NOON)
    with database.read_only() as session:
        feed = changes.changed_since(session, start.cursor)
        assert feed.conversation_ids == [one]
        assert changes.changed_since(session, feed.cursor).conversation_ids == []
    with database.unit_of_work() as session:
        lifecycle.close(session, two, actor="agent:1", at=NOON)
    with database.read_only() as session:
        assert changes.changed_since(session, feed.cursor).conversation_ids == [two]


def test_a_change_that_commits_after_a_later_one_is_not_missed(database: Database) -> None:
    """On PostgreSQL, transactions become visible out of order."""
    if database.is_sqlite:
        return  # SQLite has one writer at a time
    with database.unit_of_work() as session:
        slow, quick = started_by_contact(session), started_by_contact(session)
    with database.read_only() as session:
        cursor = changes.changed_since(session, None).cursor
    with database.unit_of_work() as late:
        messages.post(late, slow, NewMessage("contact", "slow"), at=NOON)
        with database.unit_of_work() as session:
            messages.post(session, quick, NewMessage("contact", "quick"), at=NOON)
        with database.read_only() as session:
            feed = changes.changed_since(session, cursor)
            assert feed.conversation_ids == [quick]
        with database.read_only() as session:
            assert changes.changed_since(session, feed.cursor).conversation_ids == []
    with database.read_only() as session:
        assert slow in changes.changed_since(session, feed.cursor).conversation_ids


def test_change_numbers_of_a_restored_server_are_ignored(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = started_by_contact(session)
        session.execute(text("UPDATE conversations SET change_number = 4000000000000000"))
    with database.read_only() as session:
        cursor = changes.changed_since(session, None).cursor
    with database.read_only() as session:
        assert changes.changed_since(session, cursor).conversation_ids == []
    with database.unit_of_work() as session:
        messages.post(session, chat, NewMessage("contact", "Hello?"), at=NOON)
    with database.read_only() as session:
        assert changes.changed_since(session, cursor).conversation_ids == [chat]


def test_changes_after_more_than_fit_into_one_answer_are_not_missed(database: Database) -> None:
    """Many conversations have one change number when an agent leaves; others commit while an earlier change waits."""
    with database.unit_of_work() as session:
        chats = [started_by_contact(session) for _ in range(5)]
    with database.read_only() as session:
        cursor = changes.changed_since(session, None).cursor
    with database.unit_of_work() as session:
        together = {"revision": Conversation.revision + 1, "change_number": change_stamp(session, NOON)}
        session.execute(update(Conversation).values(together), execution_options={"synchronize_session": False})
    with database.read_only() as session:
        feed = changes.changed_since(session, cursor, limit=3)
        assert feed.conversation_ids == chats[2:]
        assert changes.changed_since(session, feed.cursor, limit=3).conversation_ids == []
    for chat in (chats[0], chats[4]):
        with database.unit_of_work() as session:
            messages.post(session, chat, NewMessage("contact", "Hello?"), at=NOON)
        with database.read_only() as session:
            feed = changes.changed_since(session, feed.cursor, limit=3)
        assert feed.conversation_ids == [chat]


@pytest.mark.databases("postgresql")
def test_a_change_that_commits_after_a_full_answer_is_not_missed(database: Database) -> None:
    with database.unit_of_work() as session:
        late, *chats = [started_by_contact(session) for _ in range(4)]
    with database.read_only() as session:
        cursor = changes.changed_since(session, None).cursor
    with database.unit_of_work() as waiting:
        messages.post(waiting, late, NewMessage("contact", "late"), at=NOON)
        for chat in chats:
            with database.unit_of_work() as session:
                messages.post(session, chat, NewMessage("contact", "quick"), at=NOON)
        with database.read_only() as session:
            feed = changes.changed_since(session, cursor, limit=3)
        assert feed.conversation_ids == chats
    with database.read_only() as session:
        assert late in changes.changed_since(session, feed.cursor).conversation_ids


def test_no_change_is_missed_while_eight_threads_write(database: Database) -> None:
    with database.unit_of_work() as session:
        chats = [started_by_contact(session) for _ in range(8)]
    is_over, together = Event(), Barrier(9)
    known: dict[int, int] = {}

    def write(chat: int) -> None:
        together.wait()
        for number in range(25):
            with database.unit_of_work() as session:
                messages.post(session, chat, NewMessage("contact", str(number)), at=NOON)

    def poll() -> None:
        with database.read_only() as session:
            cursor = changes.changed_since(session, None).cursor
        together.wait()
        is_last = False
        while True:
            with database.read_only() as session:
                feed = changes.changed_since(session, cursor)
                cursor = feed.cursor
            for chat in feed.conversation_ids:  # a page reads what changed
                with database.read_only() as session:
                    known[chat] = session.get_one(Conversation, chat).revision
            if is_last and not feed.conversation_ids:
                return
            is_last = is_over.is_set()

    with ThreadPoolExecutor(9) as pool:
        poller = pool.submit(poll)
        list(pool.map(write, chats))
        is_over.set()
        poller.result(timeout=60)
    with database.read_only() as session:
        assert known == {chat: session.get_one(Conversation, chat).revision for chat in chats}
    assert set(known.values()) == {26}


def test_polls_are_read_from_an_index(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, cursor = started_by_contact(session), changes.changed_since(session, None).cursor

    def poll(session: Session) -> None:
        changes.changed_since(session, cursor)
        views.agent_news(session, chat, after=1, at=NOON)

    plan = query_plans(database, poll)
    assert "ix_conversations_change_number" in plan
    for trap in ("SCAN conversations", "SCAN messages", "Seq Scan on conversations", "Seq Scan on messages"):
        assert trap not in plan, plan
