"""Links to the preference center, and requests for deletion that people made there."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, one_of

_OPEN = text("resolved_at IS NULL")


class PreferenceLink(Base):
    """A link of one contact. ``level``: whether its holder is known to be the person, or only filled in a form."""

    __tablename__ = "preference_links"
    __table_args__ = (
        CheckConstraint("level IN ('personal_link', 'web_unverified')", name="level"),
        Index("ix_preference_links_contact_id_level_issued_at", "contact_id", "level", "issued_at"),
    )

    token: Mapped[str] = mapped_column(String(16), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    level: Mapped[str] = mapped_column(String(24))
    issued_at: Mapped[datetime]


class Resolution(StrEnum):
    """How a request for deletion ended."""

    ERASED = "erased"
    REFUSED = "refused"


class ErasureRequest(Base):
    """A contact asked that its data be deleted. At most one request of a contact is open."""

    __tablename__ = "erasure_requests"
    __table_args__ = (
        one_of("resolution", Resolution),
        Index(
            "ix_erasure_requests_open",
            "contact_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_erasure_requests_contact_id", "contact_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(String(8))
    note: Mapped[str] = mapped_column(Text, default="", doc="why it was refused")
