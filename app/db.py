"""The database: engine settings, and the only commit (``Database.unit_of_work``)."""

import fcntl
import os
import sqlite3
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


class Database:
    """One engine, and the two ways to use it.

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
        self._lock_file = f"{self.file}.lock" if self.file else None
        self.info: dict[str, Any] = {}
        self.trace: Callable[[str], None] | None = None

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """A write transaction: committed at the end, rolled back by any error. Durable once it has returned."""
        with self._turn(), Session(self._writer, expire_on_commit=False) as session:
            session.info.update(self.info)
            session.info[_DRIVER] = _Driver(self.engine.dialect, lambda: session.connection().connection, self.trace)
            with session.begin():
                yield session

    @contextmanager
    def read_only(self) -> Iterator[Session]:
        """A read transaction: it never waits for a writer and never commits."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            session.info.update(self.info)
            session.info[_DRIVER] = driver = _Driver(self._reader.dialect, self._reader.raw_connection, self.trace)
            try:
                yield session
            finally:
                if driver.lent is not None:
                    driver.lent.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._lock_file is None:
            yield
            return
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
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
        self.engine.dispose()
        self._reader.dispose()


def run(session: Session, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Execute a Core statement on the session's connection, without what the ORM would add to it."""
    return session.connection().execute(statement, parameters)


class Prepared:
    """A Core statement for the paths that people wait on: compiled once a dialect, run on the driver itself.

    It runs on the session's own connection and in its transaction, and reads and writes the types of its columns.

    :param statement: with bound parameters; made from the dialect's name where the dialects differ
    """

    def __init__(self, statement: Executable | Callable[[str], Executable]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, session: Session, **values: Any) -> list[Any]:
        """Every row that comes back, as tuples."""
        compiled = self._for(session)
        cursor = compiled.execute(_driver(session), values)
        return compiled.read(cursor.fetchall()) if cursor.description else []

    def one(self, session: Session, **values: Any) -> Any:
        """The first row as a tuple; null when there is none."""
        rows = self.all(session, **values)
        return rows[0] if rows else None

    def run(self, session: Session, **values: Any) -> int:
        """How many rows it touched."""
        cursor = self._for(session).execute(_driver(session), values)
        touched: int = cursor.rowcount
        return touched

    def _for(self, session: Session) -> "_Compiled":
        dialect = _driver(session).dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            statement = self._statement(dialect.name) if callable(self._statement) else self._statement
            compiled = self._compiled[dialect.name] = _Compiled(statement, dialect)
        return compiled


class _Compiled:
    """One statement in one dialect: its text, how values go in and how columns come out."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._defaults = compiled.params
        self._order: list[str] | None = compiled.positiontup
        self._binders = {}
        for name, bound in compiled.binds.items():
            if binder := bound.type.dialect_impl(dialect).bind_processor(dialect):
                self._binders[name] = binder
        columns = getattr(statement, "exported_columns", ())
        readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._readers = [(place, reader) for place, reader in enumerate(readers) if reader]

    def execute(self, driver: "_Driver", values: dict[str, Any]) -> Any:
        bound = self._defaults | values
        for name, binder in self._binders.items():
            bound[name] = binder(bound[name])
        if driver.trace is not None:
            driver.trace(self.text)
        if self._order is None:
            return driver.connection.execute(self.text, bound)
        return driver.connection.execute(self.text, [bound[name] for name in self._order])

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
    lend: Callable[[], Any]
    trace: Callable[[str], None] | None
    lent: Any = None

    @property
    def connection(self) -> Any:
        if self.lent is None:
            self.lent = self.lend()
        return self.lent.driver_connection


def _driver(session: Session) -> _Driver:
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
        max_overflow=4,
        pool_timeout=10,
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
    )


def _engine(url: Any, *, connections: int, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_size=connections, max_overflow=4, pool_pre_ping=True, pool_timeout=10)
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


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.connection.driver_connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")  # type: ignore[union-attr]
