"""Statements that run without the ORM: ``run`` on a session's connection, ``CompiledStatement`` on the driver's."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol, cast

from sqlalchemy import JSON, ColumnElement, Connection, CursorResult, Dialect, Executable, bindparam, func, select
from sqlalchemy.orm import Session

from app.db.array_text import ArrayText
from app.db.errors import busy_error

DRIVER = "assent_driver"
_NOTHING = object()


class ReadConnection:
    """Reads without a session: by compiled statements (``CompiledStatement``) and by Core statements (``run``).

    On PostgreSQL there is no transaction: each statement sees what was committed before it.
    """

    __slots__ = ("_connection", "info")

    def __init__(self, connection: Connection, info: dict[str, Any]) -> None:
        self._connection = connection
        self.info = info

    def connection(self) -> Connection:
        """As a session's."""
        return self._connection


@dataclass(slots=True)
class DriverConnection:
    """A driver's cursor, used by one session; ``trace`` is called with every statement (tests count them).

    ``later`` makes calls that statements need not wait for (``overlapping_inserts``); null: there is no such block.
    """

    dialect: Dialect
    trace: Callable[[str], None] | None
    cursor: Any
    later: "Later | None" = None


class Later(Protocol):
    """Makes calls in their order, while who added them goes on."""

    def add(self, call: Callable[[], None]) -> None: ...

    def wait(self) -> None: ...


class CompiledStatement:
    """A Core statement that is compiled once for each dialect and runs on the driver's connection.

    Only for paths that ``bench/`` measures. It runs on the session's connection and in its transaction, or on a
    ``ReadConnection``, and converts values by the types of its columns.

    :param statement: with bound parameters; a function of the dialect's name where the dialects differ
    """

    def __init__(self, statement: Executable | Callable[[str], Executable]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, session: Session | ReadConnection, **values: Any) -> list[Any]:
        """Every row, as tuples.

        :raises DatabaseBusy: a time limit is over
        """
        driver = _driver_of(session)
        compiled = self._compiled.get(driver.dialect.name) or self._compile(driver)
        try:
            cursor = compiled.execute(driver, values)
            return compiled.read(cursor.fetchall()) if compiled.returns_rows else []
        except Exception as error:
            raise (busy_error(error) or error) from error.__cause__

    def one(self, session: Session | ReadConnection, **values: Any) -> Any:
        """The first row as a tuple; null when there is none."""
        rows = self.all(session, **values)
        return rows[0] if rows else None

    def run(self, session: Session, **values: Any) -> int:
        """Execute a change; returns how many rows it changed."""
        driver = _driver_of(session)
        compiled = self._compiled.get(driver.dialect.name) or self._compile(driver)
        try:
            changed: int = compiled.execute(driver, values).rowcount
        except Exception as error:
            raise (busy_error(error) or error) from error.__cause__
        return changed

    def run_later(self, session: Session, **values: Any) -> None:
        """Execute a change now, or later inside ``overlapping_inserts``. Its values are converted now."""
        driver = driver_of(session)
        if driver.later is None:
            self.run(session, **values)
            return
        compiled = self._compiled.get(driver.dialect.name) or self._compile(driver)
        driver.later.add(compiled.call(driver, values))

    def run_all(self, session: Session, columns: Mapping[str, Iterable[Any]], *, at_once: int = 1) -> None:
        """Execute a change for each row of these columns. On SQLite only: PostgreSQL takes arrays in one statement.

        :param at_once: of an INSERT: so many rows by one statement
        """
        driver = _driver_of(session)
        compiled = self._compiled.get(driver.dialect.name) or self._compile(driver)
        try:
            compiled.execute_all(driver, columns, at_once)
        except Exception as error:
            raise (busy_error(error) or error) from error.__cause__

    def _compile(self, driver: DriverConnection) -> "_Compiled":
        name = driver.dialect.name
        statement = self._statement(name) if callable(self._statement) else self._statement
        compiled = self._compiled[name] = _Compiled(statement, driver.dialect)
        return compiled


class _Compiled:
    """One statement in one dialect: its text, how values go in and how columns come out."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._defaults = compiled.params
        self._binders = {}
        for bound, name in compiled.bind_names.items():
            if binder := bound.type.dialect_impl(dialect).bind_processor(dialect):
                self._binders[name] = binder
        self._order = cast(list[str] | None, compiled.positiontup)  # of positional parameters
        columns = getattr(statement, "exported_columns", ())
        self.returns_rows = len(columns) > 0
        readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._readers = [(position, reader) for position, reader in enumerate(readers) if reader]

    def execute(self, driver: DriverConnection, values: dict[str, Any]) -> Any:
        if driver.trace is not None:
            driver.trace(self.text)
        return driver.cursor.execute(self.text, self._bound(values))

    def call(self, driver: DriverConnection, values: dict[str, Any]) -> Callable[[], None]:
        """What executes the statement with these values."""
        bound = self._bound(values)

        def execute() -> None:
            try:
                driver.cursor.execute(self.text, bound)
            except Exception as error:
                raise (busy_error(error) or error) from error.__cause__

        if driver.trace is not None:
            driver.trace(self.text)
        return execute

    def execute_all(self, driver: DriverConnection, columns: Mapping[str, Iterable[Any]], at_once: int) -> None:
        if driver.trace is not None:
            driver.trace(self.text)
        order = self._order or ()
        each = ((columns[name], self._binders.get(name)) for name in order)
        bound = (_converted(binder, values) if binder else values for values, binder in each)
        rows = zip(*bound, strict=False)
        if at_once == 1:
            driver.cursor.executemany(self.text, rows)
            return
        row = f"({', '.join('?' * len(order))})"
        while some := list(islice(rows, at_once)):
            several = self.text.replace(row, ", ".join([row] * len(some)))
            driver.cursor.execute(several, list(chain.from_iterable(some)))

    def _bound(self, values: dict[str, Any]) -> Any:
        """The values as the driver takes them: in their order on SQLite, by their names on PostgreSQL."""
        bound: dict[str, Any] = self._defaults | values
        for name, binder in self._binders.items():
            bound[name] = binder(bound[name])
        return bound if self._order is None else [bound[name] for name in self._order]

    def read(self, rows: list[Any]) -> list[Any]:
        if not self._readers:
            return rows
        return [self._read(list(row)) for row in rows]

    def _read(self, row: list[Any]) -> tuple[Any, ...]:
        for position, reader in self._readers:
            if row[position] is not None:
                row[position] = reader(row[position])
        return tuple(row)


def _converted(binder: Callable[[Any], Any], values: Iterable[Any]) -> Iterator[Any]:
    """Values as the driver takes them. What follows itself is converted once: rows of a set share most values."""
    last: Any = _NOTHING
    converted: Any = None
    for value in values:
        if value is not last:
            last, converted = value, binder(value)
        yield converted


def is_in(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column of integers or texts is in the list that the parameter ``name`` holds, compiled once."""
    if dialect == "sqlite":
        ids = func.json_each(bindparam(name, type_=JSON)).table_valued("value")
        return column.in_(select(ids.c.value))
    return column == func.any(bindparam(name, type_=ArrayText(column.type)))


def is_in_few(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same for a list of a page at most. PostgreSQL plans it once, for any such list.

    For a list that it sees as a parameter it makes a new plan each time, which takes longer than to execute it.
    """
    if dialect == "sqlite":
        return is_in(dialect, column, name)
    listed = select(func.unnest(bindparam(name, type_=ArrayText(column.type))))
    return column == func.any(func.array(listed.scalar_subquery()))


def run(session: Session | ReadConnection, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Execute a Core statement on the session's connection, without the work that the ORM would add."""
    return session.connection().execute(statement, parameters)


def dialect_of(session: Session | ReadConnection) -> str:
    """``sqlite`` or ``postgresql``."""
    driver: DriverConnection | None = session.info.get(DRIVER)
    return (driver or cast(Session, session).get_bind()).dialect.name


def driver_of(session: Session | ReadConnection) -> DriverConnection:
    """The driver's connection that a session uses, while later calls may be under way."""
    return cast(DriverConnection, session.info[DRIVER])


def _driver_of(session: Session | ReadConnection) -> DriverConnection:
    driver = driver_of(session)
    if driver.later is not None:
        driver.later.wait()
    return driver
