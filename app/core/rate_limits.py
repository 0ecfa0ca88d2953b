"""Rate limits, counted in the database, so that they apply to all processes together."""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, cast

from sqlalchemy import ColumnElement, Executable, Table, delete, func, literal_column, select, update
from sqlalchemy.orm import Session

from app.db import CompiledStatement, dialect_of, insert_or_ignore, insert_rows_statement
from app.models import RateCounter

# A counter with at least this limit is split on PostgreSQL. Otherwise all answers from one address (a carrier's
# gateway, a kiosk) would wait for its row until the transaction before them has ended.
SPLIT_FROM = 200
SHARDS = 8


def hit(session: Session, limits: Mapping[str, int], *, window_s: int, at: datetime) -> int | None:
    """Count one hit in each bucket. Returns null within all limits, else the seconds until the window ends.

    An exceeded limit is not an error, because the caller must commit the count. Hits of a split counter that other
    transactions have not committed yet do not count, so a high limit may be exceeded by a few.

    :param limits: bucket (see ``signing.Keys.bucket``) to the allowed number of hits in one window
    """
    now_s = int(at.timestamp())
    window = now_s - now_s % window_s
    values: dict[str, Any] = {}
    may_split = dialect_of(session) == "postgresql"
    for row, bucket in enumerate(sorted(limits)):
        shard = random.randrange(SHARDS) if may_split and limits[bucket] >= SPLIT_FROM else 0  # noqa: S311
        values |= {f"bucket__{row}": bucket, f"window__{row}": window, f"shard__{row}": shard, f"count__{row}": 1}
        values[f"expires_at__{row}"] = window + 2 * window_s
    counts = _upsert(len(limits)).all(session, **values)
    is_over = any(count > limits[bucket] for bucket, count in counts)
    return window + window_s - now_s if is_over else None


def undo_hit(session: Session, buckets: Iterable[str], *, window_s: int, at: datetime) -> None:
    """Undo one hit of the current window in each bucket, because the attempt succeeded.

    Only for counters with a limit below ``SPLIT_FROM``.
    """
    now_s = int(at.timestamp())
    counted = update(RateCounter).where(
        RateCounter.bucket.in_(sorted(buckets)), RateCounter.window == now_s - now_s % window_s, RateCounter.count > 0
    )
    session.execute(counted.values(count=RateCounter.count - 1))


def count(session: Session, bucket: str, *, window_s: int, at: datetime) -> int:
    """The hits of a bucket in the current window."""
    now_s = int(at.timestamp())
    of_window = (RateCounter.bucket == bucket, RateCounter.window == now_s - now_s % window_s)
    return session.scalar(select(func.sum(RateCounter.count)).where(*of_window)) or 0


def note(session: Session, bucket: str, *, keep_s: int, at: datetime) -> None:
    """Keep this time for a while. Its seconds are the window of a counter, and its microseconds the count."""
    now_s = int(at.timestamp())
    row = {"bucket": bucket, "window": now_s, "shard": 0, "count": at.microsecond, "expires_at": now_s + keep_s}
    insert_or_ignore(session, RateCounter, row)


def noted(session: Session, bucket: str) -> list[datetime]:
    """The times that were noted, in their order."""
    query = select(RateCounter.window, RateCounter.count).where(RateCounter.bucket == bucket)
    rows = session.execute(query.order_by(RateCounter.window)).all()
    return [datetime.fromtimestamp(row[0], UTC).replace(microsecond=row[1]) for row in rows]


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
    table = RateCounter.__table__

    def statement(dialect: str) -> Executable:
        columns = ("bucket", "window", "shard", "count", "expires_at")
        inserted = insert_rows_statement(dialect, RateCounter, columns, buckets)
        counted = inserted.on_conflict_do_update(
            index_elements=[table.c.bucket, table.c.window, table.c.shard], set_={"count": table.c.count + 1}
        )
        total = table.c.count + _in_other_shards(table) if dialect == "postgresql" else table.c.count
        return counted.returning(table.c.bucket, total)

    return CompiledStatement(statement)


def _in_other_shards(table: Table) -> ColumnElement[int]:
    other = table.alias("other")
    # SQLAlchemy does not correlate a subquery of RETURNING, so the columns of the row are named by their text.
    bucket, window, shard = (
        literal_column(f'{table.name}."{name}"', table.c[name].type) for name in ("bucket", "window", "shard")
    )
    of_same = select(func.sum(other.c.count)).where(
        other.c.bucket == bucket, other.c.window == window, other.c.shard != shard
    )
    return func.coalesce(of_same.scalar_subquery(), 0)
