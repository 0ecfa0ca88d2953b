"""The database: engine settings, and the only commit (``Database.unit_of_work``)."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Engine, Executable, Insert, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.config import Settings
from app.models import Base

BUSY_TIMEOUT_MS = 10_000
_WRITES = "assent_writes"


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
        self._lock_file = f"{self.file}.lock" if self.file else None
        self.info: dict[str, Any] = {}

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """A write transaction: committed at the end, rolled back by any error. Durable once it has returned."""
        with self._turn(), Session(self._writer, expire_on_commit=False) as session:
            session.info.update(self.info)
            with session.begin():
                yield session

    @contextmanager
    def read_only(self) -> Iterator[Session]:
        """A read transaction: it never waits for a writer and never commits."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            session.info.update(self.info)
            yield session

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


def run(session: Session, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Execute a prepared Core statement on the session's connection, without what the ORM would add to it.

    For the paths that people wait on: build the statement once, at import, with bound parameters.
    """
    return session.connection().execute(statement, parameters)


def dialect_of(session: Session) -> str:
    """``sqlite`` or ``postgresql``."""
    return session.get_bind().dialect.name


def dialect_insert(session: Session, model: type[Base]) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT. Both dialects spell it alike, so one type serves."""
    made = sqlite.insert if dialect_of(session) == "sqlite" else postgresql.insert
    return cast(postgresql.Insert, made(cast(Table, model.__table__)))


def insert_or_ignore(session: Session, model: type[Base], values: dict[str, Any]) -> bool:
    """Insert one row unless it conflicts with one that stands; true when it was inserted."""
    return bool(run(session, ignoring_insert(dialect_of(session), model), values).rowcount)


@lru_cache
def ignoring_insert(dialect: str, model: type[Base]) -> Insert:
    """The INSERT of ``insert_or_ignore``, for callers that want something returned from it."""
    made = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return cast(Insert, made(cast(Table, model.__table__)).on_conflict_do_nothing())


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
