"""Agents: the people who work with Assent, and their sessions."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, one_of


class Role(StrEnum):
    """What each may do is in ``core/accounts/rights.py``."""

    ADMIN = "admin"
    MARKETER = "marketer"
    AGENT = "agent"


class MailedAbout(StrEnum):
    """Which conversations that wait for an answer an agent is mailed about. ``mine``: those assigned to the agent."""

    OFF = "off"
    MINE = "mine"
    MINE_OR_UNASSIGNED = "mine_or_unassigned"
    ALL = "all"


class Agent(Base):
    """One person who signs in. The columns from ``active`` to ``mf_recovery_codes`` are named by Flask-Security.

    ``locale`` is the language that the agent chose for staff pages; null: that of the browser. ``unassigned_change`` is
    the ``change_number`` of the conversations that were unassigned when the account was disabled.
    """

    __tablename__ = "agents"
    __table_args__ = (
        one_of("role", Role),
        one_of("mailed_about", MailedAbout),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    locale: Mapped[str | None] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    active: Mapped[bool] = mapped_column(default=True)
    password: Mapped[str | None] = mapped_column(Text)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    mf_recovery_codes: Mapped[list[Any] | None] = mapped_column(JSON)
    invited_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    mailed_about: Mapped[str] = mapped_column(String(24), default=MailedAbout.MINE)
    mailed_after_minutes: Mapped[int] = mapped_column(default=15)
    unassigned_change: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class AgentSession(Base):
    """One sign-in in one browser. Its cookie holds a token, of which only the SHA-256 is stored.

    ``last_used_at`` and ``ip_address`` are those of the last use, exact to five minutes.
    """

    __tablename__ = "agent_sessions"
    # An id is never used again: a page that was opened earlier must not end a later session.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ip_address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(index=True)
    last_used_at: Mapped[datetime]
