"""A saved contact filter."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Segment(Base):
    """A filter by name. ``query`` has the format of ``core/contacts/filters.py`` and is evaluated on each use.

    ``contacts_count``: how many contacts matched at ``counted_at``; ``count_claimed_at``: when a worker last began to
    count.
    """

    __tablename__ = "segments"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(24), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    query: Mapped[dict[str, Any]]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    contacts_count: Mapped[int | None]
    counted_at: Mapped[datetime | None]
    count_claimed_at: Mapped[datetime | None]
