"""INSERT statements with ON CONFLICT, and of many rows."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import Database, dialect_of, insert_or_ignore, insert_rows, is_in, reserve_ids, run
from app.models import ConsentEvent, Contact, Suppression
from tests import make


def test_insert_or_ignore_returns_whether_the_row_was_inserted(database: Database) -> None:
    row = {"phone_hash": "h" * 32, "cause": "manual", "note": "", "created_at": make.NOON}
    with database.unit_of_work() as session:
        assert insert_or_ignore(session, Suppression, row) is True
        assert insert_or_ignore(session, Suppression, row) is False


PLAIN = ["", "NULL", "{1,2}", " x, y ", "two\nlines\t", "Æther 😀", "'; --"]


@pytest.mark.parametrize("texts", [PLAIN, [*PLAIN, 'say "no"', "a\\b", "\\", '"', '","', "\\x00"]])
def test_many_rows_keep_every_value_as_it_is(texts: list[str], database: Database) -> None:
    rows = [
        {
            "public_id": f"p{place}",
            "role": "user",
            "name": text,
            "locale": None,
            "custom_attributes": {text: [text, None, 1.5, True]} if place % 2 else {},
            "unsubscribed_from_emails": bool(place % 3),
            "signed_up_at": make.NOON + timedelta(microseconds=place) if place % 2 else None,
            "created_at": make.NOON,
            "updated_at": make.NOON,
        }
        for place, text in enumerate(texts)
    ]
    with database.unit_of_work() as session:
        insert_rows(session, Contact, rows)
    with database.read_only() as session:
        stored = session.scalars(select(Contact).order_by(Contact.id)).all()
        assert [{name: getattr(each, name) for name in rows[0]} for each in stored] == rows
        names = Contact.__table__.c["name"]
        found = run(session, select(names).where(is_in(dialect_of(session), names, "wanted")), {"wanted": texts})
        assert set(found.scalars()) == set(texts)


def test_many_rows_keep_their_bytes(database: Database) -> None:
    salts = [bytes(range(16)), b"\\" * 16, b'"' * 16]
    with database.unit_of_work() as session:
        sam, kind = make.contact(session), make.live_type(session)
        values = {"contact_id": sam.id, "subscription_type_id": kind.id, "action": "opt_in", "source": "bulk"}
        values |= {"actor": "agent:1", "evidence_level": "reported", "is_persons_word": True}
        values |= {"occurred_at": make.NOON, "recorded_at": make.NOON}
        ids = reserve_ids(session, ConsentEvent, len(salts))
        insert_rows(
            session, ConsentEvent, [values | {"id": i, "evidence_hash": s} for i, s in zip(ids, salts, strict=True)]
        )
        stored = session.execute(select(ConsentEvent.id, ConsentEvent.evidence_hash).order_by(ConsentEvent.id)).all()
    assert [(row.id, row.evidence_hash) for row in stored] == list(zip(ids, salts, strict=True))


def test_reserved_ids_are_those_that_the_database_would_give(database: Database) -> None:
    with database.unit_of_work() as session:
        first = make.contact(session)
        session.flush()
        reserved = reserve_ids(session, Contact, 3)
        assert reserved == [first.id + 1, first.id + 2, first.id + 3]
        rows = [{"id": i, "public_id": f"p{i}", "role": "lead", "custom_attributes": {}} for i in reserved]
        times = {"created_at": make.NOON, "updated_at": make.NOON}
        insert_rows(session, Contact, [{**row, **times} for row in rows])
        assert make.contact(session).id == first.id + 4
