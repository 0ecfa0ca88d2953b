"""What other systems will be told. A row is written in the transaction of its cause; the worker routes it."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.db import Prepared, dialect_of, inserting_rows
from app.models import OutboxEvent


def add(
    session: Session, topics: Iterable[str], *, contact_id: int | None, payload: dict[str, Any], at: datetime
) -> None:
    """Write one event for each topic (interface section 6), all with the same payload of ids and names."""
    values: dict[str, Any] = {}
    for row, topic in enumerate(topics):
        values |= {f"topic__{row}": topic, f"contact_id__{row}": contact_id}
        values |= {f"payload__{row}": payload, f"created_at__{row}": at}
    _adding(len(values) // 4).run(session, **values)


@lru_cache
def _adding(rows: int) -> Prepared:
    names = ("topic", "contact_id", "payload", "created_at")
    return Prepared(lambda dialect: inserting_rows(dialect, OutboxEvent, names, rows))


def is_waiting(session: Session) -> bool:
    """Whether any event was not routed yet; takes no lock."""
    return session.execute(select(OutboxEvent.id).where(OutboxEvent.routed_at.is_(None)).limit(1)).first() is not None


def take_turn(session: Session) -> None:
    """Route alone until the transaction ends, so that what one contact did is told in its order.

    SQLite has one writer anyway.
    """
    if dialect_of(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(4271)"))


def unrouted(session: Session, *, limit: int) -> list[OutboxEvent]:
    """The oldest events that were not routed yet; whoever routes them has taken its turn."""
    query = select(OutboxEvent).where(OutboxEvent.routed_at.is_(None)).order_by(OutboxEvent.id).limit(limit)
    return list(session.scalars(query))


def mark_routed(session: Session, events: Iterable[OutboxEvent], *, at: datetime) -> None:
    ids = [event.id for event in events]
    session.execute(update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values(routed_at=at))


def forget(session: Session, *, routed_before: datetime) -> int:
    """Delete what was routed long ago; how many comes back."""
    result = session.execute(delete(OutboxEvent).where(OutboxEvent.routed_at < routed_before))
    return int(cast(Any, result).rowcount)
