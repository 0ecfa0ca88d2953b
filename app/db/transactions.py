"""Transactions: ``Database.unit_of_work`` to write, with the only commit, ``read_only`` and ``read_connection``."""

import select
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from app.config import Settings
from app.db.engine import WRITES, Engines, create_engines
from app.db.errors import CommitLost, ConnectionLost, busy_error
from app.db.limits import lift_statement_limit
from app.db.statements import DRIVER, DriverConnection, ReadConnection
from app.db.write_lock import WriteLock

# Makes a session of the caller's class; called with ``bind`` and options of ``Session``.
SessionFactory = Callable[..., Session]
# Of the one connection that writes on SQLite: among a million contacts a chunk of a bulk job changes 6,000 pages
# (24 MB). Those that do not fit SQLite would write and read several times.
_WRITE_CACHE_KB = 32_000
# The write-ahead log is copied into the database once it has so many pages (16 MB), where SQLite would copy every 4 MB:
# a page that several changes have in common is copied once.
_LOG_PAGES = 4_000
_MIGRATION_LOCK = text("SELECT pg_advisory_xact_lock(4270)")


class Database:
    """The engines of one database, and the ways to use them.

    On SQLite writers queue on an advisory file lock before ``BEGIN IMMEDIATE``. That lock is fair, while SQLite's busy
    handler sleeps and retries, so the slowest writers wait less. PostgreSQL needs no such queue.

    :param connections: how many stay open
    :param engines: created by the caller with ``engine_options``; for the web Flask-SQLAlchemy does that
    """

    def __init__(self, settings: Settings, *, connections: int = 16, engines: Engines | None = None) -> None:
        engines = engines or create_engines(settings, connections=connections)
        self._limits, self._deadline = engines.limits, engines.deadline
        self.engine = engines.main
        self.engines = {engines.main, engines.autocommit}
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.file = Path(self.engine.url.database or "") if self.is_sqlite else None
        self._autocommit_engine = engines.autocommit
        self._write_engine = self.engine.execution_options(**{WRITES: True})
        self._write_pool = _ConnectionPool(self._write_engine, self._prepare_to_write)
        self._read_pool = _ConnectionPool(self._autocommit_engine, lambda _driver: None)
        self._lock = WriteLock(f"{self.file}.lock", self._limits) if self.file else None
        self.info: dict[str, Any] = {}
        self.trace: Callable[[str], None] | None = None

    @contextmanager
    def unit_of_work(self, new_session: SessionFactory = Session) -> Iterator[Session]:
        """A write transaction: committed at the end, rolled back by any error. Durable once it has returned.

        The driver's transaction is the only one. The session joins it when it is used; compiled statements run in it
        without the cost of a session.

        :raises WriteLockTimeout: other writers take longer than ``Limits.lock_s``
        :raises CommitLost: PostgreSQL's connection broke at the end, so that the outcome is not known
        """
        with self._write_lock(), self._transaction(new_session) as session:
            yield session

    @contextmanager
    def unit_of_work_if_free(self, new_session: SessionFactory = Session) -> Iterator[Session]:
        """A unit of work that does not wait for other writers.

        :raises BlockingIOError: another writer is active (SQLite only: on PostgreSQL writers do not queue)
        """
        with self._lock.held_if_free() if self._lock else nullcontext(), self._transaction(new_session) as session:
            yield session

    @contextmanager
    def read_only(self, new_session: SessionFactory = Session) -> Iterator[Session]:
        """A session that reads. It never waits for a writer and never commits.

        On SQLite all of it is one transaction. On PostgreSQL each statement is one: a transaction around them would
        cost three more round trips.

        :raises QueryTooSlow: it takes longer than ``Limits.read_s``
        """
        with (
            self._deadline.within(self._limits.read_s),
            self._read_pool.borrow() as pooled,
            new_session(bind=pooled.connection, expire_on_commit=False, autoflush=False) as session,
        ):
            session.info.update(self.info)
            session.info[DRIVER] = DriverConnection(self._autocommit_engine.dialect, self.trace, pooled.cursor)
            yield session

    @contextmanager
    def read_connection(self) -> Iterator[ReadConnection]:
        """An open connection for reads without a session, for benchmarked paths.

        :raises QueryTooSlow: it takes longer than ``Limits.read_s``
        """
        with self._deadline.within(self._limits.read_s), self._read_pool.borrow() as pooled:
            driver = DriverConnection(self._autocommit_engine.dialect, self.trace, pooled.cursor)
            try:
                yield ReadConnection(pooled.connection, {**self.info, DRIVER: driver})
            finally:
                if pooled.connection.in_transaction():
                    pooled.roll_back(pooled.connection)

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session that reads what was committed at one moment, on PostgreSQL, too."""
        isolated = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**isolated) as connection, Session(bind=connection) as session:
            session.info.update(self.info)
            yield session

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """One connection while no other writer runs, for migrations. The caller's statements are one transaction.

        On PostgreSQL an advisory lock makes two processes that start at the same time upgrade one after the other.
        """
        with self._write_lock(), self._write_engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(_MIGRATION_LOCK)
            yield connection

    def empty_log(self) -> bool:
        """Write SQLite's write-ahead log into the database file and empty it: it keeps older content of pages.

        Returns false, and may have emptied nothing, while a reader or a restore needs the log. On PostgreSQL it does
        nothing and returns true.
        """
        if not self.is_sqlite:
            return True
        with self._write_lock(), self._read_pool.borrow() as pooled:
            is_busy, _, _ = pooled.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not is_busy

    def close(self) -> None:
        self._write_pool.close()
        self._read_pool.close()
        self.engine.dispose()
        self._autocommit_engine.dispose()

    @contextmanager
    def _transaction(self, new_session: SessionFactory) -> Iterator[Session]:
        with (
            self._deadline.within(None),
            self._write_pool.borrow() as pooled,
            new_session(bind=pooled.connection, expire_on_commit=False) as session,
        ):
            session.info.update(self.info)
            session.info[DRIVER] = DriverConnection(self.engine.dialect, self.trace, pooled.cursor)
            try:
                if self.is_sqlite:
                    _begin(pooled.driver)
                yield session
                _commit(session, pooled.driver)
            except BaseException:
                pooled.roll_back(session)
                raise

    def _prepare_to_write(self, driver: Any) -> None:
        if self.is_sqlite:
            driver.execute(f"PRAGMA cache_size=-{_WRITE_CACHE_KB}")
            driver.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        elif self._limits.read_s is not None:
            lift_statement_limit(driver)

    def _write_lock(self) -> AbstractContextManager[None]:
        return self._lock.held() if self._lock else nullcontext()


def _commit(session: Session, driver: Any) -> None:
    """:raises CommitLost: the connection broke, so that the outcome is not known"""
    try:
        if session.in_transaction():
            session.commit()
        else:
            driver.commit()
    except Exception as error:
        if isinstance(busy_error(getattr(error, "orig", error)), ConnectionLost):
            raise CommitLost from error
        raise


def _begin(driver: sqlite3.Connection) -> None:
    """:raises WriteLockTimeout: a program other than ours writes for longer than ``BUSY_TIMEOUT_MS``"""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise (busy_error(error) or error) from None


@dataclass(slots=True)
class _PooledConnection:
    """One open connection, as SQLAlchemy and as the driver know it, with a cursor: to open one for each statement
    takes PostgreSQL's driver a quarter of the statement's time.
    """

    connection: Connection
    driver: Any
    cursor: Any
    is_usable: bool = True

    def roll_back(self, begun: Session | Connection) -> None:
        """Roll back. Where that fails too, the connection is not used again."""
        try:
            begun.rollback()
            self.driver.rollback()
        except Exception:
            self.is_usable = False


class _ConnectionPool:
    """Open connections, each borrowed by one user at a time; the last one used is borrowed first.

    :param prepare: called with the driver's connection when it is opened
    """

    def __init__(self, engine: Engine, prepare: Callable[[Any], None]) -> None:
        self._engine = engine
        self._prepare = prepare
        self._idle: deque[_PooledConnection] = deque()

    @contextmanager
    def borrow(self) -> Iterator[_PooledConnection]:
        pooled = self._take()
        try:
            yield pooled
        finally:
            if pooled.is_usable and not getattr(pooled.driver, "closed", False):
                self._idle.append(pooled)
            else:
                _discard(pooled)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().connection.close()

    def _take(self) -> _PooledConnection:
        while True:
            try:
                pooled = self._idle.pop()
            except IndexError:
                return self._open()
            if not _is_broken(pooled.driver):
                return pooled
            _discard(pooled)

    def _open(self) -> _PooledConnection:
        connection = self._engine.connect()
        driver: Any = connection.connection.driver_connection
        self._prepare(driver)
        return _PooledConnection(connection, driver, driver.cursor())


def _discard(pooled: _PooledConnection) -> None:
    pooled.connection.invalidate()
    pooled.connection.close()


def _is_broken(driver: Any) -> bool:
    """Whether the server has closed the connection. A server sends nothing to an idle connection except at its end.

    A test query would show that, too, but would cost every request one more round trip.
    """
    if isinstance(driver, sqlite3.Connection):
        return False
    if driver.closed:
        return True
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return bool(poll.poll(0))
