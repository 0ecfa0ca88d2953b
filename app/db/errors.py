"""The database cannot do what was asked right now: its lock is held for too long, or a query takes too long.

Nothing was written. The same request may succeed later. The web answers 503.
"""

import sqlite3
from typing import Any

# PostgreSQL's codes of a canceled statement, and of a lock that was waited for in vain or by two for each other.
_TOO_SLOW, _LOCKED = "57014", frozenset({"55P03", "40P01"})


class DatabaseBusy(Exception):
    """Nothing was written; ``retry_after_s`` says when the same request may succeed."""

    retry_after_s = 2


class WriteLockTimeout(DatabaseBusy):
    """Other writers hold a lock for longer than a request may wait, or one of them waits for a lock of this one."""


class QueryTooSlow(DatabaseBusy):
    """A query on a read connection took longer than its time limit."""

    retry_after_s = 10


def busy_error(error: Any) -> DatabaseBusy | None:
    """What an error of the database's driver says about locks and time limits; null for every other error."""
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # Python's own errors have none
        if code == sqlite3.SQLITE_INTERRUPT:
            return QueryTooSlow()
        return WriteLockTimeout() if code == sqlite3.SQLITE_BUSY else None
    code = getattr(error, "sqlstate", None)
    return QueryTooSlow() if code == _TOO_SLOW else WriteLockTimeout() if code in _LOCKED else None
