"""The workspace's logo, for the head of every page of the staff."""

from typing import cast

from flask import Flask
from sqlalchemy import Table, select

from app.db import CompiledStatement
from app.models import Workspace
from app.web.services import read_connection

_WORKSPACE = cast(Table, Workspace.__table__)
_LOGO = CompiledStatement(select(_WORKSPACE.c.logo_hash).where(_WORKSPACE.c.id == 1))


def init_app(app: Flask) -> None:
    """Add ``logo_version()`` to templates: of the logo to show; null when there is none."""
    app.jinja_env.globals["logo_version"] = _version


def _version() -> str | None:
    with read_connection() as look:
        row = _LOGO.one(look)
    return row[0] if row else None
