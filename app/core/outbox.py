"""What other systems will be told. A row is written in the transaction of its cause; the worker routes it."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.core import audit
from app.db import CompiledStatement, dialect_of, insert_rows_statement
from app.models import OutboxEvent

# The subject in the audit log of events that could not be told.
SET_ASIDE = "outbox"
# Topics whose payload holds the number itself.
OF_NUMBERS = ("suppression.created", "suppression.lifted")


def add(
    session: Session, topics: Iterable[str], *, contact_id: int | None, payload: dict[str, Any], at: datetime
) -> None:
    """Write one event for each topic, all with the same payload of ids and names."""
    values: dict[str, Any] = {}
    for row, topic in enumerate(topics):
        values |= {f"topic__{row}": topic, f"contact_id__{row}": contact_id}
        values |= {f"payload__{row}": payload, f"created_at__{row}": at}
    _adding(len(values) // 4).run(session, **values)


@lru_cache
def _adding(rows: int) -> CompiledStatement:
    names = ("topic", "contact_id", "payload", "created_at")
    return CompiledStatement(lambda dialect: insert_rows_statement(dialect, OutboxEvent, names, rows))


def is_waiting(session: Session) -> bool:
    """Whether any event was not routed yet; takes no lock."""
    return session.execute(select(OutboxEvent.id).where(OutboxEvent.routed_at.is_(None)).limit(1)).first() is not None


def lock_routing(session: Session) -> None:
    """Route alone until the transaction ends, so that what one contact did is told in its order.

    SQLite has one writer anyway.
    """
    if dialect_of(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(4271)"))


def unrouted(session: Session, *, limit: int, only: int | None = None) -> list[OutboxEvent]:
    """The oldest events that were not routed yet, or one of them; whoever routes them has taken its turn."""
    query = select(OutboxEvent).where(OutboxEvent.routed_at.is_(None)).order_by(OutboxEvent.id).limit(limit)
    return list(session.scalars(query if only is None else query.where(OutboxEvent.id == only)))


def mark_routed(session: Session, events: Collection[OutboxEvent], *, at: datetime) -> None:
    """They were routed. What says a number is emptied: nobody needs it again, and no erasure has to look for it."""
    ids = [event.id for event in events]
    session.execute(update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values(routed_at=at))
    if any(event.topic in OF_NUMBERS for event in events):
        emptied = update(OutboxEvent).where(OutboxEvent.id.in_(ids), OutboxEvent.topic.in_(OF_NUMBERS))
        session.execute(emptied.values(payload={}))


def ordering_key_of_number(phone_hash: str) -> int:
    """What stands in place of a contact's id in events about a number: its events too are told in their order.

    Below nought, where no contact is. Two numbers in one lane would only wait for each other.
    """
    return -1 - (int(phone_hash[:8], 16) & 0x7FFFFFFF)


def forget_number(session: Session, phone_hash: str) -> None:
    """Drop what waits to be told of a number, for its erasure."""
    waiting = (OutboxEvent.routed_at.is_(None), OutboxEvent.topic.in_(OF_NUMBERS))
    session.execute(delete(OutboxEvent).where(*waiting, OutboxEvent.contact_id == ordering_key_of_number(phone_hash)))


def set_aside(session: Session, failing: OutboxEvent, problem: str, *, at: datetime) -> None:
    """Pass over an event that cannot be told, so that the others are; the audit log says which one, and why.

    :param problem: the name of the error: its text may hold what must not be in the log
    """
    mark_routed(session, [failing], at=at)
    details = {"event_id": failing.id, "topic": failing.topic, "problem": problem}
    audit.record(session, "system", "outbox.set_aside", SET_ASIDE, details, at=at)


def forget(session: Session, *, routed_before: datetime) -> int:
    """Delete what was routed long ago; how many comes back."""
    result = session.execute(delete(OutboxEvent).where(OutboxEvent.routed_at < routed_before))
    return int(cast(Any, result).rowcount)
