"""Responses kept for repeated API requests."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class IdempotencyKey(Base):
    """The response to a request with an ``Idempotency-Key``. The same request again gets it and changes nothing.

    Written in the transaction of the request's change. ``fingerprint`` is a hash of method, path and body.
    ``subjects`` has the ids of the contacts, and the ordering keys of the numbers, that the request was about, each
    between two spaces: their erasure empties the response.
    """

    __tablename__ = "idempotency_keys"

    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text, default="")
    subjects: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(index=True)
