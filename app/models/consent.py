"""One contact's state for one type, and the opt-outs that stick to a number."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ConsentState(StrEnum):
    """``never_asked`` is the absence of a row; it has a name so that pages and answers can say it."""

    NEVER_ASKED = "never_asked"
    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"


class SuppressionCause(StrEnum):
    KEYWORD = "keyword"
    PREFERENCE_CENTER = "preference_center"
    CARRIER = "carrier"
    MANUAL = "manual"
    REVIEW = "review"


_OPTED_IN = text("state = 'opted_in'")
_OPTED_OUT = text("state = 'opted_out'")


class Consent(Base):
    """Written by ``core/consent.py`` only. ``destination`` is the number or address that it was given for."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("state IN ('opted_in', 'opted_out')", name="state"),
        Index(
            "ix_consents_opted_in",
            "subscription_type_id",
            "contact_id",
            "destination_hash",
            sqlite_where=_OPTED_IN,
            postgresql_where=_OPTED_IN,
        ),
        Index(
            "ix_consents_opted_out",
            "subscription_type_id",
            "contact_id",
            sqlite_where=_OPTED_OUT,
            postgresql_where=_OPTED_OUT,
        ),
    )

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    destination: Mapped[str | None] = mapped_column(String(254))
    destination_hash: Mapped[str | None] = mapped_column(String(32))
    changed_at: Mapped[datetime]
    event_id: Mapped[int] = mapped_column(ForeignKey("consent_events.id"))


class DestinationOptOut(Base):
    """An opt-out, as it sticks to the number it was made with, by whom. Holds for whoever has the number."""

    __tablename__ = "destination_opt_outs"

    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), primary_key=True)
    destination_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    event_id: Mapped[int] = mapped_column(ForeignKey("consent_events.id"))


class Suppression(Base):
    """A number that must not be texted, whoever holds it. Survives everything, even erasure (then only as a hash)."""

    __tablename__ = "suppressions"

    phone_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    phone: Mapped[str | None] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime]
