"""The logo of the workspace: a picture that people see on its pages."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidInput
from app.core.workspace import settings
from app.db import run
from app.models import Workspace

MAX_BYTES = 200_000
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def version(session: Session) -> str | None:
    """The hash of the logo; null when there is none."""
    return run(session, select(Workspace.logo_hash).where(Workspace.id == 1)).scalar_one_or_none()


def change(session: Session, content: bytes | None, *, actor: str, at: datetime) -> Workspace:
    """Set the logo, a PNG, JPEG or WebP picture, or remove it with null. The first bytes decide the type.

    :raises InvalidInput: the picture is too large or of another type
    """
    workspace = settings.get(session)
    media_type = None
    if content is not None:
        media_type = next((each for start, each in _SIGNATURES.items() if content.startswith(start)), None)
        if media_type is None or (media_type == "image/webp" and content[8:12] != b"WEBP"):
            raise InvalidInput("The logo must be a PNG, JPEG or WebP picture.", field="logo")
        refuse_large(len(content))
    before = workspace.logo_hash
    workspace.logo, workspace.logo_type = content, media_type
    workspace.logo_hash = hashlib.sha256(content).hexdigest()[:16] if content else None
    settings.touch(workspace, at)
    details = audit.changes({"logo": before}, {"logo": workspace.logo_hash})
    audit.record(session, actor, "settings.logo_changed", "workspace", details, at=at)
    session.flush()
    return workspace


def refuse_large(size_bytes: int) -> None:
    """:raises InvalidInput: a picture of this size is too large"""
    if size_bytes > MAX_BYTES:
        raise InvalidInput("The logo must be at most %(most)s kB.", field="logo", most=MAX_BYTES // 1000)
