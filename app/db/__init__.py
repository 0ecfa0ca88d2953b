"""The database: engine settings, and the only commit (``Database.unit_of_work``)."""

import fcntl
import os
import select
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Dialect,
    Engine,
    Executable,
    Table,
    bindparam,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.config import Settings
from app.models import Base

BUSY_TIMEOUT_MS = 10_000
_WRITES = "assent_writes"
_DRIVER = "assent_driver"


class ReadConnection:
    """Reads through compiled statements alone (``CompiledStatement``). Each sees what was committed before it."""

    __slots__ = ("info",)

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info


class Database:
    """One engine, and the ways to use it.

    On SQLite writers queue on an advisory file lock before ``BEGIN IMMEDIATE``: the lock is fair where SQLite's own
    busy handler sleeps and retries, so the tail stays short. PostgreSQL needs nothing of the kind.
    """

    def __init__(self, settings: Settings, *, connections: int = 16) -> None:
        url = make_url(settings.database_url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.file = Path(url.database or "") if self.is_sqlite else None
        self.engine = _engine(url, connections=connections, is_sqlite=self.is_sqlite)
        self._writer = self.engine.execution_options(**{_WRITES: True})
        # Looks need no transaction: on PostgreSQL it would cost two more ways to the server and back.
        self._reader = self.engine if self.is_sqlite else _autocommitting(url, connections=connections)
        self._for_writing, self._for_looking = _ConnectionPool(self._writer), _ConnectionPool(self._reader)
        self._lock_file = f"{self.file}.lock" if self.file else None
        self.info: dict[str, Any] = {}
        self.trace: Callable[[str], None] | None = None

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """A write transaction: committed at the end, rolled back by any error. Durable once it has returned.

        The driver's transaction is the only one. The session joins it when it is used; prepared statements run in it
        without a session's cost.
        """
        with self._turn(), self._unit() as session:
            yield session

    @contextmanager
    def unit_of_work_if_free(self) -> Iterator[Session]:
        """A unit of work that queues behind no other writer.

        :raises BlockingIOError: somebody writes just now (SQLite only: elsewhere writers do not queue)
        """
        with self._turn(fcntl.LOCK_NB), self._unit() as session:
            yield session

    @contextmanager
    def _unit(self) -> Iterator[Session]:
        with (
            self._for_writing.lent() as line,
            Session(line.connection, expire_on_commit=False) as session,
        ):
            session.info.update(self.info)
            session.info[_DRIVER] = _Driver(self.engine.dialect, self.trace, line.driver)
            try:
                if self.is_sqlite:
                    line.driver.execute("BEGIN IMMEDIATE")
                yield session
                if session.in_transaction():
                    session.commit()
                else:
                    line.driver.commit()
            except BaseException:
                line.undo(session)
                raise

    @contextmanager
    def read_only(self) -> Iterator[Session]:
        """A read transaction: it never waits for a writer and never commits."""
        with (
            self._for_looking.lent() as line,
            Session(self.engine, expire_on_commit=False, autoflush=False) as session,
        ):
            session.info.update(self.info)
            session.info[_DRIVER] = _Driver(self._reader.dialect, self.trace, line.driver)
            yield session

    @contextmanager
    def read_connection(self) -> Iterator[ReadConnection]:
        """A look for the paths that people wait on: no session, no transaction, a connection that is open already."""
        with self._for_looking.lent() as line:
            yield ReadConnection({**self.info, _DRIVER: _Driver(self._reader.dialect, self.trace, line.driver)})

    @contextmanager
    def _turn(self, how: int = 0) -> Iterator[None]:
        if self._lock_file is None:
            yield
            return
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | how)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """One connection that no other writer runs beside, for migrations. The caller's statements are one transaction.

        On PostgreSQL an advisory lock, so that two processes that start at once upgrade one after the other.
        """
        with self._turn(), self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(4270)"))
            yield connection

    def close(self) -> None:
        self._for_writing.close()
        self._for_looking.close()
        self.engine.dispose()
        self._reader.dispose()


@dataclass(slots=True)
class _PooledConnection:
    """One open connection, as SQLAlchemy and as the driver see it."""

    connection: Connection
    driver: Any
    is_usable: bool = True

    def undo(self, session: Session) -> None:
        """Roll back; where that fails too, nobody uses the connection again."""
        try:
            session.rollback()
            self.driver.rollback()
        except Exception:
            self.is_usable = False


class _ConnectionPool:
    """Open connections that are lent to one user at a time, the last used first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[_PooledConnection] = deque()

    @contextmanager
    def lent(self) -> Iterator[_PooledConnection]:
        line = self._taken()
        try:
            yield line
        finally:
            if line.is_usable and not getattr(line.driver, "closed", False):
                self._idle.append(line)
            else:
                _hang_up(line)

    def _taken(self) -> _PooledConnection:
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                connection = self._engine.connect()
                return _PooledConnection(connection, connection.connection.driver_connection)
            if not _is_broken(line.driver):
                return line
            _hang_up(line)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().connection.close()


def _hang_up(line: _PooledConnection) -> None:
    line.connection.invalidate()
    line.connection.close()


def _is_broken(driver: Any) -> bool:
    """Whether the server has hung up: it says nothing to a connection that nobody uses, but for its end.

    A question to the server would tell the same, and cost every request another way there and back.
    """
    if isinstance(driver, sqlite3.Connection):
        return False
    if driver.closed:
        return True
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def run(session: Session, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Execute a Core statement on the session's connection, without what the ORM would add to it."""
    return session.connection().execute(statement, parameters)


class CompiledStatement:
    """A Core statement for the paths that people wait on: compiled once a dialect, run on the driver itself.

    It runs on the session's connection and in its transaction, or on a ``ReadConnection``, and converts values by the
    types of its columns.

    :param statement: with bound parameters; made from the dialect's name where the dialects differ
    """

    def __init__(self, statement: Executable | Callable[[str], Executable]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, session: Session | ReadConnection, **values: Any) -> list[Any]:
        """Every row that comes back, as tuples."""
        driver = _driver(session)
        compiled = self._compiled.get(driver.dialect.name) or self._for(driver)
        cursor = compiled.execute(driver, values)
        return compiled.read(cursor.fetchall()) if compiled.returns_rows else []

    def one(self, session: Session | ReadConnection, **values: Any) -> Any:
        """The first row as a tuple; null when there is none."""
        rows = self.all(session, **values)
        return rows[0] if rows else None

    def run(self, session: Session, **values: Any) -> int:
        """How many rows it touched."""
        driver = _driver(session)
        cursor = (self._compiled.get(driver.dialect.name) or self._for(driver)).execute(driver, values)
        touched: int = cursor.rowcount
        return touched

    def _for(self, driver: "_Driver") -> "_Compiled":
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
        order = cast(list[str] | None, compiled.positiontup)
        # of each parameter where the text counts them: its name, how its values go in, what it is when not given
        self._places = (
            None if order is None else [(name, self._binders.get(name), self._defaults.get(name)) for name in order]
        )
        columns = getattr(statement, "exported_columns", ())
        self.returns_rows = len(columns) > 0
        readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._readers = [(place, reader) for place, reader in enumerate(readers) if reader]

    def execute(self, driver: "_Driver", values: dict[str, Any]) -> Any:
        if driver.trace is not None:
            driver.trace(self.text)
        if self._places is None:
            bound = self._defaults | values
            for name, binder in self._binders.items():
                bound[name] = binder(bound[name])
            return driver.connection.execute(self.text, bound)
        return driver.connection.execute(
            self.text,
            [
                binder(values.get(name, default)) if binder else values.get(name, default)
                for name, binder, default in self._places
            ],
        )

    def read(self, rows: list[Any]) -> list[Any]:
        if not self._readers:
            return rows
        return [self._read(list(row)) for row in rows]

    def _read(self, row: list[Any]) -> tuple[Any, ...]:
        for place, reader in self._readers:
            row[place] = reader(row[place])
        return tuple(row)


@dataclass(slots=True)
class _Driver:
    """A driver's connection, on loan to one session; ``trace`` is told every statement (tests count them)."""

    dialect: Dialect
    trace: Callable[[str], None] | None
    connection: Any


def _driver(session: Session | ReadConnection) -> _Driver:
    return cast(_Driver, session.info[_DRIVER])


def dialect_of(session: Session) -> str:
    """``sqlite`` or ``postgresql``."""
    return session.get_bind().dialect.name


def dialect_insert(session: Session, model: type[Base]) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT. Both dialects spell it alike, so one type serves."""
    made = sqlite.insert if dialect_of(session) == "sqlite" else postgresql.insert
    return cast(postgresql.Insert, made(cast(Table, model.__table__)))


def insert_or_ignore(session: Session, model: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row unless it conflicts with one that stands; true when it was inserted."""
    ignoring = _made(dialect_of(session), model).on_conflict_do_nothing().inline()
    counted = {"preserve_rowcount": True}  # of an INSERT it is not kept otherwise
    return session.connection().execute(ignoring, values, execution_options=counted).rowcount == 1


def ignoring_insert(dialect: str, model: type[Base], names: tuple[str, ...]) -> postgresql.Insert:
    """The INSERT of ``insert_or_ignore``, to be prepared: every column without a value stays empty."""
    return inserting(dialect, model, names).on_conflict_do_nothing()


def inserting(dialect: str, model: type[Base], names: tuple[str, ...]) -> postgresql.Insert:
    """An INSERT of these columns with bound parameters of their names; what is built on it is spelled alike."""
    return _made(dialect, model).values({name: bindparam(name) for name in names}).inline()


def inserting_rows(dialect: str, model: type[Base], names: tuple[str, ...], rows: int) -> postgresql.Insert:
    """The same for several rows at once; their parameters end in ``__0``, ``__1`` and so on."""
    values: list[dict[str, Any]] = [
        {name: bindparam(f"{name}__{row}", type_=_table(model).c[name].type) for name in names} for row in range(rows)
    ]
    return _made(dialect, model).values(values).inline()


def _made(dialect: str, model: type[Base]) -> postgresql.Insert:
    return cast(postgresql.Insert, (sqlite.insert if dialect == "sqlite" else postgresql.insert)(_table(model)))


def _table(model: type[Base]) -> Table:
    return cast(Table, model.__table__)


def _autocommitting(url: Any, *, connections: int) -> Engine:
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=-1,
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
    )


def _engine(url: Any, *, connections: int, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_size=connections, max_overflow=-1, pool_pre_ping=True)
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=-1,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Its own folds ASCII only: searches would find less here than on PostgreSQL.
    connection.create_function(
        "lower", 1, lambda value: value.lower() if isinstance(value, str) else value, deterministic=True
    )


def _begin_sqlite(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:  # a unit of work has begun it already
        driver.execute("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")
