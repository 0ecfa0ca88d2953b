"""The floors' access to the database: plain SQL on the driver, as durable as Assent's.

On SQLite their writers queue on a file lock as Assent's do. Without the lock they are a little faster, but one request
in a hundred waits half a second, and any p99 would look short beside that.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from app.db import without_marks

_local = threading.local()
_URL = os.environ["FLOOR_DATABASE_URL"]
IS_SQLITE = not _URL.startswith("postgresql")


@contextmanager
def transaction() -> Iterator[Any]:
    """The thread's connection, in a transaction that writes; committed at the end."""
    connected = connection()
    if not IS_SQLITE:
        with connected.transaction():
            yield connected
        return
    with Path(f"{_URL}.floor-lock").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        connected.execute("BEGIN IMMEDIATE")
        with connected:  # commits, or rolls back what failed
            yield connected


def now() -> Any:
    moment = datetime.now(UTC)
    return str(moment) if IS_SQLITE else moment


def sql(text: str) -> str:
    return text if IS_SQLITE else text.replace("?", "%s")


def connection() -> Any:
    """One open connection for each thread, as a pool would hand it out."""
    if not hasattr(_local, "connection"):
        if IS_SQLITE:
            _local.connection = sqlite3.connect(_URL, isolation_level=None, timeout=10)
            _local.connection.execute("PRAGMA journal_mode=WAL")
            _local.connection.execute("PRAGMA synchronous=FULL")
            _local.connection.execute("PRAGMA foreign_keys=ON")
            # The triggers of the inbox search call it.
            _local.connection.create_function("without_marks", 1, without_marks, deterministic=True)
        else:
            _local.connection = psycopg.connect(_URL, autocommit=True)
    return _local.connection
