"""The version of the workspace's logo, which every page of the staff asks for."""

from typing import cast

from sqlalchemy import Table, select

from app.db import CompiledStatement, ReadConnection
from app.models import Workspace

_WORKSPACE = cast(Table, Workspace.__table__)
_HASH = CompiledStatement(select(_WORKSPACE.c.logo_hash).where(_WORKSPACE.c.id == 1))


def version(connection: ReadConnection) -> str | None:
    """The hash of the logo; null when there is none."""
    row = _HASH.one(connection)
    return row[0] if row else None
