"""Backup and restore of a SQLite database: one file."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from app.config import Settings
from app.core.backup import unfinished
from app.core.backup.archive import Backup, Content, Parts, TableContent, sync_folder, temporary_beside
from app.core.backup.unfinished import Before
from app.core.errors import InvalidState
from app.core.workspace.bootstrap import UNFINISHED_RESTORE
from app.db import Database

NAME = "sqlite"
_PART = "assent.db"
_CHUNK_BYTES = 1 << 20


def write(database: Database, parts: Parts) -> Content:
    """Copy the whole database at one moment to one part. It reads a snapshot, so no writer waits."""
    file = _file_of(database)
    with temporary_beside(file) as (copy, _):
        with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with parts.part(_PART) as writer, copy.open("rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                writer.write(chunk)
        with closing(sqlite3.connect(copy)) as connection:
            return _content(connection)


def is_empty(settings: Settings) -> bool:
    """Whether no table but ``workspace`` has rows."""
    file = Path(make_url(settings.database_url).database or "")
    if not file.exists():
        return True
    with closing(sqlite3.connect(file, timeout=10)) as connection:
        return not any(_count(connection, table) for table in _tables(connection) if table != "workspace")


def restore(settings: Settings, backup: Backup, before: Before) -> None:
    """Replace the database file by the one of the backup.

    :raises InvalidState: the copy is damaged, or a process has the database open
    """
    file = Path(make_url(settings.database_url).database or "")
    with temporary_beside(file) as (copy, _):
        with copy.open("wb") as out:
            for chunk in backup.chunks(_PART):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        _check_integrity(copy)
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute(unfinished.CREATE)
            connection.execute(f"INSERT INTO {UNFINISHED_RESTORE} VALUES (?)", (before.as_text(),))  # noqa: S608
        with _exclusive_lock(file):
            copy.replace(file)
            for leftover in ("-wal", "-shm"):
                file.with_name(file.name + leftover).unlink(missing_ok=True)
    sync_folder(file.parent)


def _file_of(database: Database) -> Path:
    if database.file is None:
        raise InvalidState("This database is no SQLite file.")
    return database.file


def _content(connection: sqlite3.Connection) -> Content:
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return Content(revision, {table: TableContent(_count(connection, table), []) for table in _tables(connection)})


def _tables(connection: sqlite3.Connection) -> list[str]:
    """The tables of our models, without those of SQLite and of the search index of ``messages``."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    names = [name for (name,) in connection.execute(query) if name != "alembic_version"]
    return [name for name in names if not name.startswith("message_search")]


def _count(connection: sqlite3.Connection, table: str) -> int:
    (count,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608 - a name of the database's
    return int(count)


def _check_integrity(copy: Path) -> None:
    try:
        with closing(sqlite3.connect(copy)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check").fetchone()
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as problem:
        raise InvalidState("The database in this backup cannot be read: %(problem)s.", problem=str(problem)) from None
    if found != "ok" or orphan:
        raise InvalidState("The database in this backup is not sound; nothing was changed.")


@contextmanager
def _exclusive_lock(file: Path) -> Iterator[None]:
    """Lock the current database. A server that has it open would continue to write to the replaced file.

    :raises InvalidState: a process has it open
    """
    if not file.exists():
        yield
        return
    with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise InvalidState("The database is in use: stop web and worker first.") from None
        except sqlite3.DatabaseError:
            pass  # a damaged database may be replaced
        yield
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
