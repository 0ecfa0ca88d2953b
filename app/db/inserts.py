"""INSERT statements with ON CONFLICT, for both dialects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, cast

from sqlalchemy import Integer, Select, Table, bindparam, column, func, select, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.array_text import ArrayText
from app.db.statements import CompiledStatement, dialect_of, run
from app.models import Base

# More rows by one statement of SQLite save nothing more.
_ROWS_AT_ONCE = 100
OnConflict = Callable[[postgresql.Insert], postgresql.Insert]
# Takes ids from the sequence of a table, as one array: many rows would take the driver longer.
# OFFSET 0 keeps PostgreSQL from looking the sequence up for each id.
_TAKE_IDS = text(
    "SELECT array_agg(nextval(name)) FROM (SELECT CAST(pg_get_serial_sequence(:table, 'id') AS regclass) AS name"
    " OFFSET 0) AS s, generate_series(1, :count)"
)


def insert_or_ignore(session: Session, model: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row unless it conflicts with an existing one; true when it was inserted."""
    statement = _insert(dialect_of(session), model).on_conflict_do_nothing().inline()
    options = {"preserve_rowcount": True}  # SQLAlchemy does not keep it for an INSERT otherwise
    return session.connection().execute(statement, values, execution_options=options).rowcount == 1


@dataclass(frozen=True)
class Same:
    """The value of a column that all rows of ``insert_columns`` share."""

    value: Any


def insert_columns(
    session: Session,
    model: type[Base],
    columns: Mapping[str, Sequence[Any] | Same],
    on_conflict: OnConflict | None = None,
    *,
    several_at_once: bool = False,
) -> None:
    """Insert many rows: on PostgreSQL by one statement over arrays, on SQLite by one for each row.

    Inside ``overlapping_inserts`` it does not wait for PostgreSQL.

    :param columns: the values of each column, in the order of the rows; at least one column is a list
    :param on_conflict: a function of a module, which adds ON CONFLICT
    :param several_at_once: on SQLite by one statement for many rows. It copies each page before it changes it, to be
        able to take the statement back. So this pays for rows that are neighbors in the indexes, and where the
        statement of one row copies pages as well: for tables with triggers, and with ON CONFLICT
    """
    count = next(len(each) for each in columns.values() if not isinstance(each, Same))
    if not count:
        return
    same = frozenset(name for name, each in columns.items() if isinstance(each, Same))
    statement = _insert_many(model, tuple(columns), same, on_conflict)
    if dialect_of(session) == "sqlite":
        each_row = ((name, repeat(each.value) if isinstance(each, Same) else each) for name, each in columns.items())
        statement.run_all(session, dict(each_row), at_once=_ROWS_AT_ONCE if several_at_once else 1)
    else:
        values = {name: each.value if isinstance(each, Same) else each for name, each in columns.items()}
        statement.run_later(session, **values)


def insert_rows(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    on_conflict: OnConflict | None = None,
) -> None:
    """As ``insert_columns``, from rows that all have the same columns."""
    if rows:
        insert_columns(session, model, {name: [row[name] for row in rows] for name in rows[0]}, on_conflict)


def reserve_ids(session: Session, model: type[Base], count: int) -> list[int]:
    """Ids for new rows of a table, in ascending order: those that the database would give them.

    On SQLite they are free until the transaction ends, because it is the only writer.
    """
    table = _table(model).name
    if dialect_of(session) == "sqlite":
        last = int(run(session, _last_id(model), {"table": table}).scalar_one())
        return list(range(last + 1, last + 1 + count))
    return sorted(run(session, _TAKE_IDS, {"table": table, "count": count}).scalar_one() or ())


def insert_into(session: Session, model: type[Base]) -> postgresql.Insert:
    """An INSERT without values, to which ON CONFLICT can be added.

    The type is PostgreSQL's for both dialects: their methods have the same names.
    """
    return _insert(dialect_of(session), model)


def insert_statement(dialect: str, model: type[Base], columns: tuple[str, ...]) -> postgresql.Insert:
    """An INSERT of one row for a ``CompiledStatement``. Each column has a bound parameter with its name."""
    return _insert(dialect, model).values({name: bindparam(name) for name in columns}).inline()


def insert_rows_statement(
    dialect: str, model: type[Base], columns: tuple[str, ...], rows: int, same: tuple[str, ...] = ()
) -> postgresql.Insert:
    """An INSERT of several rows for a ``CompiledStatement``. The parameters end in ``__0``, ``__1`` and so on.

    :param same: further columns, whose value all rows share; their parameters have the names of the columns
    """
    table = _table(model)
    shared = {name: bindparam(name, type_=table.c[name].type) for name in same}
    values: list[dict[str, Any]] = [
        {name: bindparam(f"{name}__{row}", type_=table.c[name].type) for name in columns} | shared
        for row in range(rows)
    ]
    return _insert(dialect, model).values(values).inline()


@lru_cache
def _last_id(model: type[Base]) -> Select[Any]:
    """On SQLite: the highest id of a table, also of rows that were deleted where the table has AUTOINCREMENT."""
    given = text("SELECT seq FROM sqlite_sequence WHERE name = :table").columns(column("seq", Integer))
    highest = select(func.max(_table(model).c.id)).scalar_subquery()
    return select(func.max(func.coalesce(given.scalar_subquery(), 0), func.coalesce(highest, 0)))


@lru_cache
def _insert_many(
    model: type[Base], columns: tuple[str, ...], same: frozenset[str], on_conflict: OnConflict | None
) -> CompiledStatement:
    """Compiled once: a bulk change inserts six rows for each contact (``bench.bulk``)."""

    def statement(dialect: str) -> postgresql.Insert:
        if dialect == "sqlite":
            insert = insert_statement("sqlite", model, columns)
        else:
            insert = _from_arrays(model, columns, same)
        return on_conflict(insert) if on_conflict else insert

    return CompiledStatement(statement)


def _from_arrays(model: type[Base], columns: tuple[str, ...], same: frozenset[str]) -> postgresql.Insert:
    types = {name: _table(model).c[name].type for name in columns}
    lists = [name for name in columns if name not in same]
    arrays = (bindparam(name, type_=ArrayText(types[name])) for name in lists)
    unnested = func.unnest(*arrays).table_valued(*lists).render_derived()
    values = (
        sql_cast(bindparam(name, type_=types[name]), types[name]) if name in same else unnested.c[name]
        for name in columns
    )
    return _insert("postgresql", model).from_select(columns, select(*values).select_from(unnested)).inline()


def _insert(dialect: str, model: type[Base]) -> postgresql.Insert:
    return cast(postgresql.Insert, (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_table(model)))


def _table(model: type[Base]) -> Table:
    return model.__table__
