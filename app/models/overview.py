"""What the overview shows: counts that the worker maintains, and when a worker was last seen."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class SubscriptionDailyCount(Base):
    """How many opt-ins and opt-outs of one type were recorded on one day of the workspace's time zone.

    Only the routing of the outbox writes it, one batch at a time, so it needs no shards.
    """

    __tablename__ = "subscription_daily_counts"

    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    opted_in: Mapped[int] = mapped_column(default=0)
    opted_out: Mapped[int] = mapped_column(default=0)


class SubscriptionReach(Base):
    """How many contacts of one type can be reached, and the others by their first reason, at ``counted_at``.

    ``claimed_at`` is when a worker last began to count; ``counted_at`` is null until the first count is done.
    """

    __tablename__ = "subscription_reach"

    subscription_type_id: Mapped[int] = mapped_column(ForeignKey("subscription_types.id"), primary_key=True)
    opted_in: Mapped[int] = mapped_column(default=0)
    opted_out: Mapped[int] = mapped_column(default=0)
    reachable: Mapped[int] = mapped_column(default=0)
    reasons: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    claimed_at: Mapped[datetime]
    counted_at: Mapped[datetime | None]


class Worker(Base):
    """One process of the worker. ``seen_at`` is at most half a minute old while it runs."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
