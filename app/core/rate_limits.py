"""Rate limits, counted in the database, so that they apply to all processes together."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, cast

from sqlalchemy import Executable, Table, delete, update
from sqlalchemy.orm import Session

from app.db import CompiledStatement, insert_rows_statement
from app.models import RateCounter


def hit(session: Session, limits: Mapping[str, int], *, window_s: int, at: datetime) -> int | None:
    """Count one hit in each bucket. Returns null within all limits, else the seconds until the window ends.

    An exceeded limit is not an error, because the caller must commit the count.

    :param limits: bucket (see ``signing.Keys.bucket``) to the allowed number of hits in one window
    """
    now_s = int(at.timestamp())
    window = now_s - now_s % window_s
    values: dict[str, Any] = {}
    for row, bucket in enumerate(sorted(limits)):
        values |= {f"bucket__{row}": bucket, f"window__{row}": window, f"count__{row}": 1}
        values[f"expires_at__{row}"] = window + 2 * window_s
    counts = _upsert(len(limits)).all(session, **values)
    is_over = any(count > limits[bucket] for bucket, count in counts)
    return window + window_s - now_s if is_over else None


def undo_hit(session: Session, buckets: Iterable[str], *, window_s: int, at: datetime) -> None:
    """Undo one hit of the current window in each bucket, because the attempt succeeded."""
    now_s = int(at.timestamp())
    counted = update(RateCounter).where(
        RateCounter.bucket.in_(sorted(buckets)), RateCounter.window == now_s - now_s % window_s, RateCounter.count > 0
    )
    session.execute(counted.values(count=RateCounter.count - 1))


def address_bucket(address: str) -> str:
    """The part of an IP address that is counted: of IPv6 the network of 64 bits, which is one household."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)


def purge_expired(session: Session, *, at: datetime) -> int:
    """Delete counters whose window and the one after it are over; returns how many."""
    result = session.execute(delete(RateCounter).where(RateCounter.expires_at < int(at.timestamp())))
    return int(cast(Any, result).rowcount)


@lru_cache
def _upsert(buckets: int) -> CompiledStatement:
    """One statement for all buckets. All callers lock rows in the same order, so that no deadlock is possible."""
    table = cast(Table, RateCounter.__table__)

    def statement(dialect: str) -> Executable:
        inserted = insert_rows_statement(dialect, RateCounter, ("bucket", "window", "count", "expires_at"), buckets)
        counted = inserted.on_conflict_do_update(
            index_elements=[table.c.bucket, table.c.window], set_={"count": table.c.count + 1}
        )
        return counted.returning(table.c.bucket, table.c.count)

    return CompiledStatement(statement)
