"""What a process knows of changes by heart is what the database would tell it."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from app.core.conversations import changes as inbox_changes
from app.core.conversations import messages as conversations
from app.core.conversations.change_cache import Changes
from app.db import Database
from tests import make
from tests.make import NOON


def chat(session: Session) -> int:
    made = conversations.start(session, make.contact(session).id, at=NOON)
    conversations.say(session, made.id, author="contact", body="Hello", at=NOON)
    return made.id


def say(database: Database, conversation_id: int) -> None:
    with database.unit_of_work() as session:
        conversations.say(session, conversation_id, author="contact", body="More", at=NOON)


def told(database: Database, cursor: str | None) -> inbox_changes.Changes:
    with database.read_only() as session:
        return inbox_changes.changed_since(session, cursor)


@pytest.mark.parametrize("kept", [3, 2000])
def test_memory_never_says_nothing_where_the_database_says_something(database: Database, kept: int) -> None:
    """Also where it has to forget most of what it heard."""
    dice = random.Random(7)
    with database.unit_of_work() as session:
        chats = [chat(session) for _ in range(12)]
    changes = Changes(fresh_for_s=0, kept=kept)
    cursors = [told(database, None).cursor]
    told_from_memory = 0
    for _ in range(60):
        for _ in range(dice.choice((0, 0, 1, 2, 9))):
            say(database, dice.choice(chats))
        changes.follow(database.read_connection)
        for cursor in (*dice.sample(cursors, min(4, len(cursors))), cursors[-1]):
            news = told(database, cursor)
            if changes.has_none_since(cursor):
                assert news.conversation_ids == []
                told_from_memory += 1
            cursors.append(news.cursor)
    assert told_from_memory > 20
    assert not changes.has_none_since("nonsense")
    assert not changes.has_none_since(None)


def test_what_was_told_is_told_from_memory_afterwards(database: Database) -> None:
    with database.unit_of_work() as session:
        one = chat(session)
    changes = Changes(fresh_for_s=0)
    cursor = told(database, None).cursor
    changes.follow(database.read_connection)
    assert changes.has_none_since(cursor)
    say(database, one)
    assert changes.has_none_since(cursor), "it was not asked to be up to date"
    changes.follow(database.read_connection)
    assert not changes.has_none_since(cursor)
    again = told(database, cursor).cursor
    assert changes.has_none_since(again)


def test_a_change_that_is_committed_late_is_heard_of(database: Database) -> None:
    if database.is_sqlite:
        return  # there writers come one after the other
    changes = Changes(fresh_for_s=0)
    with database.unit_of_work() as session:
        slow, quick = chat(session), chat(session)
    changes.follow(database.read_connection)
    with database.unit_of_work() as late:
        conversations.say(late, slow, author="contact", body="slow", at=NOON)
        say(database, quick)
        serial = changes.follow(database.read_connection)
        assert changes.touched(0, -1, [quick])
        assert not changes.touched(serial, -1, [slow, quick])
        assert changes.follow(database.read_connection) == serial
    changes.follow(database.read_connection)
    assert changes.touched(serial, -1, [slow])
    assert not changes.touched(serial, -1, [quick])


def test_a_carried_over_conversation_touches_both_people(database: Database) -> None:
    changes = Changes(fresh_for_s=0)
    with database.unit_of_work() as session:
        lead, user = make.contact(session).id, make.contact(session).id
        made = conversations.start(session, lead, at=NOON).id
    serial = changes.follow(database.read_connection)
    with database.unit_of_work() as session:
        conversations.hand_over(session, lead, user, at=NOON)
    changes.follow(database.read_connection)
    assert changes.touched(serial, user, [])
    assert changes.touched(serial, lead, [])
    assert changes.touched(serial, -1, [made])


def test_many_who_ask_at_once_cost_one_statement(database: Database) -> None:
    seen: list[str] = []
    changes = Changes(fresh_for_s=60)
    database.trace = seen.append
    with ThreadPoolExecutor(16) as hands:
        list(hands.map(lambda _: changes.follow(database.read_connection), range(200)))
    assert len(seen) == 1
