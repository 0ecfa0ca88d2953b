"""Which events can be sealed next, and which wait for a transaction that still writes.

On PostgreSQL ids become visible out of order: an event appears after others with higher ids, when its transaction was
open for longer. So events are sealed in the order of their transactions, and only those of transactions older than
every one that still writes: nothing can appear before them any more. On SQLite writers take turns, and the order of the
ids is the order of the commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, func, or_, select, tuple_
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from app.core.ledger.canonical import EVENT_COLUMNS
from app.db import dialect_of
from app.models import ConsentEvent, LedgerSeal

_SCANNED = 10_000
_EVENT = ConsentEvent.__table__
_SEAL = LedgerSeal.__table__
_COLUMNS = (*(_EVENT.c[name] for name in EVENT_COLUMNS), _EVENT.c.recorded_xid)
_ORDER = (_EVENT.c.recorded_xid, _EVENT.c.id)


def _xid(of_snapshot: Any) -> ColumnElement[int]:
    return sql_cast(sql_cast(of_snapshot, Text), BigInteger)


# The oldest transaction that still writes: every older one has ended. And the first one that has not begun.
_OLDEST_OPEN = _xid(func.pg_snapshot_xmin(func.pg_current_snapshot()))
_FIRST_FUTURE = _xid(func.pg_snapshot_xmax(func.pg_current_snapshot()))
# Rows that were copied here from another cluster have its transaction ids, which may not have come up here yet.
_IS_FINAL = or_(_EVENT.c.recorded_xid < _OLDEST_OPEN, _EVENT.c.recorded_xid >= _FIRST_FUTURE)


@dataclass(frozen=True)
class Position:
    """The event up to which all are sealed, in the order of transactions and ids."""

    xid: int
    event_id: int


@dataclass(frozen=True)
class Pending:
    """Events to be sealed together, in the order of their ids.

    :param position: where the next search begins; null on SQLite, and while events from before a restore wait
    :param moves: whether the position must be stored even though no event waits
    """

    events: list[Any]
    position: Position | None = None
    moves: bool = False


def find(session: Session, newest: LedgerSeal | None, *, limit: int) -> Pending:
    """The next events to seal, at most ``limit``.

    :param newest: the last seal
    """
    if dialect_of(session) == "sqlite":
        query = select(*_COLUMNS).where(_EVENT.c.id > last_sealed_id(session)).order_by(_EVENT.c.id).limit(limit)
        return Pending(list(session.execute(query)))
    if newest is not None and is_position_lost(session, newest):
        return _find_after_restore(session, limit)
    return _find_in_order(session, position_of(newest), limit)


def last_sealed_id(session: Session) -> int:
    """The highest id that a seal covers; 0 before the first seal."""
    return session.scalar(select(func.max(_SEAL.c.last_id))) or 0


def position_of(newest: LedgerSeal | None) -> Position:
    """Where the newest seal ended. Only PostgreSQL has positions."""
    return Position(newest.up_to_xid or 0, newest.up_to_id or 0) if newest else Position(0, 0)


def is_position_lost(session: Session, newest: LedgerSeal) -> bool:
    """Whether the newest seal's position says nothing in this cluster, because the rows were copied into it."""
    return newest.up_to_xid is None or newest.up_to_xid >= (session.scalar(select(_FIRST_FUTURE)) or 0)


def is_after(position: Position) -> ColumnElement[bool]:
    """Whether an event comes after a position."""
    return tuple_(*_ORDER) > tuple_(position.xid, position.event_id)


def _find_in_order(session: Session, position: Position, limit: int) -> Pending:
    query = select(*_COLUMNS).order_by(*_ORDER).limit(limit)
    while True:
        rows = session.execute(query.where(is_after(position), _EVENT.c.recorded_xid < _OLDEST_OPEN)).all()
        if not rows:
            return Pending([])
        position = Position(rows[-1].recorded_xid, rows[-1].id)
        if found := _uncovered(session, rows):
            return Pending(found, position)


def _find_after_restore(session: Session, limit: int) -> Pending:
    """What no seal covers, by going through all ids. The position is known again when nothing is left."""
    before_open = select(*_ORDER).where(_EVENT.c.recorded_xid < _OLDEST_OPEN)
    last = session.execute(before_open.order_by(*(each.desc() for each in _ORDER)).limit(1)).one_or_none()
    found: list[Any] = []
    after = 0
    while rows := session.execute(
        select(*_COLUMNS).where(_EVENT.c.id > after, _IS_FINAL).order_by(_EVENT.c.id).limit(_SCANNED)
    ).all():
        found += _uncovered(session, rows)
        if len(found) > limit:
            return Pending(found[:limit])
        after = rows[-1].id
    return Pending(found, Position(*last) if last else Position(0, 0), moves=True)


def _uncovered(session: Session, rows: Sequence[Any]) -> list[Any]:
    """The rows that no seal covers, in the order of their ids."""
    rows = sorted(rows, key=lambda row: int(row.id))
    ranges = select(_SEAL.c.ids).where(_SEAL.c.last_id >= rows[0].id, _SEAL.c.first_id <= rows[-1].id)
    covered = sorted((first, last) for each in session.scalars(ranges) for first, last in each)
    found, at = [], 0
    for row in rows:
        while at < len(covered) and covered[at][1] < row.id:
            at += 1
        if at == len(covered) or row.id < covered[at][0]:
            found.append(row)
    return found
