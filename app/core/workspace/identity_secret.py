"""The secret that sites sign their users' identity with, and its replacement."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import audit
from app.core.workspace import settings
from app.models import Workspace

# A site needs this time to put the new secret on all of its servers.
OLD_IS_VALID_FOR = timedelta(hours=24)


def renew(session: Session, *, actor: str, at: datetime) -> Workspace:
    """Replace the secret. The old one stays valid for 24 hours; one that was replaced before it ends immediately."""
    workspace = settings.get(session)
    workspace.previous_messenger_secret = workspace.messenger_secret
    workspace.previous_secret_ends_at = at + OLD_IS_VALID_FOR
    workspace.messenger_secret = secrets.token_hex(32)
    _record(session, workspace, "settings.messenger_secret_renewed", actor=actor, at=at)
    return workspace


def end_previous(session: Session, *, actor: str, at: datetime) -> Workspace:
    """End the old secret before its 24 hours are over. Where there is none, nothing changes."""
    workspace = settings.get(session)
    if workspace.previous_messenger_secret is not None:
        workspace.previous_messenger_secret = workspace.previous_secret_ends_at = None
        _record(session, workspace, "settings.messenger_secret_ended", actor=actor, at=at)
    return workspace


def _record(session: Session, workspace: Workspace, action: str, *, actor: str, at: datetime) -> None:
    settings.touch(workspace, at)
    audit.record(session, actor, action, "workspace", {}, at=at)
    session.flush()
