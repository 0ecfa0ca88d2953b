"""Removes what SQLite's files still hold of erased people.

The search index keeps the letters of deleted messages until its parts are merged, and the write-ahead log keeps older
content of pages. On PostgreSQL, vacuum does this by itself.
"""

from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.db import Database, run
from app.models import Workspace

# Few, so that other writers wait briefly.
_PAGES = 200
_MERGE = text("INSERT INTO message_search (message_search, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")


def request(session: Session, *, at: datetime) -> None:
    """Note that a person was erased, so that the worker runs the purge. Does not commit."""
    session.execute(update(Workspace).values(unpurged_erasure_at=at), execution_options={"synchronize_session": False})


def execute(database: Database) -> bool:
    """Merge the search index in small transactions, then empty the write-ahead log, if a person was erased since.

    Returns whether all erasures are purged. Repeating it is harmless, also when two processes do it at the same time.
    """
    with database.read_only() as session:
        erased_at = session.scalar(select(Workspace.unpurged_erasure_at))
    if erased_at is None:
        return True
    if database.is_sqlite:
        _merge_index(database)
        if not database.empty_log():
            return False
    with database.unit_of_work() as session:
        done = update(Workspace).where(Workspace.unpurged_erasure_at == erased_at).values(unpurged_erasure_at=None)
        session.execute(done, execution_options={"synchronize_session": False})
    return True


def _merge_index(database: Database) -> None:
    """Merge all parts of the index into one, which drops the entries of deleted messages.

    The first step, with a negative number, begins this; a step that changes fewer than two rows has found nothing left.
    Source: https://www.sqlite.org/fts5.html#the_merge_command
    """
    pages = -_PAGES
    while True:
        with database.unit_of_work() as session:
            before = run(session, _CHANGES).scalar_one()
            run(session, _MERGE, {"pages": pages})
            if run(session, _CHANGES).scalar_one() - before < 2:
                return
        pages = _PAGES
