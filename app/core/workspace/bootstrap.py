"""Open the database with the keys that its sessions use, and prepare it for its first use."""

import os

from sqlalchemy import inspect, text

from app import migrations
from app.config import Settings
from app.core import clock, signing
from app.core.errors import InvalidState
from app.core.ledger import events as ledger
from app.core.signing import Keys
from app.core.workspace import settings
from app.db import Database, Engines

# The table that a restored database has until the restore ends (``core/backup/unfinished.py``).
UNFINISHED_RESTORE = "unfinished_restore"
_RESTORE_AGAIN = "a restore of the database did not end: stop web and worker, and run it again with --replace"


def open_database(configured: Settings, *, connections: int = 16, engines: Engines | None = None) -> Database:
    """Open the database. Its sessions have the keys and a cache of the wordings that are stored.

    :param engines: given by the web application, where Flask-SQLAlchemy creates them
    """
    opened = Database(configured, connections=connections, engines=engines)
    signing.attach(opened.info, Keys(configured.secret_key))
    ledger.attach(opened.info)
    return opened


def make_ready(database: Database) -> None:
    """Migrate the database to this version and create the workspace, where that is not done yet.

    :raises InvalidState: the database cannot be upgraded, or was created with another secret key
    """
    try:
        migrations.upgrade(database)
    except migrations.CannotUpgrade as problem:
        raise InvalidState(str(problem)) from None
    with database.unit_of_work() as session:
        settings.ensure(session, at=clock.now())


def why_unfinished(database: Database) -> str | None:
    """Why a database that can be reached must not be used before a restore of it was run again; null: it may be."""
    with database.engine.connect() as connection:
        return _RESTORE_AGAIN if inspect(connection).has_table(UNFINISHED_RESTORE) else None


def why_not_ready(database: Database) -> str | None:
    """Why the database cannot be used, in one sentence that anyone may read: it names no host, user or file.

    Null when it is reachable, migrated, may be written and fits the secret key.
    """
    try:
        return what_is_missing(database)
    except Exception as problem:
        return f"the database cannot be used: {type(problem).__name__}"


def what_is_missing(database: Database) -> str | None:
    """What a database that can be reached lacks, in one sentence; null when it is ready.

    :raises SQLAlchemyError: it cannot be reached; the message says why, with its host, user and file
    """
    if reason := why_unfinished(database):
        return reason
    with database.read_only() as session:
        revision = migrations.current_revision(session.connection())
        if revision is None:
            return "the database is empty: run “assent db upgrade”"
        if unknown := migrations.why_unknown(revision):
            return f"the database is {unknown}"
        if revision != (head := migrations.head_revision()):
            return f"the database is at revision {revision}, this version needs {head}: run “assent db upgrade”"
        if (reason := _why_read_only(database)) is not None:
            return reason
        if settings.get(session).key_check != signing.keys_of(session).check:
            return "ASSENT_SECRET_KEY is not the one that this database was made with"
    return None


def _why_read_only(database: Database) -> str | None:
    if database.file is None:
        with database.engine.connect() as connection:  # ``read_only`` may not write in any case
            is_read_only = connection.scalar(text("SHOW transaction_read_only")) == "on"
        return "the database is read-only: it may be a standby" if is_read_only else None
    # SQLite makes and deletes files beside the database. None of them is opened here: closing one would end its locks.
    beside = [database.file.with_name(f"{database.file.name}{ending}") for ending in ("-wal", "-shm", ".lock")]
    needed = [database.file.parent, database.file, *(file for file in beside if file.exists())]
    is_read_only = not all(os.access(path, os.W_OK, effective_ids=True) for path in needed)
    return "the database is read-only: its files or their folder cannot be written" if is_read_only else None
