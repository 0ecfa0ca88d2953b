"""How often something may happen, counted in the database, so that it holds over all processes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, cast

from sqlalchemy import Insert, Table, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db import dialect_of, run
from app.models import RateCounter


def hit(session: Session, limits: Mapping[str, int], *, window_s: int, at: datetime) -> int | None:
    """Count one occurrence in each bucket; null while all limits hold, else the seconds until the window ends.

    The counting stands only if the caller commits, so a refusal is a value here, not an error.

    :param limits: bucket (see ``signing.Keys.bucket``) to how often it may happen in one window
    """
    now_s = int(at.timestamp())
    window = now_s - now_s % window_s
    rows = [
        {"bucket": bucket, "window": window, "count": 1, "expires_at": window + 2 * window_s}
        for bucket in sorted(limits)
    ]
    counts = run(session, _counting(dialect_of(session)), rows).all()
    is_over = any(row.count_ > limits[row.bucket] for row in counts)
    return window + window_s - now_s if is_over else None


def give_back(session: Session, buckets: Iterable[str], *, window_s: int, at: datetime) -> None:
    """Take one occurrence of the present window back from each bucket: what was counted turned out to be welcome."""
    now_s = int(at.timestamp())
    counted = update(RateCounter).where(
        RateCounter.bucket.in_(sorted(buckets)), RateCounter.window == now_s - now_s % window_s, RateCounter.count > 0
    )
    session.execute(counted.values(count=RateCounter.count - 1))


def address_bucket(address: str) -> str:
    """What counts as one address: an IPv6 network of 64 bits is one household."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def forget_expired(session: Session, *, at: datetime) -> int:
    """Delete counters whose window is long over; how many comes back."""
    result = session.execute(delete(RateCounter).where(RateCounter.expires_at < int(at.timestamp())))
    return int(cast(Any, result).rowcount)


@lru_cache
def _counting(dialect: str) -> Insert:
    table = cast(Table, RateCounter.__table__)
    statement = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)
    counting = statement.on_conflict_do_update(
        index_elements=[table.c.bucket, table.c.window], set_={"count": table.c.count + 1}
    )
    return cast(Insert, counting.returning(table.c.bucket, table.c.count.label("count_")))
