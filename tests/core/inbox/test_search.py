"""Search of the inbox, on both databases."""

import pytest
from sqlalchemy import select, text

from app.core.contacts import typed_search
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.inbox import search
from app.core.inbox.lists import InboxRow
from app.db import Database
from app.models import Contact, Message
from tests import make
from tests.core.conversations.chats import query_plans, started_by_contact
from tests.make import NOON


def _ids(rows: list[InboxRow]) -> list[int]:
    return [row.conversation_id for row in rows]


@pytest.mark.parametrize(
    "typed",
    [
        *("Noor", "haddad", "+44 7400 123456", "noor@example.com", "crm-7", "roasted beans", "BEANS", "roas"),
        *("O'Had", "o'hadDAD", "don't", "19.99", "19.9", "€1,299", "€1,299?", "help@shop.example", "help@sho"),
        *("https://shop.example/a?b=1", "shop.example/a", "SIGN-UP", "sign-u", "07400 123456"),
    ],
)
def test_search_finds_by_name_number_address_id_and_words(database: Database, typed: str) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        wanted = started_by_contact(
            session,
            "Are the freshly roasted beans in? I don't pay €1,299? The sign-up says 19.99, so does "
            "help@shop.example on https://shop.example/a?b=1",
            name="Noor O'Haddad",
            external_id="crm-7",
            phone_number=make.BRITISH_NUMBER,
            email_address="noor@example.com",
        )
        started_by_contact(session, "Something else", minute=1, name="Sam")
        lifecycle.close(session, wanted, actor="agent:1", at=NOON)
        assert _ids(search.search(session, ana, typed, region=None, at=NOON)) == [wanted]


@pytest.mark.parametrize(
    "typed", ["siobhan", "SIOBHÁN", "Siobha\u0301n", "lukasz", "creme brulee", "crÈme", "مُحمد", "أحمد"]
)
def test_search_finds_names_and_messages_whatever_their_marks(database: Database, typed: str) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        named = started_by_contact(session, "Hello", name="Siobhán Łukasz مُحَمَّد احمد", minute=1)
        written = started_by_contact(session, "Is Siobhan there? Łukasz wants a Crème brûlée, محمد أحمد", name="Sam")
        started_by_contact(session, "Something else", name="Kim")
        found = _ids(search.search(session, ana, typed, region=None, at=NOON))
    assert found == ([written] if "cr" in typed.lower() else [named, written])


@pytest.mark.parametrize(
    "typed", ["", "  ", "\0", "%", "_", "'", "& | !", "zzz", "x" * 500, "closed", ":*", "\\", "\u0301"]
)
def test_search_accepts_any_text(database: Database, typed: str) -> None:
    with database.unit_of_work() as session:
        chat = started_by_contact(session, name="Sam")
        lifecycle.close(session, chat, actor="agent:1", at=NOON)
        assert search.search(session, make.agent(session).id, typed, region="GB", at=NOON) == []


def test_search_finds_old_messages_and_follows_changed_texts(database: Database) -> None:
    """SQLite's own index of three letters in a row follows the texts."""
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        wanted = started_by_contact(session, "The Ethiopian Yirgacheffe")
        messages.post(session, wanted, NewMessage("contact", "quick\nlines"), at=NOON)
        for minute in range(5):
            started_by_contact(session, "Filler", minute)

        def found(typed: str) -> list[int]:
            return _ids(search.search(session, ana, typed, region=None, at=NOON))

        assert found("yirga") == [wanted]
        assert found('"ethiopian" OR filler') == []
        session.execute(text("UPDATE messages SET body = 'gone' WHERE body LIKE 'The Ethiopian%'"))
        assert (found("yirga"), found("gone")) == ([], [wanted])
        session.execute(text("DELETE FROM messages WHERE body = 'gone'"))
        assert found("gone") == []


def test_a_long_conversation_hides_no_other_from_the_search(database: Database) -> None:
    with database.unit_of_work() as session:
        ana = make.agent(session).id
        others = [started_by_contact(session, "My order is late", minute) for minute in range(2)]
        talkative = started_by_contact(session, "Where is my order?", 5)
        for _ in range(search.FOUND_MAX * 4):
            messages.post(session, talkative, NewMessage("contact", "My order!"), at=NOON)
        found = _ids(search.search(session, ana, "order", region=None, at=NOON))
        assert sorted(found) == sorted([*others, talkative])


def test_search_on_sqlite_reads_the_index_and_not_the_messages(database: Database) -> None:
    if not database.is_sqlite:
        return  # its index of words is asked for in the same way as ever
    with database.read_only() as session:
        _, messages = search._substring_search("beans")
        plan = session.execute(
            text(f"EXPLAIN QUERY PLAN {messages.compile(session.get_bind(), compile_kwargs={'literal_binds': True})}")
        )
        steps = " ".join(str(row[3]) for row in plan)
    assert "VIRTUAL TABLE INDEX" in steps
    assert "SCAN messages" not in steps


@pytest.mark.databases("postgresql")
def test_search_on_postgresql_reads_the_indexes_of_words(database: Database) -> None:
    for column, index in (
        (Contact.__table__.c.name, "ix_contacts_name_words"),
        (Message.__table__.c.body, "ix_messages_words"),
    ):
        wanted = select(column).where(typed_search.has_words(column, "siobhan"))
        assert index in query_plans(database, lambda session, wanted=wanted: session.execute(wanted))
