"""Consents, opt-outs of numbers and addresses, suppressions, and facts about numbers."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, one_of


class ConsentState(StrEnum):
    """``never_asked`` is the absence of a row; it has a name for pages and API responses."""

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
_UNDELIVERABLE = text("undeliverable_at IS NOT NULL")
_REASSIGNED = text("reassigned_at IS NOT NULL")


class Consent(Base):
    """One contact's state for one subscription type, for ``destination``. Only ``core/consent`` writes it."""

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
    """An opt-out of one number or address by one contact. It applies to every contact with this destination."""

    __tablename__ = "destination_opt_outs"
    __table_args__ = (Index("ix_destination_opt_outs_contact_id", "contact_id"),)

    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), primary_key=True)
    destination_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    event_id: Mapped[int] = mapped_column(ForeignKey("consent_events.id"))


class Suppression(Base):
    """A number that must not be texted, for every contact. It never expires; after an erasure only the hash remains."""

    __tablename__ = "suppressions"
    __table_args__ = (
        one_of("cause", SuppressionCause),
        Index("ix_suppressions_cause_phone_hash", "cause", "phone_hash"),
    )

    phone_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    phone: Mapped[str | None] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class NumberFact(Base):
    """Facts about a number, by its keyed hash: carrier reports, and when its holder last verified it.

    ``unreachable_count``: reports in a row that it could not be reached, which are no proof of anything alone.
    """

    __tablename__ = "number_facts"
    __table_args__ = (
        # Few numbers have such a fact: asking about a contact's number reads an index that is nearly empty.
        Index(
            "ix_number_facts_undeliverable",
            "phone_hash",
            sqlite_where=_UNDELIVERABLE,
            postgresql_where=_UNDELIVERABLE,
        ),
        Index(
            "ix_number_facts_reassigned",
            "phone_hash",
            "reassigned_at",
            sqlite_where=_REASSIGNED,
            postgresql_where=_REASSIGNED,
        ),
    )

    phone_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    undeliverable_at: Mapped[datetime | None]
    unreachable_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    reassigned_at: Mapped[datetime | None]
    last_verified_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
