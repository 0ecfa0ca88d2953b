"""Outbound chats: one chat message to many contacts, which each gets at the next visit."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class OutboundChatState(StrEnum):
    """``expanding``: recipients are being written; ``active``: recipients get it at their next visit."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    EXPANDING = "expanding"
    ACTIVE = "active"
    STOPPED = "stopped"
    ENDED = "ended"


class ChatOutcome(StrEnum):
    """``waiting``: for the next visit; ``stopped``: the chat ended before it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    SKIPPED = "skipped"
    STOPPED = "stopped"


_RUNNING = text("state IN ('scheduled', 'expanding', 'active')")
_WAITING = text("outcome = 'waiting'")


class OutboundChat(Base):
    """One message, with a form or without, to the contacts of ``query`` (null: all).

    ``query`` is the filter as JSON, a saved segment as a filter that names it. ``excluded``: how many contacts of the
    audience cannot get it, by their first reason. ``position``: where the expansion goes on. It ends at ``ends_at``
    (null: when everyone got it, or it is stopped). ``edited_by``: who changed or stopped it last. ``stop_reason``:
    ``agent``, or why it could not go on. ``is_withdrawing``: its forms without an answer are being withdrawn.
    """

    __tablename__ = "outbound_chats"
    __table_args__ = (
        one_of("state", OutboundChatState),
        Index("ix_outbound_chats_running", "state", "send_at", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)
    form_id: Mapped[int | None] = mapped_column(ForeignKey("optin_forms.id"))
    query: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    state: Mapped[str] = mapped_column(String(12), default=OutboundChatState.DRAFT)
    send_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    eligible: Mapped[int] = mapped_column(default=0)
    excluded: Mapped[dict[str, Any]] = mapped_column(default=dict)
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    claimed_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    edited_by: Mapped[str | None] = mapped_column(String(64))
    stop_reason: Mapped[str | None] = mapped_column(String(32))
    is_withdrawing: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class OutboundChatRecipient(Base):
    """One contact of an outbound chat, and the message that it got."""

    __tablename__ = "outbound_chat_recipients"
    __table_args__ = (
        one_of("outcome", ChatOutcome),
        Index("ix_outbound_chat_recipients_outcome", "outbound_chat_id", "outcome", "reason", "contact_id"),
        Index("ix_outbound_chat_recipients_contact_id", "contact_id"),
        Index("ix_outbound_chat_recipients_waiting", "contact_id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_outbound_chat_recipients_inserted_form_id", "inserted_form_id"),
    )

    outbound_chat_id: Mapped[int] = mapped_column(ForeignKey("outbound_chats.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(32))
    conversation_id: Mapped[int | None] = mapped_column(BIG_KEY)
    message_number: Mapped[int | None]
    inserted_form_id: Mapped[int | None] = mapped_column(BIG_KEY, ForeignKey("inserted_forms.id"))
    changed_at: Mapped[datetime]
