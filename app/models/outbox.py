"""Outbox events: written in the transaction of the change that they report, and routed by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base

_UNROUTED, _ROUTED = text("routed_at IS NULL"), text("routed_at IS NOT NULL")


class OutboxEvent(Base):
    __tablename__ = "outbox_events"
    __table_args__ = (
        Index("ix_outbox_events_unrouted", "id", sqlite_where=_UNROUTED, postgresql_where=_UNROUTED),
        Index("ix_outbox_events_routed_at", "routed_at", sqlite_where=_ROUTED, postgresql_where=_ROUTED),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    topic: Mapped[str] = mapped_column(String(40))
    contact_id: Mapped[int | None]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    routed_at: Mapped[datetime | None]
