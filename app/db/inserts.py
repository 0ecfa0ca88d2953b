"""INSERT statements with ON CONFLICT, for both dialects."""

from typing import Any, cast

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.statements import dialect_of
from app.models import Base


def insert_or_ignore(session: Session, model: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row unless it conflicts with an existing one; true when it was inserted."""
    statement = _insert(dialect_of(session), model).on_conflict_do_nothing().inline()
    options = {"preserve_rowcount": True}  # SQLAlchemy does not keep it for an INSERT otherwise
    return session.connection().execute(statement, values, execution_options=options).rowcount == 1


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


def _insert(dialect: str, model: type[Base]) -> postgresql.Insert:
    return cast(postgresql.Insert, (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_table(model)))


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)
