"""Campaigns: one outbound SMS to a subscription type, and its recipients."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class CampaignState(StrEnum):
    """``expanding``: recipients are being written; ``sent``: every recipient has an outcome."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    EXPANDING = "expanding"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELED = "canceled"


class Outcome(StrEnum):
    """What became of one recipient. ``deferred``: waits for the end of quiet hours or of a frequency cap."""

    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELED = "canceled"


class OptOutText(StrEnum):
    """What is appended to each text: the link to the preference center, or how to reply STOP, or both."""

    LINK = "link"
    REPLY = "reply"
    BOTH = "both"


_ACTIVE = text("state IN ('scheduled', 'expanding', 'sending') OR settled_to IS NOT NULL")


class Campaign(Base):
    """One campaign. Audience: the contacts of ``query`` (null: all), limited to the people that the type may reach.

    ``query`` is the filter as JSON, a saved segment as a filter that names it. ``excluded``: how many of the audience
    were not eligible when it was expanded, by their first reason. ``position``: where the expansion goes on.
    ``pause_reason``: why it was paused (``agent``, ``approval``, ``gateway``, ``spend``, ``stopped``).
    ``price_ceiling_micros`` and ``spent_micros`` are in millionths of the workspace's currency. ``edited_by``: who
    changed it last. ``settled_to``: after a pause, a resume or a cancel, up to which contact its queued texts follow
    the state already; null: all do.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        one_of("state", CampaignState),
        one_of("opt_out_text", OptOutText),
        CheckConstraint("total >= 0 AND eligible >= 0", name="counts"),
        Index("ix_campaigns_active", "state", "send_at", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_campaigns_created_at_id", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"))
    body: Mapped[str] = mapped_column(Text)
    opt_out_text: Mapped[str] = mapped_column(String(8), default=OptOutText.LINK)
    query: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    state: Mapped[str] = mapped_column(String(12), default=CampaignState.DRAFT)
    pause_reason: Mapped[str | None] = mapped_column(String(32))
    state_before_pause: Mapped[str | None] = mapped_column(String(12))
    send_at: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    eligible: Mapped[int] = mapped_column(default=0)
    excluded: Mapped[dict[str, Any]] = mapped_column(default=dict)
    price_ceiling_micros: Mapped[int | None] = mapped_column(BIG_KEY)
    spent_micros: Mapped[int] = mapped_column(BIG_KEY, default=0)
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    claimed_at: Mapped[datetime | None]
    settled_to: Mapped[int | None]
    revision: Mapped[int] = mapped_column(default=1)
    edited_by: Mapped[str | None] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class CampaignRecipient(Base):
    """One contact of a campaign, with its outcome.

    ``duplicate_number``: another contact with the number gets the text. ``rule``: the rule of quiet hours that
    deferred it.
    """

    __tablename__ = "campaign_recipients"
    __table_args__ = (
        one_of("outcome", Outcome),
        Index("ix_campaign_recipients_outcome", "campaign_id", "outcome", "reason", "contact_id"),
        Index("ix_campaign_recipients_contact_id", "contact_id"),
        Index("ix_campaign_recipients_sms_message_id", "sms_message_id"),
    )

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(32))
    sms_message_id: Mapped[int | None] = mapped_column(BIG_KEY, ForeignKey("sms_messages.id"))
    due_at: Mapped[datetime | None]
    rule: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime]
