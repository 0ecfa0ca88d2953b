"""Engines: their settings for SQLite and PostgreSQL, the same for worker, commands and the web."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext

from app.config import Settings
from app.db.errors import ConnectionLost, busy_error
from app.db.limits import Limits, ReadDeadline, limit_postgresql
from app.db.marks import without_marks

# How long SQLite waits for other programs: ours queue before that (``write_lock``).
BUSY_TIMEOUT_MS = 5_000
# The key of the second engine in Flask-SQLAlchemy's binds.
AUTOCOMMIT_BIND = "autocommit"
# An execution option of connections that write.
WRITES = "assent_writes"
# The key of PostgreSQL's advisory lock that every connection shares, and that a restore takes alone.
_USE_LOCK = 4272
_CLOSES_WITHIN_S = 0.5


@dataclass(frozen=True)
class Engines:
    """``main`` runs transactions; ``autocommit`` runs reads without one. On SQLite both are one engine.

    On PostgreSQL a transaction would cost a read two more round trips. A read that writes is refused there.
    """

    main: Engine
    autocommit: Engine
    limits: Limits = field(default_factory=Limits)
    deadline: ReadDeadline = field(default_factory=ReadDeadline)


def create_engines(settings: Settings, *, connections: int, limits: Limits | None = None) -> Engines:
    """Engines without Flask."""
    options = engine_options(settings, connections=connections)
    engines = {bind: create_engine(**each) for bind, each in options.items()}
    return use_engines(engines, limits)


def engine_options(settings: Settings, *, connections: int) -> dict[str | None, dict[str, Any]]:
    """The arguments of ``create_engine`` by bind; null is the bind of the main engine.

    :param connections: how many stay open; more are opened when they are needed
    """
    url = make_url(settings.database_url)
    pool: dict[str, Any] = {"pool_size": connections, "max_overflow": -1}
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(Path(url.database or "").absolute()))
        # ``isolation_level`` null: we begin transactions ourselves, with BEGIN IMMEDIATE where we write
        arguments = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None}
        return {None: {"url": url, "connect_args": arguments, **pool}}
    autocommit = {"url": url, "isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None, **pool}
    return {None: {"url": url, "pool_pre_ping": True, **pool}, AUTOCOMMIT_BIND: autocommit}


def use_engines(engines: dict[str | None, Engine], limits: Limits | None) -> Engines:
    """Prepare engines made with ``engine_options``, by bind.

    :param limits: how long reads may take and changes may wait; null: as long as they need
    """
    main = engines[None]
    made = Engines(main, engines.get(AUTOCOMMIT_BIND, main), limits or Limits())
    if main.dialect.name == "sqlite":
        event.listen(main, "connect", lambda connection, _record: _prepare_sqlite(connection, made))
        event.listen(main, "begin", _begin_sqlite)
    else:
        for each in (made.main, made.autocommit):
            event.listen(each, "connect", lambda connection, _record: limit_postgresql(connection, made.limits))
            event.listen(each, "connect", _share_postgresql)
        event.listen(made.autocommit, "connect", _refuse_changes)
    for each in {made.main, made.autocommit}:
        event.listen(each, "handle_error", _raise_busy)
    return made


def take_alone(connection: Connection) -> bool:
    """PostgreSQL: keep every other process out of the database until this connection is closed.

    Returns false, without an effect, while another connection of Assent is open.
    """
    taken = f"SELECT pg_try_advisory_lock({_USE_LOCK})"
    return _becomes_true(lambda: bool(connection.exec_driver_sql(taken).scalar_one()))


def _prepare_sqlite(connection: sqlite3.Connection, engines: Engines) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "secure_delete=ON",
        "trusted_schema=ON",  # triggers call ``without_marks``; some builds of SQLite refuse that by default
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # SQLite's own ``lower`` folds ASCII only; searches would find less than on PostgreSQL.
    connection.create_function(
        "lower", 1, lambda value: value.lower() if isinstance(value, str) else value, deterministic=True
    )
    # The triggers of the migrations keep the index of messages with it.
    connection.create_function(
        "without_marks", 1, lambda value: without_marks(value) if isinstance(value, str) else value, deterministic=True
    )
    if engines.limits.read_s is not None:
        engines.deadline.watch(connection)


def _raise_busy(context: ExceptionContext) -> None:
    """Whether a COMMIT was done before its connection broke is unknown: that error stays.

    :raises DatabaseBusy: instead of the driver's error of a statement about a lock, a time limit or a lost connection
    """
    error = busy_error(context.original_exception)
    if error is not None and (context.statement is not None or not isinstance(error, ConnectionLost)):
        raise error from context.original_exception


def _share_postgresql(connection: Any, _record: object) -> None:
    """Hold a lock as long as the connection is open, so that a restore sees that the database is in use.

    :raises OperationalError: a restore runs
    """
    shared = f"SELECT pg_try_advisory_lock_shared({_USE_LOCK})"
    is_shared = _becomes_true(lambda: bool(connection.execute(shared).fetchone()[0]))
    connection.commit()
    if not is_shared:
        from psycopg import OperationalError

        connection.close()
        raise OperationalError("the database is being restored")


def _becomes_true(ask: Callable[[], bool]) -> bool:
    """Ask for a lock for half a second: the server ends a connection a moment after its client closed it."""
    ends_s = time.monotonic() + _CLOSES_WITHIN_S
    while not ask():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.02)
    return True


def _refuse_changes(connection: Any, _record: object) -> None:
    """Let PostgreSQL refuse changes without a transaction, which nothing could roll back."""
    connection.execute("SET default_transaction_read_only = on")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:  # a unit of work has begun it already
        driver.execute("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")
