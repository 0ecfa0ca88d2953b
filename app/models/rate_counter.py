"""Counters of rate limits."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class RateCounter(Base):
    """How often one thing happened in one time window. ``bucket`` is hashed, so it holds no IP address or number.

    The shards of a bucket are added up: transactions that count in different shards do not wait for each other.
    """

    __tablename__ = "rate_counters"

    bucket: Mapped[str] = mapped_column(String(48), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True, doc="start of the window, Unix seconds")
    shard: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True, doc="Unix seconds")
