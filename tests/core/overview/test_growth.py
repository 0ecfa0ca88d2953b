"""Growth has a bar for each day up to today, and for each week of a year."""

from datetime import date, timedelta

import pytest

from app.core.overview import growth
from app.core.subscriptions import daily_counts
from app.core.subscriptions.daily_counts import DayCount
from app.db import Database
from tests import make

TODAY = make.NOON.date()


@pytest.mark.parametrize("length", growth.RANGES)
def test_bars_follow_each_other_from_the_first_day_to_today(length: int) -> None:
    first = TODAY - timedelta(days=length - 1)
    spans = growth._spans(first, length)
    covered = [start + timedelta(days=day) for start, end in spans for day in range((end - start).days + 1)]
    assert covered == [first + timedelta(days=day) for day in range(length)]
    assert len(spans) == (53 if length == 365 else length)


@pytest.mark.parametrize("length", [7, 365])
def test_growth_sums_the_days_of_its_range(length: int, database: Database) -> None:
    with database.unit_of_work() as session:
        offers, news = make.live_type(session), make.live_type(session, name="News")
        daily_counts.add_many(session, {(offers.id, TODAY): DayCount(3, 1)})
        daily_counts.add_many(session, {(offers.id, TODAY): DayCount(1, 0)})
        daily_counts.add_many(
            session, {(offers.id, day): DayCount(2, 4) for day in (before(6), before(7), before(364))}
        )
        daily_counts.add_many(session, {(offers.id, before(365)): DayCount(100, 100)})
        found = growth.of_types(session, [offers.id, news.id], length, at=make.NOON)
    expected = {7: (6, 5), 365: (10, 13)}[length]
    assert (found[offers.id].opted_in, found[offers.id].opted_out) == expected
    assert found[offers.id].net == expected[0] - expected[1]
    assert found[offers.id].bars[-1].opted_in == (4 if length == 7 else 6)
    assert (found[news.id].opted_in, found[news.id].opted_out) == (0, 0)


def before(days: int) -> date:
    return TODAY - timedelta(days=days)
