"""The database cannot do what was asked right now: its lock is held for too long, a query takes too long, or it ended.

Nothing was written. The same request may succeed later. The web answers 503.
"""

import sqlite3
from typing import Any

# PostgreSQL's codes of a canceled statement, and of a lock that was waited for in vain or by two for each other.
_TOO_SLOW, _LOCKED = "57014", frozenset({"55P03", "40P01"})
# Its codes of a server that ends or begins. A connection that broke without a word has none.
_ENDED = frozenset({"57P01", "57P02", "57P03"})


class DatabaseBusy(Exception):
    """Nothing was written; ``retry_after_s`` says when the same request may succeed."""

    retry_after_s = 2


class WriteLockTimeout(DatabaseBusy):
    """Other writers hold a lock for longer than a request may wait, or one of them waits for a lock of this one."""


class QueryTooSlow(DatabaseBusy):
    """A query on a read connection took longer than its time limit."""

    retry_after_s = 10


class ConnectionLost(DatabaseBusy):
    """PostgreSQL ended, or the way to it broke, before a statement was done."""


class CommitLost(Exception):
    """The connection broke while a transaction was committed: whether that was written is not known."""


def busy_error(error: Any) -> DatabaseBusy | None:
    """What an error of a statement says about locks, time limits and lost connections; null for every other error."""
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # Python's own errors have none
        if code == sqlite3.SQLITE_INTERRUPT:
            return QueryTooSlow()
        return WriteLockTimeout() if code == sqlite3.SQLITE_BUSY else None
    code = getattr(error, "sqlstate", None)
    if code in _ENDED or (code is None and _is_of_postgresql(error)):
        return ConnectionLost()
    return QueryTooSlow() if code == _TOO_SLOW else WriteLockTimeout() if code in _LOCKED else None


def _is_of_postgresql(error: Any) -> bool:
    """Whether it is psycopg's ``OperationalError``, which is not imported where PostgreSQL is not used."""
    return (type(error).__module__, type(error).__name__) == ("psycopg", "OperationalError")
