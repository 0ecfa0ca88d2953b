"""The inbox: lists, counts, search, marks, presence, and that no change escapes a poll."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from app.core.conversations import changes as inbox_changes
from app.core.conversations import messages as conversations
from app.core.conversations import views as conversation_views
from app.core.inbox import lists as inbox
from app.core.inbox import search as inbox_search
from app.core.inbox.lists import Assigned, Counts
from app.db import Database
from app.models import Conversation, ConversationPresence, ConversationState, MessageKind
from tests import make
from tests.make import NOON

CLOSED = ConversationState.CLOSED


def _chat(session: Session, body: str = "Hello", minute: int = 0, assignee_id: int | None = None, **who: object) -> int:
    """A conversation that its contact began."""
    at = NOON + timedelta(minutes=minute)
    chat = conversations.start(session, make.contact(session, **who).id, at=at, assignee_id=assignee_id)
    conversations.say(session, chat.id, author="contact", body=body, at=at)
    return chat.id


def _ids(rows: list[inbox.Row]) -> list[int]:
    return [row.conversation_id for row in rows]


def test_conversations_stand_newest_first_and_in_pages(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        chats = [_chat(session, minute=minute // 2) for minute in range(7)]
        conversations.say(session, chats[0], author="contact", body="Again", at=NOON + timedelta(hours=1))
        expected = [chats[0], *chats[:0:-1]]
        assert _ids(inbox.page(session, ana, at=NOON)) == expected
        found: list[int] = []
        before = None
        for _ in range(4):
            rows = inbox.page(session, ana, at=NOON, before=before, limit=2)
            found += _ids(rows)
            before = rows[-1].key
        assert found == expected


def test_boxes_and_assignment_are_kept_apart_and_counted(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session).id, make.agent(session).id
        nobodys, mine, others, closed = (
            _chat(session),
            _chat(session, assignee_id=ana),
            _chat(session, assignee_id=max_),
            _chat(session, assignee_id=ana),
        )
        conversations.close(session, closed, actor="agent:1", at=NOON)
        boxes = {each: _ids(inbox.page(session, ana, at=NOON, assigned=each)) for each in Assigned}
        assert sorted(boxes[Assigned.ALL]) == [nobodys, mine, others]
        assert (boxes[Assigned.NOBODY], boxes[Assigned.ME], boxes[Assigned.OTHERS]) == ([nobodys], [mine], [others])
        assert _ids(inbox.page(session, ana, at=NOON, state=CLOSED)) == [closed]
        assert _ids(inbox.page(session, max_, at=NOON, state=CLOSED, assigned=Assigned.ME)) == []
        assert inbox.counts(session, ana) == Counts(everyones=3, mine=1, nobodys=1, others=1, unread=2)


def test_unread_is_what_the_contact_did_since_this_agent_looked(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session).id, make.agent(session).id
        chat = _chat(session)

        def unread(agent_id: int) -> tuple[bool, int]:
            (row,) = inbox.page(session, agent_id, at=NOON)
            return row.is_unread, inbox.counts(session, agent_id).unread

        assert unread(ana) == (True, 1)
        inbox.mark_read(session, chat, ana, 1)
        assert (unread(ana), unread(max_)) == ((False, 0), (True, 1))
        conversations.say(session, chat, author=f"agent:{max_}", body="Hi", at=NOON)
        conversations.say(session, chat, author=f"agent:{max_}", body="?", kind=MessageKind.NOTE, at=NOON)
        assert unread(ana) == (False, 0)
        conversations.say(session, chat, author="contact", body="Thanks", at=NOON)
        inbox.mark_read(session, chat, ana, 0)
        assert unread(ana) == (True, 1)
        inbox.mark_read(session, chat, ana, 4)
        assert unread(ana) == (False, 0)


def test_an_empty_conversation_stands_in_no_list(database: Database) -> None:
    with database.unit_of_work() as session:
        conversations.start(session, make.contact(session).id, at=NOON)
        assert inbox.page(session, make.agent(session).id, at=NOON) == []


@pytest.mark.parametrize(
    "typed",
    [
        *("Noor", "haddad", "+44 7400 123456", "noor@example.com", "crm-7", "roasted beans", "BEANS", "roas"),
        *("O'Had", "o'hadDAD", "don't", "19.99", "19.9", "€1,299", "€1,299?", "help@shop.example", "help@sho"),
        *("https://shop.example/a?b=1", "shop.example/a", "SIGN-UP", "sign-u"),
    ],
)
def test_search_finds_by_name_number_address_id_and_words(database: Database, typed: str) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        wanted = _chat(
            session,
            "Are the freshly roasted beans in? I don't pay €1,299? The sign-up says 19.99, so does "
            "help@shop.example on https://shop.example/a?b=1",
            name="Noor O'Haddad",
            external_id="crm-7",
            phone_number=make.BRITISH_NUMBER,
            email_address="noor@example.com",
        )
        _chat(session, "Something else", minute=1, name="Sam")
        conversations.close(session, wanted, actor="agent:1", at=NOON)
        assert _ids(inbox_search.search(session, ana, typed, region=None, at=NOON)) == [wanted]


@pytest.mark.parametrize("typed", ["", "  ", "\0", "%", "_", "'", "& | !", "zzz", "x" * 500, "closed", ":*", "\\"])
def test_search_takes_anything_that_is_typed(database: Database, typed: str) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session, name="Sam")
        conversations.close(session, chat, actor="agent:1", at=NOON)
        assert inbox_search.search(session, make.agent(session).id, typed, region="GB", at=NOON) == []


def test_agents_see_each_other_while_they_look(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session), make.agent(session)
        chat = _chat(session)

        def revision() -> int:
            return session.get_one(Conversation, chat, populate_existing=True).revision

        inbox.mark_present(session, chat, ana.id, at=NOON)
        inbox.mark_present(session, chat, max_.id, at=NOON)
        assert inbox.other_viewers(session, chat, ana.id, at=NOON) == [max_]
        assert inbox.other_viewers(session, chat, max_.id, at=NOON + timedelta(minutes=1)) == []
        stood = revision()
        inbox.mark_present(session, chat, max_.id, at=NOON + timedelta(seconds=10))
        assert revision() == stood
        inbox.leave(session, chat, max_.id, at=NOON)
        assert inbox.other_viewers(session, chat, ana.id, at=NOON) == []
        assert revision() == stood + 1
        inbox.leave(session, chat, max_.id, at=NOON)
        assert revision() == stood + 1


def test_an_agent_who_went_without_a_word_is_gone_for_those_who_still_look(database: Database) -> None:
    with database.unit_of_work() as session:
        ana, max_ = make.agent(session), make.agent(session)
        chat, elsewhere = _chat(session), _chat(session)
        for each, where in ((ana, chat), (max_, chat), (max_, elsewhere)):
            inbox.mark_present(session, where, each.id, at=NOON)
        stood = session.get_one(Conversation, chat).revision
        revisions = []
        for seconds in (15, 30, 45, 60):
            inbox.mark_present(session, chat, ana.id, at=NOON + timedelta(seconds=seconds))
            revisions.append(session.get_one(Conversation, chat, populate_existing=True).revision - stood)
        assert revisions == [0, 0, 1, 1]
        left = select(ConversationPresence.conversation_id, ConversationPresence.agent_id)
        assert {tuple(row) for row in session.execute(left)} == {(chat, ana.id), (elsewhere, max_.id)}


def test_what_changed_is_told_once(database: Database) -> None:
    with database.unit_of_work() as session:
        one, two = _chat(session), _chat(session)
    with database.read_only() as session:
        start = inbox_changes.changed_since(session, None)
        assert start.conversation_ids == []
        assert inbox_changes.changed_since(session, "nonsense").cursor == start.cursor
    with database.read_only() as session:
        assert inbox_changes.changed_since(session, start.cursor).conversation_ids == []
    with database.unit_of_work() as session:
        conversations.say(session, one, author="contact", body="Hello?", at=NOON)
    with database.read_only() as session:
        told = inbox_changes.changed_since(session, start.cursor)
        assert told.conversation_ids == [one]
        assert inbox_changes.changed_since(session, told.cursor).conversation_ids == []
    with database.unit_of_work() as session:
        conversations.close(session, two, actor="agent:1", at=NOON)
    with database.read_only() as session:
        assert inbox_changes.changed_since(session, told.cursor).conversation_ids == [two]


def test_a_change_that_is_committed_after_a_later_one_is_not_lost(database: Database) -> None:
    """On PostgreSQL, transactions become visible out of order."""
    if database.is_sqlite:
        return  # there writers come one after the other
    with database.unit_of_work() as session:
        slow, quick = _chat(session), _chat(session)
    with database.read_only() as session:
        cursor = inbox_changes.changed_since(session, None).cursor
    with database.unit_of_work() as late:
        conversations.say(late, slow, author="contact", body="slow", at=NOON)
        with database.unit_of_work() as session:
            conversations.say(session, quick, author="contact", body="quick", at=NOON)
        with database.read_only() as session:
            told = inbox_changes.changed_since(session, cursor)
            assert told.conversation_ids == [quick]
        with database.read_only() as session:
            assert inbox_changes.changed_since(session, told.cursor).conversation_ids == []
    with database.read_only() as session:
        assert slow in inbox_changes.changed_since(session, told.cursor).conversation_ids


def test_numbers_from_another_server_are_no_changes(database: Database) -> None:
    with database.unit_of_work() as session:
        chat = _chat(session)
        session.execute(text("UPDATE conversations SET change_number = 4000000000000000"))
    with database.read_only() as session:
        cursor = inbox_changes.changed_since(session, None).cursor
    with database.read_only() as session:
        assert inbox_changes.changed_since(session, cursor).conversation_ids == []
    with database.unit_of_work() as session:
        conversations.say(session, chat, author="contact", body="Hello?", at=NOON)
    with database.read_only() as session:
        assert inbox_changes.changed_since(session, cursor).conversation_ids == [chat]


def test_no_change_escapes_a_poll_while_eight_hands_write(database: Database) -> None:
    with database.unit_of_work() as session:
        chats = [_chat(session) for _ in range(8)]
    is_over, together = Event(), Barrier(9)
    known: dict[int, int] = {}

    def write(chat: int) -> None:
        together.wait()
        for number in range(25):
            with database.unit_of_work() as session:
                conversations.say(session, chat, author="contact", body=str(number), at=NOON)

    def poll() -> None:
        with database.read_only() as session:
            cursor = inbox_changes.changed_since(session, None).cursor
        together.wait()
        is_last = False
        while True:
            with database.read_only() as session:
                changes = inbox_changes.changed_since(session, cursor, limit=3)
                cursor = changes.cursor
            for chat in changes.conversation_ids:  # what a page does: ask anew for what changed
                with database.read_only() as session:
                    known[chat] = session.get_one(Conversation, chat).revision
            if is_last and not changes.conversation_ids:
                return
            is_last = is_over.is_set()

    with ThreadPoolExecutor(9) as hands:
        poller = hands.submit(poll)
        list(hands.map(write, chats))
        is_over.set()
        poller.result(timeout=60)
    with database.read_only() as session:
        assert known == {chat: session.get_one(Conversation, chat).revision for chat in chats}
    assert set(known.values()) == {26}


def _plans(database: Database, act: Callable[[Session], object]) -> str:
    """How the database would carry out what ``act`` asks it, with tables too large to be read through."""
    with database.unit_of_work() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_sort = off"))
        asked: list[tuple[str, Any]] = []
        connection = session.connection()

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        act(session)
        event.remove(connection, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plans = [connection.exec_driver_sql(f"{explain} {said}", given).all() for said, given in asked]
    return "\n".join(str(row) for plan in plans for row in plan)


@pytest.mark.parametrize("assigned", [Assigned.ALL, Assigned.ME, Assigned.NOBODY])
def test_a_page_of_the_list_is_read_from_an_index_in_its_order(database: Database, assigned: Assigned) -> None:
    with database.unit_of_work() as session:
        ana, chat = make.agent(session).id, _chat(session)
    before = (NOON, chat)
    plan = _plans(database, lambda session: inbox.page(session, ana, at=NOON, assigned=assigned, before=before))
    assert "ix_conversations_state" in plan
    for trap in ("SCAN conversations", "USE TEMP B-TREE", "Seq Scan on conversations", "Sort", "Seq Scan on messages"):
        assert trap not in plan, plan


def test_polls_are_read_from_an_index(database: Database) -> None:
    with database.unit_of_work() as session:
        chat, cursor = _chat(session), inbox_changes.changed_since(session, None).cursor

    def poll(session: Session) -> None:
        inbox_changes.changed_since(session, cursor)
        conversation_views.messages_after(session, chat, 1, at=NOON)

    plan = _plans(database, poll)
    assert "ix_conversations_change_number" in plan
    for trap in ("SCAN conversations", "SCAN messages", "Seq Scan on conversations", "Seq Scan on messages"):
        assert trap not in plan, plan


def test_search_finds_what_was_said_long_ago_and_not_what_was_changed(database: Database) -> None:
    """SQLite's own index of three letters in a row follows the texts."""
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        wanted = _chat(session, "The Ethiopian Yirgacheffe")
        conversations.say(session, wanted, author="contact", body="quick\nlines", at=NOON)
        for minute in range(5):
            _chat(session, "Filler", minute)

        def found(typed: str) -> list[int]:
            return _ids(inbox_search.search(session, ana, typed, region=None, at=NOON))

        assert found("yirga") == [wanted]
        assert found('"ethiopian" OR filler') == []
        session.execute(text("UPDATE messages SET body = 'gone' WHERE body LIKE 'The Ethiopian%'"))
        assert (found("yirga"), found("gone")) == ([], [wanted])
        session.execute(text("DELETE FROM messages WHERE body = 'gone'"))
        assert found("gone") == []


def test_search_on_sqlite_reads_the_index_and_not_the_texts(database: Database) -> None:
    if not database.is_sqlite:
        return  # its index of words is asked for in the same way as ever
    with database.read_only() as session:
        _, said = inbox_search._substring_search("beans")
        plan = session.execute(
            text(f"EXPLAIN QUERY PLAN {said.compile(session.get_bind(), compile_kwargs={'literal_binds': True})}")
        )
        steps = " ".join(str(row[3]) for row in plan)
    assert "VIRTUAL TABLE INDEX" in steps
    assert "SCAN messages" not in steps
