"""The audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base


class AuditEntry(Base):
    """Who did what: signed in, or changed the configuration. Triggers refuse every change and deletion.

    ``address``: the client's IP address; null for commands and for what Assent does by itself.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject_id", "subject", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    occurred_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
