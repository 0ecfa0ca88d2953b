"""Subscription types: what a contact can subscribe to."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class ConsentType(StrEnum):
    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"


class TypeState(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    ARCHIVED = "archived"


class SubscriptionType(Base):
    """One subscription type. A trigger refuses changes of its channel and consent type."""

    __tablename__ = "subscription_types"
    __table_args__ = (
        CheckConstraint("channel IN ('sms', 'email')", name="channel"),
        CheckConstraint("consent_type IN ('opt_in', 'opt_out')", name="consent_type"),
        CheckConstraint("state IN ('draft', 'live', 'archived')", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    locale: Mapped[str] = mapped_column(String(8), default="en")
    channel: Mapped[str] = mapped_column(String(8))
    consent_type: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8), default=TypeState.DRAFT)
    welcome: Mapped[bool] = mapped_column(
        default=False, server_default=false(), doc="whether the first text after an opt-in confirms it"
    )
    welcome_text: Mapped[str] = mapped_column(
        Text, default="", server_default=text("''"), doc="empty: the default of core/confirmations, by language"
    )
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    live_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    preference_form_id: Mapped[int | None] = mapped_column(
        ForeignKey("optin_forms.id"), doc="the form by which people opt in on their preference page; null: they cannot"
    )

    translations: Mapped[list["SubscriptionTypeTranslation"]] = relationship(
        cascade="all, delete-orphan", order_by="SubscriptionTypeTranslation.locale", lazy="selectin"
    )


class SubscriptionTypeTranslation(Base):
    __tablename__ = "subscription_type_translations"

    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), primary_key=True)
    locale: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
