"""Alembic's scripts, and the few calls that everything else needs.

Alembic itself is imported when something is to be upgraded: it would be a third of what every process loads.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from app.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS = Path(__file__).parent / "versions"
_REVISION = re.compile(r"^(down_)?revision = (?:\"(\w+)\"|None)$", re.MULTILINE)


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to ``revision``; nothing happens when it is there. One transaction: all or nothing."""
    with database.exclusive() as connection:
        upgrade_on(connection, revision)


def upgrade_on(connection: Connection, revision: str) -> None:
    """The same within the caller's transaction."""
    from alembic import command

    command.upgrade(_config(connection), revision)


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is at; null when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def head_revision() -> str:
    """The newest revision that this version of the program knows."""
    (head,) = _followed().keys() - {before for before in _followed().values() if before}
    return head


def is_known(revision: str) -> bool:
    """Whether this version of the program can upgrade from ``revision``."""
    return revision in _followed()


@lru_cache
def _followed() -> dict[str, str | None]:
    """Each revision and the one before it, as the scripts name them."""
    found: dict[str, str | None] = {}
    for script in _VERSIONS.glob("[0-9]*.py"):
        named = {bool(down): revision or None for down, revision in _REVISION.findall(script.read_text())}
        found[str(named[False])] = named[True]
    return found


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
