"""Several changes as one statement on PostgreSQL, where each is a round trip. SQLite runs them one by one.

Only for paths that ``bench/`` measures, as ``CompiledStatement``.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, Executable, String, bindparam, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db.inserts import OnConflict, insert_statement
from app.db.statements import CompiledStatement, dialect_of
from app.models import Base


class JoinedChanges:
    """Changes of different tables. None needs what another returns.

    :param changes: functions of the dialect's name, which return an INSERT or UPDATE
    """

    def __init__(self, *changes: Callable[[str], Any]) -> None:
        self._changes = changes
        self._each = [CompiledStatement(change) for change in changes]
        self._all = CompiledStatement(self._in_one)

    def run(self, session: Session, **values: Any) -> None:
        """Execute all.

        :param values: the parameters of all
        """
        for statement in [self._all] if dialect_of(session) == "postgresql" else self._each:
            statement.run(session, **values)

    def _in_one(self, dialect: str) -> Executable:
        *others, last = (change(dialect) for change in self._changes)
        joined: Executable = last.add_cte(*(each.cte(f"change_{place}") for place, each in enumerate(others)))
        return joined


class ChangeAndInsert:
    """A change of one row, and an INSERT of a row into another table that holds columns of the changed one.

    :param change: it returns one row (RETURNING); a function of the dialect's name where the dialects differ
    :param columns: of the inserted row; what ``taken`` does not name are parameters
    :param taken: columns of the inserted row that have the returned values, in their order
    """

    def __init__(
        self,
        change: Any,
        model: type[Base],
        columns: tuple[str, ...],
        *,
        taken: tuple[str, ...],
        on_conflict: OnConflict = lambda insert: insert,
    ) -> None:
        self._change, self._table, self._on_conflict = change, model.__table__, on_conflict
        self._columns, self._taken = columns, taken
        self._first = CompiledStatement(change)
        self._second = CompiledStatement(lambda dialect: on_conflict(insert_statement(dialect, model, columns)))
        self._both = CompiledStatement(self._in_one)

    def one(self, session: Session, **values: Any) -> Any:
        """Execute both. Returns the values of ``taken``; null where the change found no row: nothing is inserted then.

        :param values: the parameters of both
        """
        if dialect_of(session) == "postgresql":
            return self._both.one(session, **values)
        row = self._first.one(session, **values)
        if row is not None:
            self._second.run(session, **values | dict(zip(self._taken, row, strict=True)))
        return row

    def _in_one(self, dialect: str) -> Executable:
        change = self._change(dialect) if callable(self._change) else self._change
        changed, columns = change.cte("changed"), self._table.c
        taken = dict(zip(self._taken, changed.c, strict=True))
        values = (taken[name] if name in taken else _typed(columns[name]) for name in self._columns)
        inserted = postgresql.insert(self._table).from_select(self._columns, select(*values))
        return self._on_conflict(inserted).returning(*(columns[name] for name in self._taken))


def _typed(column: Column[Any]) -> ColumnElement[Any]:
    """The parameter of a column. Texts are cast without a length: a cast with one would cut off what is too long."""
    kind = String() if isinstance(column.type, String) else column.type
    return sql_cast(bindparam(column.name, type_=column.type), kind)
