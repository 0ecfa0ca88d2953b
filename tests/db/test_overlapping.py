"""Inserts that PostgreSQL works on while their caller goes on."""

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import Database, insert_rows, overlapping_inserts, run
from app.db.statements import CompiledStatement
from app.models import Contact, Suppression
from tests import make

_COUNT: Any = select(func.count()).select_from(Suppression)
_COMPILED_COUNT = CompiledStatement(select(func.count()).select_from(Suppression.__table__))


def rows(*names: str) -> list[dict[str, Any]]:
    return [{"phone_hash": name, "cause": "manual", "note": "", "created_at": make.NOON} for name in names]


def test_later_statements_see_the_rows_and_the_transaction_keeps_them(database: Database) -> None:
    with database.unit_of_work() as session:
        with overlapping_inserts(session):
            for number in range(30):
                insert_rows(session, Suppression, rows(f"a{number}"))
            assert session.scalar(_COUNT) == 30
            insert_rows(session, Suppression, rows("b"))
            assert _COMPILED_COUNT.one(session)[0] == 31
            insert_rows(session, Suppression, rows("c"))
        assert run(session, _COUNT).scalar_one() == 32
        session.add(make.contact(session))
        insert_rows(session, Suppression, rows("d"))
    with database.read_only() as session:
        assert session.scalar(_COUNT) == 33
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
    assert not [each for each in threading.enumerate() if each.name.startswith("later_calls")]


@pytest.mark.parametrize("after", [[], [_COUNT]], ids=["at the end", "by the next statement"])
def test_an_insert_that_fails_rolls_the_transaction_back(database: Database, after: list[Any]) -> None:
    def insert_one_twice() -> None:
        with database.unit_of_work() as session, overlapping_inserts(session):
            for names in (["a", "a"], ["b"]):
                insert_rows(session, Suppression, rows(*names))
            for each in after:
                session.scalar(each)

    with pytest.raises(Exception, match=r"(?i)unique"):
        insert_one_twice()
    with database.read_only() as session:
        assert session.scalar(_COUNT) == 0
    with database.unit_of_work() as session, overlapping_inserts(session):
        insert_rows(session, Suppression, rows("a"))
    with database.read_only() as session:
        assert session.scalar(_COUNT) == 1
