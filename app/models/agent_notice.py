"""What agents were mailed about."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BIG_KEY, Base


class AgentNotice(Base):
    """A mail to an agent about a conversation that waits since the message with this number.

    The row is written before the mail is sent. Without ``sent_at`` it is unknown whether the mail was sent.
    """

    __tablename__ = "agent_notices"
    __table_args__ = (Index("ix_agent_notices_claimed_at", "claimed_at"),)

    conversation_id: Mapped[int] = mapped_column(BIG_KEY, ForeignKey("conversations.id"), primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    claimed_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
