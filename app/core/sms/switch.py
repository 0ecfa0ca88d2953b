"""The stop switch: no marketing text is sent until it is lifted. Answers to people, such as those to STOP, still go."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import audit
from app.core.workspace import settings
from app.models import Workspace


def stop_all(session: Session, *, actor: str, at: datetime) -> Workspace:
    """Stop every marketing text from this commit on. Queued texts wait. Writes one audit entry; a second call none."""
    workspace = settings.get(session)
    if workspace.sending_stopped_at is None:
        _change(session, workspace, at, "sending.stopped", actor=actor, at=at)
    return workspace


def resume(session: Session, *, actor: str, at: datetime) -> Workspace:
    """Send again: what waited is due. Writes one audit entry; nothing when sending was not stopped."""
    workspace = settings.get(session)
    if workspace.sending_stopped_at is not None:
        _change(session, workspace, None, "sending.resumed", actor=actor, at=at)
    return workspace


def _change(
    session: Session, workspace: Workspace, stopped_at: datetime | None, action: str, *, actor: str, at: datetime
) -> None:
    workspace.sending_stopped_at = stopped_at
    settings.touch(workspace, at)
    audit.record(session, actor, action, "workspace", {}, at=at)
    session.flush()
