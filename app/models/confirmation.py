"""Opt-ins that wait for the holder of the number to confirm them (double opt-in)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base, one_of


class VerifyNumber(StrEnum):
    """How a form asks to confirm: not at all, by a code, by a reply (YES), or by a text that the person sends first."""

    OFF = "off"
    CODE = "code"
    REPLY = "reply"
    SMS_LINK = "sms_link"


class ConfirmationState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELED = "canceled"


_PENDING = text("state = 'pending'")


class Confirmation(Base):
    """One opt-in that waits to be confirmed. Until then there is no consent.

    ``code_hash`` is keyed; ``nonce`` is in the text that the person sends (``sms_link``). ``evidence`` is what the form
    proved (``core/confirmations/stored_evidence.py``). It is cleared, with the number, the hash and the nonce, when the
    confirmation ends or the person is erased. ``spent_micros``: the estimated price of its texts, in millionths of the
    workspace's currency. ``event_id``: the opt-in that it became; null
    where the person was opted in before.
    """

    __tablename__ = "confirmations"
    __table_args__ = (
        one_of("method", VerifyNumber),
        one_of("state", ConfirmationState),
        Index("ix_confirmations_pending", "phone_hash", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index(
            "ix_confirmations_contact_pending",
            "contact_id",
            "subscription_type_id",
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index("ix_confirmations_inserted_form_id", "inserted_form_id"),
        Index("ix_confirmations_contact_id", "contact_id"),
        Index("ix_confirmations_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True, doc="in the address of the page that asks for the code")
    method: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(12), default=ConfirmationState.PENDING)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"))
    inserted_form_id: Mapped[int | None] = mapped_column(BIG_KEY, ForeignKey("inserted_forms.id"))
    phone: Mapped[str | None] = mapped_column(String(16))
    phone_hash: Mapped[str] = mapped_column(String(32))
    phone_country: Mapped[str | None] = mapped_column(String(2))
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    nonce: Mapped[str | None] = mapped_column(String(16), unique=True)
    tries_left: Mapped[int] = mapped_column(default=5)
    sends: Mapped[int] = mapped_column(default=0)
    next_send_at: Mapped[datetime | None]
    spent_micros: Mapped[int] = mapped_column(BIG_KEY, default=0)
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    locale: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    event_id: Mapped[int | None] = mapped_column(BIG_KEY)
