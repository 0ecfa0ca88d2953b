"""INSERT statements with ON CONFLICT, for both dialects."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ARRAY, Table, bindparam, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.statements import CompiledStatement, dialect_of, run
from app.models import Base

OnConflict = Callable[[postgresql.Insert], postgresql.Insert]
# Reads the highest id that a table with AUTOINCREMENT has given, and takes ids from a sequence.
_LAST_ID = text("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = :table), 0)")
_TAKE_IDS = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")


def insert_or_ignore(session: Session, model: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row unless it conflicts with an existing one; true when it was inserted."""
    statement = _insert(dialect_of(session), model).on_conflict_do_nothing().inline()
    options = {"preserve_rowcount": True}  # SQLAlchemy does not keep it for an INSERT otherwise
    return session.connection().execute(statement, values, execution_options=options).rowcount == 1


def insert_rows(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    on_conflict: OnConflict | None = None,
) -> None:
    """Insert many rows by one call of the driver: on PostgreSQL one statement over arrays, on SQLite a prepared one.

    :param rows: all with the same columns
    :param on_conflict: a function of a module, which adds ON CONFLICT
    """
    if not rows:
        return
    columns = tuple(rows[0])
    statement = _insert_many(model, columns, on_conflict)
    if dialect_of(session) == "sqlite":
        statement.run_all(session, rows)
    else:
        statement.run(session, **{name: [row[name] for row in rows] for name in columns})


def reserve_ids(session: Session, model: type[Base], count: int) -> list[int]:
    """Ids for new rows of a table whose ids are never used twice, in ascending order.

    On SQLite they are free until the transaction ends, because it is the only writer.
    """
    table = _table(model).name
    if dialect_of(session) == "sqlite":
        last = int(run(session, _LAST_ID, {"table": table}).scalar_one())
        return list(range(last + 1, last + 1 + count))
    return sorted(run(session, _TAKE_IDS, {"table": table, "count": count}).scalars())


def insert_into(session: Session, model: type[Base]) -> postgresql.Insert:
    """An INSERT without values, to which ON CONFLICT can be added.

    The type is PostgreSQL's for both dialects: their methods have the same names.
    """
    return _insert(dialect_of(session), model)


def insert_statement(dialect: str, model: type[Base], columns: tuple[str, ...]) -> postgresql.Insert:
    """An INSERT of one row for a ``CompiledStatement``. Each column has a bound parameter with its name."""
    return _insert(dialect, model).values({name: bindparam(name) for name in columns}).inline()


def insert_rows_statement(dialect: str, model: type[Base], columns: tuple[str, ...], rows: int) -> postgresql.Insert:
    """An INSERT of several rows for a ``CompiledStatement``. The parameters end in ``__0``, ``__1`` and so on."""
    table = _table(model)
    values: list[dict[str, Any]] = [
        {name: bindparam(f"{name}__{row}", type_=table.c[name].type) for name in columns} for row in range(rows)
    ]
    return _insert(dialect, model).values(values).inline()


@lru_cache
def _insert_many(model: type[Base], columns: tuple[str, ...], on_conflict: OnConflict | None) -> CompiledStatement:
    """Compiled once: a bulk change inserts seven rows for each contact (``bench.bulk``)."""

    def statement(dialect: str) -> postgresql.Insert:
        insert = insert_statement("sqlite", model, columns) if dialect == "sqlite" else _from_arrays(model, columns)
        return on_conflict(insert) if on_conflict else insert

    return CompiledStatement(statement)


def _from_arrays(model: type[Base], columns: tuple[str, ...]) -> postgresql.Insert:
    arrays = (bindparam(name, type_=ARRAY(_table(model).c[name].type)) for name in columns)
    unnested = func.unnest(*arrays).table_valued(*columns).render_derived()
    return _insert("postgresql", model).from_select(columns, select(unnested)).inline()


def _insert(dialect: str, model: type[Base]) -> postgresql.Insert:
    return cast(postgresql.Insert, (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_table(model)))


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)
