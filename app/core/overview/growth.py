"""Opt-ins and opt-outs of each live type over the last days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from app.core.subscriptions import daily_counts
from app.core.subscriptions.daily_counts import DayCount
from app.core.workspace import days

RANGES = (7, 30, 90, 365)
# From so many days on, a chart has a bar for a week instead of a day.
_WEEKS_FROM = 365


@dataclass(frozen=True)
class Bar:
    """The opt-ins and opt-outs of a day, or of the days from ``first`` to ``last``."""

    first: date
    last: date
    opted_in: int
    opted_out: int


@dataclass(frozen=True)
class Growth:
    """One type's changes in a range, the oldest first; the last bar is that of today.

    Recorded changes are counted: a person who opts in, out and in again counts three times. Claims change nothing and
    do not count.
    """

    bars: Sequence[Bar]

    @property
    def opted_in(self) -> int:
        return sum(bar.opted_in for bar in self.bars)

    @property
    def opted_out(self) -> int:
        return sum(bar.opted_out for bar in self.bars)

    @property
    def net(self) -> int:
        return self.opted_in - self.opted_out


def first_day(session: Session, length: int, *, at: datetime) -> date:
    """The first day of a range that ends today, in the zone of the workspace."""
    return days.zone(session).day(at) - timedelta(days=length - 1)


def of_types(session: Session, type_ids: Sequence[int], length: int, *, at: datetime) -> dict[int, Growth]:
    """The growth of each of these types, by type id.

    :param length: the number of days, today included
    """
    first = first_day(session, length, at=at)
    counts = daily_counts.since(session, first)
    spans = _spans(first, length)
    return {
        type_id: Growth([_bar(counts.get(type_id, {}), first_of, last_of) for first_of, last_of in spans])
        for type_id in type_ids
    }


def _spans(first: date, length: int) -> list[tuple[date, date]]:
    """The days of each bar. Weeks end with the last day; the oldest may be shorter."""
    size = 7 if length >= _WEEKS_FROM else 1
    last = first + timedelta(days=length - 1)
    ends = [last - timedelta(days=back) for back in range(0, length, size)]
    return [(max(first, end - timedelta(days=size - 1)), end) for end in reversed(ends)]


def _bar(counts: Mapping[date, DayCount], first: date, last: date) -> Bar:
    found = [counts.get(first + timedelta(days=day), DayCount()) for day in range((last - first).days + 1)]
    return Bar(first, last, sum(each.opted_in for each in found), sum(each.opted_out for each in found))
