"""Huey runs the periodic tasks and, later, the long jobs.

Work that must not be lost is always a row in our own tables, never only an entry of this queue.
"""

import sqlite3
from pathlib import Path

from huey import Huey, PostgresHuey, SqliteHuey
from sqlalchemy import inspect, make_url

from app.config import Settings
from app.core.errors import InvalidState
from app.db import Database

_NAME = "assent"
_TABLE = "huey_task"


def open_queue(settings: Settings, database: Database) -> Huey:
    """The queue of this installation: a SQLite file in the instance folder, or ``huey_*`` tables beside ours.

    The tables must exist on PostgreSQL (``create_tables``), because a worker's role need not be allowed to create any.

    :raises InvalidState: the file cannot be used
    """
    if database.is_sqlite:
        return _in_file(settings.instance / "huey.db")
    return PostgresHuey(_NAME, results=False, dsn=_dsn(settings), create_tables=False)


def create_tables(settings: Settings, database: Database) -> None:
    """Create Huey's tables on PostgreSQL where they are missing."""
    if database.is_sqlite:
        return
    # The lock keeps two upgrades at the same time from both creating them.
    with database.exclusive() as connection:
        if not inspect(connection).has_table(_TABLE):  # else the role would need the right to create some
            PostgresHuey(_NAME, results=False, dsn=_dsn(settings)).storage.close()


def _in_file(file: Path) -> Huey:
    try:
        return SqliteHuey(_NAME, results=False, filename=str(file))
    except sqlite3.Error as problem:
        raise InvalidState("%(address)s cannot be used: %(problem)s", address=str(file), problem=str(problem)) from None


def _dsn(settings: Settings) -> str:
    return make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
