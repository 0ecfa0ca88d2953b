"""How often websites sent something that was refused, by reason and day, without any value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from app.core.site.samples import Reason
from app.db import insert_into
from app.models import SiteCount, SiteCountKind

KEEP_DAYS, WEEK_DAYS = 30, 7
_REASON_MAX = 64


@dataclass(frozen=True)
class ReasonCount:
    """How often in the last 7 and the last 30 days (UTC), today included."""

    reason: str
    week: int
    month: int


def add(session: Session, counted: Mapping[Reason, int], *, at: datetime) -> None:
    """Add to the counts of the day."""
    if not counted:
        return
    statement = insert_into(session, SiteCount)
    rows = [
        {"day": at.date(), "kind": kind, "reason": reason[:_REASON_MAX], "count": count}
        for (kind, reason), count in sorted(counted.items())
    ]
    key = [SiteCount.day, SiteCount.kind, SiteCount.reason]
    changes = {"count": SiteCount.count + statement.excluded["count"]}
    session.connection().execute(statement.on_conflict_do_update(index_elements=key, set_=changes), rows)


def recent(session: Session, kind: SiteCountKind, *, at: datetime) -> list[ReasonCount]:
    """The counts of the last 30 days, the most frequent of the last week first."""
    of_week = case((SiteCount.day > at.date() - timedelta(days=WEEK_DAYS), SiteCount.count), else_=0)
    week, month = func.sum(of_week), func.sum(SiteCount.count)
    is_recent = (SiteCount.kind == kind, SiteCount.day > at.date() - timedelta(days=KEEP_DAYS))
    found = select(SiteCount.reason, week, month).where(*is_recent).group_by(SiteCount.reason)
    rows = session.execute(found.order_by(week.desc(), month.desc(), SiteCount.reason))
    return [ReasonCount(reason, int(in_week), int(in_month)) for reason, in_week, in_month in rows]


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete the counts of days that no page shows any more; returns how many."""
    old = select(SiteCount.day).where(SiteCount.day <= at.date() - timedelta(days=KEEP_DAYS)).limit(1)
    day = session.scalar(old)
    if day is None:
        return 0
    found = delete(SiteCount).where(SiteCount.day == day).returning(SiteCount.reason)
    return len(session.execute(found).all())
