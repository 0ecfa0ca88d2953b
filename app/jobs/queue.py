"""Huey runs the periodic tasks and, later, the long jobs.

Work that must not be lost is always a row in our own tables, never only an entry of this queue.
"""

from huey import Huey, PostgresHuey, SqliteHuey
from sqlalchemy import make_url

from app.config import Settings
from app.db import Database

_NAME = "assent"


def open_queue(settings: Settings, database: Database) -> Huey:
    """The queue of this installation: a SQLite file in the instance folder, or ``huey_*`` tables beside ours."""
    if database.is_sqlite:
        return SqliteHuey(_NAME, results=False, filename=str(settings.instance / "huey.db"))
    dsn = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    # Huey creates its tables here. The lock keeps two workers that start at the same time from both doing so.
    with database.exclusive():
        return PostgresHuey(_NAME, results=False, dsn=dsn)
