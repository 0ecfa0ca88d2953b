"""The cache of changes agrees with the database."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from app.core.conversations import changes, lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.conversations.change_cache import ChangeCache
from app.db import Database
from tests import make
from tests.make import NOON


def start_chat(session: Session) -> int:
    conversation = lifecycle.start(session, make.contact(session).id, at=NOON)
    messages.post(session, conversation.id, NewMessage("contact", "Hello"), at=NOON)
    return conversation.id


def post(database: Database, conversation_id: int) -> None:
    with database.unit_of_work() as session:
        messages.post(session, conversation_id, NewMessage("contact", "More"), at=NOON)


def feed(database: Database, cursor: str | None) -> changes.ChangeFeed:
    with database.read_only() as session:
        return changes.changed_since(session, cursor)


@pytest.mark.parametrize("cached", [3, 2000])
def test_the_cache_never_hides_a_change_that_the_database_returns(database: Database, cached: int) -> None:
    """Even if most changes were evicted."""
    random_ = random.Random(7)
    with database.unit_of_work() as session:
        chats = [start_chat(session) for _ in range(12)]
    cache = ChangeCache(fresh_for_s=0, cached=cached)
    cursors = [feed(database, None).cursor]
    answered_by_cache = 0
    for _ in range(60):
        for _ in range(random_.choice((0, 0, 1, 2, 9))):
            post(database, random_.choice(chats))
        cache.follow(database.read_connection)
        for cursor in (*random_.sample(cursors, min(4, len(cursors))), cursors[-1]):
            news = feed(database, cursor)
            if cache.has_none_since(cursor):
                assert news.conversation_ids == []
                answered_by_cache += 1
            cursors.append(news.cursor)
    assert answered_by_cache > 20
    assert not cache.has_none_since("nonsense")
    assert not cache.has_none_since(None)


def test_the_cache_knows_a_change_after_it_was_followed(database: Database) -> None:
    with database.unit_of_work() as session:
        one = start_chat(session)
    cache = ChangeCache(fresh_for_s=0)
    cursor = feed(database, None).cursor
    cache.follow(database.read_connection)
    assert cache.has_none_since(cursor)
    post(database, one)
    assert cache.has_none_since(cursor), "follow was not called"
    cache.follow(database.read_connection)
    assert not cache.has_none_since(cursor)
    again = feed(database, cursor).cursor
    assert cache.has_none_since(again)


def test_a_change_that_is_committed_late_is_noticed(database: Database) -> None:
    if database.is_sqlite:
        return  # SQLite has one writer at a time
    cache = ChangeCache(fresh_for_s=0)
    with database.unit_of_work() as session:
        slow, quick = start_chat(session), start_chat(session)
    cache.follow(database.read_connection)
    with database.unit_of_work() as late:
        messages.post(late, slow, NewMessage("contact", "slow"), at=NOON)
        post(database, quick)
        serial = cache.follow(database.read_connection)
        assert cache.touched(0, -1, [quick])
        assert not cache.touched(serial, -1, [slow, quick])
        assert cache.follow(database.read_connection) == serial
    cache.follow(database.read_connection)
    assert cache.touched(serial, -1, [slow])
    assert not cache.touched(serial, -1, [quick])


def test_a_reassigned_conversation_touches_both_contacts(database: Database) -> None:
    cache = ChangeCache(fresh_for_s=0)
    with database.unit_of_work() as session:
        lead, user = make.contact(session).id, make.contact(session).id
        conversation = lifecycle.start(session, lead, at=NOON).id
    serial = cache.follow(database.read_connection)
    with database.unit_of_work() as session:
        lifecycle.reassign_to_contact(session, lead, user, at=NOON)
    cache.follow(database.read_connection)
    assert cache.touched(serial, user, [])
    assert cache.touched(serial, lead, [])
    assert cache.touched(serial, -1, [conversation])


def test_concurrent_polls_cost_one_statement(database: Database) -> None:
    statements: list[str] = []
    cache = ChangeCache(fresh_for_s=60)
    database.trace = statements.append
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: cache.follow(database.read_connection), range(200)))
    assert len(statements) == 1
