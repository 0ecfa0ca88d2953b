"""What other systems will be told. A row is written in the transaction of its cause; the worker routes it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import run
from app.models import OutboxEvent

_ADD = insert(cast(Table, OutboxEvent.__table__))


def add(
    session: Session, topics: Iterable[str], *, contact_id: int | None, payload: dict[str, Any], at: datetime
) -> None:
    """Write one event for each topic (interface section 6), all with the same payload of ids and names."""
    run(
        session,
        _ADD,
        [{"topic": topic, "contact_id": contact_id, "payload": payload, "created_at": at} for topic in topics],
    )


def is_waiting(session: Session) -> bool:
    """Whether any event was not routed yet; takes no lock."""
    return session.execute(select(OutboxEvent.id).where(OutboxEvent.routed_at.is_(None)).limit(1)).first() is not None


def unrouted(session: Session, *, limit: int) -> list[OutboxEvent]:
    """The oldest events that were not routed yet, claimed for this transaction where several workers run."""
    query = select(OutboxEvent).where(OutboxEvent.routed_at.is_(None)).order_by(OutboxEvent.id).limit(limit)
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def mark_routed(session: Session, events: Iterable[OutboxEvent], *, at: datetime) -> None:
    ids = [event.id for event in events]
    session.execute(update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values(routed_at=at))


def forget(session: Session, *, routed_before: datetime) -> int:
    """Delete what was routed long ago; how many comes back."""
    result = session.execute(delete(OutboxEvent).where(OutboxEvent.routed_at < routed_before))
    return int(cast(Any, result).rowcount)
