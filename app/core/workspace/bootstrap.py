"""The database as rules need it: opened with the keys its sessions work with, made ready for its first use."""

from app import migrations
from app.config import Settings
from app.core import clock, signing
from app.core.errors import InvalidState
from app.core.ledger import events as ledger
from app.core.signing import Keys
from app.core.workspace import settings
from app.db import Database, Engines


def open_database(configured: Settings, *, connections: int = 16, engines: Engines | None = None) -> Database:
    """A database whose sessions know the keys and remember the wordings that are stored.

    :param engines: the web's, made by Flask-SQLAlchemy
    """
    opened = Database(configured, connections=connections, engines=engines)
    signing.equip(opened.info, Keys(configured.secret_key))
    ledger.attach(opened.info)
    return opened


def make_ready(database: Database) -> None:
    """Migrate to this version, make the workspace. Nothing happens when both are done.

    :raises InvalidState: the database cannot be upgraded, or was made with another secret key
    """
    try:
        migrations.upgrade(database)
    except migrations.CannotUpgrade as problem:
        raise InvalidState(str(problem)) from None
    with database.unit_of_work() as session:
        settings.ensure(session, at=clock.now())


def why_not_ready(database: Database) -> str | None:
    """Null when the database is reachable, migrated and fits the secret key; else the reason in one sentence."""
    try:
        with database.read_only() as session:
            revision = migrations.current_revision(session.connection())
            if revision is None:
                return "the database is empty: run “assent db upgrade”"
            if revision != (head := migrations.head_revision()):
                return f"the database is at revision {revision}, this version needs {head}: run “assent db upgrade”"
            if settings.get(session).key_check != signing.keys_of(session).check:
                return "ASSENT_SECRET_KEY is not the one that this database was made with"
    except Exception as problem:
        return f"the database cannot be used: {type(problem).__name__}"
    return None
