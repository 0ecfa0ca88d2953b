"""Texts in and out, consents that are pushed to gateways, and what STOP took away."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Purpose(StrEnum):
    """What a text is for. The gate decides by it: marketing needs an opt-in, the others have their own rule.

    ``campaign``, ``message`` (one text of a subscription type by the API) and ``test`` are marketing; ``welcome`` is
    the first text after an opt-in; ``reply`` is an agent's answer in a conversation; ``code`` and ``confirm`` ask the
    holder of a number to confirm an opt-in; ``stopped``, ``started``, ``scope`` and ``help`` answer keywords.
    """

    CAMPAIGN = "campaign"
    MESSAGE = "message"
    TEST = "test"
    WELCOME = "welcome"
    REPLY = "reply"
    CODE = "code"
    CONFIRM = "confirm"
    STOPPED = "stopped"
    STARTED = "started"
    SCOPE = "scope"
    HELP = "help"


class SmsState(StrEnum):
    """``sending``: a worker has it. ``unknown``: it may have been sent; it is never sent again by itself.

    ``skipped``: the gate refused it, or it was too late; ``canceled``: its campaign was. ``received`` is inbound.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELED = "canceled"
    RECEIVED = "received"


_DUE = text("state = 'queued' AND priority < 2")
_DUE_OF_CAMPAIGN = text("state = 'queued' AND priority >= 2")
_SENDING = text("state = 'sending'")
_UNKNOWN = text("state = 'unknown'")
_OF_CAMPAIGN = text("campaign_id IS NOT NULL")
_IN_CONVERSATION = text("conversation_id IS NOT NULL")
_AT_GATEWAY = text("gateway_id IS NOT NULL")


class SmsMessage(Base):
    """One text. An outbound one is a row before it is sent.

    ``body`` is null until a text of a campaign is claimed, and after an erasure; so is ``phone`` after an erasure.
    ``due_at``: not before; ``expires_at``: never after. ``reason``: why it was skipped or deferred, a name of
    interface reasons; ``error_code``: the gateway's. ``gateway_id`` is the gateway's id of it. ``keyword``: what an
    inbound text was read as (``stop``, ``start``, ``help``, ``yes``, ``only``,
    ``review``, ``wrong_number``, ``machine``; null: conversation).
    ``details``: media links of an inbound text, and the like. ``claimed_by`` is the worker that sends it.
    """

    __tablename__ = "sms_messages"
    __table_args__ = (
        one_of("direction", Direction),
        one_of("purpose", Purpose),
        one_of("state", SmsState),
        CheckConstraint("segments >= 0 AND attempts >= 0", name="counts"),
        # For the worker: what is due, the most urgent first. Those of campaigns have their own index, so that the
        # texts of a paused campaign are not in the way of others.
        Index("ix_sms_messages_due", "priority", "due_at", "id", sqlite_where=_DUE, postgresql_where=_DUE),
        Index(
            "ix_sms_messages_campaign_due",
            "campaign_id",
            "due_at",
            "id",
            sqlite_where=_DUE_OF_CAMPAIGN,
            postgresql_where=_DUE_OF_CAMPAIGN,
        ),
        Index("ix_sms_messages_unknown", "id", sqlite_where=_UNKNOWN, postgresql_where=_UNKNOWN),
        Index("ix_sms_messages_sending", "claimed_at", sqlite_where=_SENDING, postgresql_where=_SENDING),
        # One text of a campaign to a number, though several contacts have it.
        Index(
            "ix_sms_messages_campaign_id_phone_hash",
            "campaign_id",
            "phone_hash",
            unique=True,
            sqlite_where=_OF_CAMPAIGN,
            postgresql_where=_OF_CAMPAIGN,
        ),
        Index(
            "ix_sms_messages_gateway_id",
            "gateway",
            "direction",
            "gateway_id",
            unique=True,
            sqlite_where=_AT_GATEWAY,
            postgresql_where=_AT_GATEWAY,
        ),
        Index(
            "ix_sms_messages_conversation_id",
            "conversation_id",
            "message_number",
            sqlite_where=_IN_CONVERSATION,
            postgresql_where=_IN_CONVERSATION,
        ),
        Index("ix_sms_messages_phone_hash_created_at", "phone_hash", "created_at"),
        Index("ix_sms_messages_contact_id_id", "contact_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    direction: Mapped[str] = mapped_column(String(8))
    purpose: Mapped[str | None] = mapped_column(String(12), doc="null: inbound")
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(32))
    error_code: Mapped[str | None] = mapped_column(String(64))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    subscription_type_id: Mapped[int | None] = mapped_column(ForeignKey("subscription_types.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    conversation_id: Mapped[int | None] = mapped_column(BIG_KEY, ForeignKey("conversations.id"))
    message_number: Mapped[int | None] = mapped_column(doc="of its message in the conversation")
    phone: Mapped[str | None] = mapped_column(String(16))
    phone_hash: Mapped[str] = mapped_column(String(32))
    phone_country: Mapped[str | None] = mapped_column(String(2))
    sender: Mapped[str | None] = mapped_column(String(64), doc="our number, short code or name")
    body: Mapped[str | None] = mapped_column(Text)
    encoding: Mapped[str | None] = mapped_column(String(8), doc="gsm7 or ucs2")
    segments: Mapped[int] = mapped_column(default=0)
    keyword: Mapped[str | None] = mapped_column(String(12))
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    gateway: Mapped[str | None] = mapped_column(String(16))
    gateway_id: Mapped[str | None] = mapped_column(String(64))
    priority: Mapped[int] = mapped_column(default=1, doc="0: answers to keywords and codes; 1: single; 2: campaigns")
    due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class StoppedConsent(Base):
    """One consent that a STOP took away, so that START gives back only that. ``sms_message_id`` is the STOP."""

    __tablename__ = "stopped_consents"
    __table_args__ = (
        Index("ix_stopped_consents_phone_hash", "phone_hash"),
        Index("ix_stopped_consents_contact_id", "contact_id"),
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    sms_message_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("sms_messages.id"))
    phone_hash: Mapped[str] = mapped_column(String(32))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"))
    event_id: Mapped[int] = mapped_column(BIG_KEY, doc="the opt-out that the STOP wrote")
    state_before: Mapped[str] = mapped_column(String(16))
    stopped_at: Mapped[datetime]
    restored_at: Mapped[datetime | None]


class ShortLink(Base):
    """An address that campaigns of our own domain lead to. Clicks are counted, not who clicked."""

    __tablename__ = "short_links"
    __table_args__ = (Index("ix_short_links_campaign_id", "campaign_id"),)

    token: Mapped[str] = mapped_column(String(16), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    clicks: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


_UNPUSHED = text("pushed_at IS NULL AND failed_at IS NULL")


class ConsentPush(Base):
    """What the gateway's carrier knows, or has to be sent, about one number.

    ``phone`` is kept until it was pushed. ``priority``: 0 and 1 for an opt-out and an opt-in of one person, 2 and 3 for
    those of bulk changes. ``source``: how the person said it. ``failed_at``: the carrier refused it permanently.
    """

    __tablename__ = "consent_pushes"
    __table_args__ = (
        CheckConstraint("status IN ('opted_in', 'opted_out')", name="status"),
        Index(
            "ix_consent_pushes_due",
            "priority",
            "due_at",
            sqlite_where=_UNPUSHED,
            postgresql_where=_UNPUSHED,
        ),
    )

    phone_hash: Mapped[str] = mapped_column(String(32), primary_key=True)
    phone: Mapped[str | None] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(24))
    said_at: Mapped[datetime]
    priority: Mapped[int]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(255))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    pushed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]


class SmsDailyCount(Base):
    """Texts by day, country and purpose, for spend limits and the page of sender health. No person is in it."""

    __tablename__ = "sms_daily_counts"

    day: Mapped[date] = mapped_column(primary_key=True, doc="of the workspace's time zone")
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(12), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(32), primary_key=True, doc="a state, or an error code of the gateway")
    messages: Mapped[int] = mapped_column(default=0)
    segments: Mapped[int] = mapped_column(default=0)
