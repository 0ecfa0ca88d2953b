"""The version of the workspace's logo."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import run
from app.models import Workspace


def version(session: Session) -> str | None:
    """The hash of the logo; null when there is none."""
    return run(session, select(Workspace.logo_hash).where(Workspace.id == 1)).scalar_one_or_none()
