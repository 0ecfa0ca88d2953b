"""Several changes in one statement."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql

from app.db import ChangeAndInsert, Database, JoinedChanges, insert_statement
from app.models import Contact, RateCounter
from tests import make

_CONTACT = Contact.__table__
_COUNTER = RateCounter.__table__
_RENAME = update(_CONTACT).where(_CONTACT.c.id == bindparam("contact_id")).values(name=bindparam("new_name"))


def _count_again(insert: postgresql.Insert) -> postgresql.Insert:
    return insert.on_conflict_do_update(index_elements=_COUNTER.primary_key, set_={"count": _COUNTER.c.count + 1})


_COUNTED = {"bucket": "renamed", "shard": 0, "count": 1, "expires_at": 9}
_COLUMNS = ("bucket", "window", "shard", "count", "expires_at")
_RENAME_AND_COUNT = ChangeAndInsert(
    _RENAME.returning(_CONTACT.c.id),
    RateCounter,
    _COLUMNS,
    taken=("window",),
    on_conflict=_count_again,
)
_RENAME_BESIDE_COUNT = JoinedChanges(
    lambda _dialect: _RENAME, lambda dialect: _count_again(insert_statement(dialect, RateCounter, _COLUMNS))
)


def test_a_row_is_inserted_with_what_the_change_returned(database: Database) -> None:
    sam_id = _contact_id(database)
    with statements(database) as seen:
        for name in ("Sam", "Sami"):
            with database.unit_of_work() as session:
                returned = _RENAME_AND_COUNT.one(session, contact_id=sam_id, new_name=name, **_COUNTED)
                assert tuple(returned) == (sam_id,)
    _check(database, seen, sam_id, window=sam_id)


def test_changes_that_need_nothing_of_each_other_are_joined(database: Database) -> None:
    sam_id = _contact_id(database)
    with statements(database) as seen:
        for name in ("Sam", "Sami"):
            with database.unit_of_work() as session:
                _RENAME_BESIDE_COUNT.run(session, contact_id=sam_id, new_name=name, window=5, **_COUNTED)
    _check(database, seen, sam_id, window=5)


def _contact_id(database: Database) -> int:
    with database.unit_of_work() as session:
        return make.contact(session).id


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []
    database.trace = seen.append
    yield seen
    database.trace = None


def _check(database: Database, seen: list[str], sam_id: int, *, window: int) -> None:
    """Both changes happened twice, on PostgreSQL by one statement each time."""
    assert len(seen) == (4 if database.is_sqlite else 2)
    with database.read_only() as session:
        assert session.get_one(Contact, sam_id).name == "Sami"
        assert session.execute(select(_COUNTER.c.window, _COUNTER.c.count)).all() == [(window, 2)]
