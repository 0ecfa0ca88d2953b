"""Tokens of the messenger's anonymous visitors."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class MessengerToken(Base):
    """Identifies a browser as a lead that wrote before. Only the SHA-256 of the token is stored.

    Users need none: their page sends a signed identity each time.
    """

    __tablename__ = "messenger_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
