"""Small records beside the nouns: rate counters, audit entries, API tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text
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
    """Only the SHA-256 of a token is kept; it was shown once."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
