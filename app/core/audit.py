"""The audit log: who changed which part of the configuration."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import AuditEntry


def record(session: Session, actor: str, action: str, subject: str, details: dict[str, Any], *, at: datetime) -> None:
    """Write one entry. ``details`` may have ids and names of fields, never numbers, addresses or secrets."""
    session.add(AuditEntry(occurred_at=at, actor=actor, action=action, subject=subject, details=details))


def newest(session: Session, *, subject: str | None = None, limit: int = 50) -> list[AuditEntry]:
    """The newest entries first, of one subject (such as ``form:3``) or of all."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    return list(session.scalars(query.where(AuditEntry.subject == subject) if subject else query))
