"""Alembic's scripts, and the calls that the application makes.

Alembic itself is imported only for an upgrade: it would be a third of what every process loads.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from app.db import Database
from app.models import Base

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS = Path(__file__).parent / "versions"
_BEFORE_THE_FIRST_RELEASE = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", "0007"})
_REVISION = re.compile(r"^(down_)?revision = (?:\"(\w+)\"|None)$", re.MULTILINE)


class CannotUpgrade(Exception):
    """This version cannot upgrade the database; the message says why in one sentence."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to ``revision``; nothing happens when it is there already. One transaction: all or nothing.

    :raises CannotUpgrade: this version does not know the database's revision, the tables are not of Assent, or they
        were made by an unreleased version
    """
    with database.exclusive() as connection:
        if reason := _why_not_upgradable(connection):
            raise CannotUpgrade(reason)
        upgrade_on(connection, revision)


def upgrade_on(connection: Connection, revision: str) -> None:
    """The same within the caller's transaction, without the check."""
    from alembic import command

    command.upgrade(_config(connection), revision)


def current_revision(connection: Connection) -> str | None:
    """The revision of the database; null when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def head_revision() -> str:
    """The newest revision that this version of the program knows."""
    (head,) = _revisions().keys() - {before for before in _revisions().values() if before}
    return head


def why_unknown(revision: str) -> str | None:
    """Null when this version can upgrade from ``revision``; else what it is of, to end a sentence."""
    if revision in _BEFORE_THE_FIRST_RELEASE:
        return f"from before the first release (revision {revision}), which no version upgrades"
    return None if revision in _revisions() else f"of a newer version (revision {revision})"


@lru_cache
def _revisions() -> dict[str, str | None]:
    """Each revision with the one before it, as the scripts name them."""
    found: dict[str, str | None] = {}
    for script in _VERSIONS.glob("[0-9]*.py"):
        named = {bool(down): revision or None for down, revision in _REVISION.findall(script.read_text())}
        found[str(named[False])] = named[True]
    return found


def _why_not_upgradable(connection: Connection) -> str | None:
    revision = current_revision(connection)
    if revision is not None and (unknown := why_unknown(revision)):
        return f"This database is {unknown}."
    if revision == head_revision() and (lacking := _missing_column(connection) or _missing_search(connection)):
        return f"This database is of an unreleased version, which no version upgrades: it lacks “{lacking}”."
    if revision is None and (found := set(inspect(connection).get_table_names()) & set(Base.metadata.tables)):
        return f"This database holds the table “{min(found)}”, which Assent did not make: use an empty one."
    return None


def _missing_column(connection: Connection) -> str | None:
    """A column of the models that the database lacks; null when it has all.

    Before the first release its only migration was edited in place, so that a revision does not tell which it was.
    """
    found = inspect(connection).get_multi_columns()
    existing = {(table, str(column["name"])) for (_, table), columns in found.items() for column in columns}
    wanted = [(table.name, column.name) for table in Base.metadata.sorted_tables for column in table.columns]
    return next((f"{table}.{column}" for table, column in wanted if (table, column) not in existing), None)


def _missing_search(connection: Connection) -> str | None:
    """The function by which texts are found without their marks, where the database lacks it."""
    query = {
        "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'messages_search_insert' AND sql LIKE '%without_marks%'",
        "postgresql": "SELECT 1 WHERE to_regproc('without_marks') IS NOT NULL",
    }[connection.dialect.name]
    return None if connection.execute(text(query)).first() else "without_marks"


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
