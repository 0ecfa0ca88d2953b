"""Small records beside the nouns: rate counters, audit entries, API tokens, answers kept for repeated calls."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.ledger import BIG_KEY


class RateCounter(Base):
    """How often one thing happened in one window. ``bucket`` is hashed: no address or number stands here."""

    __tablename__ = "rate_counters"

    bucket: Mapped[str] = mapped_column(String(48), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True, doc="start of the window, Unix seconds")
    count: Mapped[int]
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True, doc="Unix seconds")


class AuditEntry(Base):
    """Who changed what in the configuration."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject_id", "subject", "id"),)

    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ApiToken(Base):
    """Only the SHA-256 of a token is kept; it was shown once. ``last_used_at`` is right to a minute."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_by: Mapped[str] = mapped_column(String(64), default="command line", server_default="command line")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """What a call with an ``Idempotency-Key`` was answered, so that the same call again does nothing again.

    Written in the transaction of what the call did. ``fingerprint`` tells the call: method, path and body, hashed.
    """

    __tablename__ = "idempotency_keys"

    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(index=True)
