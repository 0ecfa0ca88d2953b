from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.core import rate_limits
from app.db import Database
from app.models import RateCounter
from tests import make


def test_a_limit_applies_until_its_window_ends(database: Database) -> None:
    with database.unit_of_work() as session:
        results = [rate_limits.hit(session, {"a": 2, "b": 100}, window_s=60, at=make.NOON) for _ in range(3)]
        assert results == [None, None, 60]
        assert rate_limits.hit(session, {"b": 100}, window_s=60, at=make.NOON) is None
        later = make.NOON + timedelta(seconds=60)
        assert rate_limits.hit(session, {"a": 2}, window_s=60, at=later) is None


def test_the_shards_of_a_high_limit_are_added_up(database: Database) -> None:
    with database.unit_of_work() as session:
        hits = [rate_limits.hit(session, {"a": rate_limits.SPLIT_FROM}, window_s=60, at=make.NOON) for _ in range(201)]
        assert (hits[:-1], hits[-1]) == ([None] * 200, 60)
        rows = list(session.scalars(select(RateCounter.count).order_by(RateCounter.shard)))
        assert rows == [201] if database.is_sqlite else (len(rows) > 1 and sum(rows) == 201)


def test_expired_counters_are_deleted(database: Database) -> None:
    with database.unit_of_work() as session:
        rate_limits.hit(session, {"a": 2}, window_s=60, at=make.NOON)
        assert rate_limits.purge_expired(session, at=make.NOON + timedelta(seconds=90)) == 0
        assert rate_limits.purge_expired(session, at=make.NOON + timedelta(seconds=121)) == 1
        assert session.scalar(select(func.count()).select_from(RateCounter)) == 0


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unix:", "unix:"),
    ],
)
def test_addresses_of_one_household_share_a_bucket(address: str, bucket: str) -> None:
    assert rate_limits.address_bucket(address) == bucket
