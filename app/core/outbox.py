"""Outbox events: written in the transaction of the change that they report, and routed to webhooks by the worker."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from app.core import audit, idempotency
from app.db import CompiledStatement, Same, dialect_of, insert_columns, insert_rows_statement
from app.models import OutboxEvent

# The subject in the audit log of events that could not be routed.
AUDIT_SUBJECT = "outbox"
# Topics whose payload contains the number itself.
OF_NUMBERS = ("suppression.created", "suppression.lifted")
# Waiting events are counted up to this number.
COUNT_MAX = 10_000


def add(
    session: Session, topics: Iterable[str], *, contact_id: int | None, payload: dict[str, Any], at: datetime
) -> None:
    """Write one event for each topic, all with the same payload of ids and names."""
    each = list(topics)
    values = values_of(session, each, contact_id=contact_id, payload=payload, at=at)
    _insert(len(each)).run(session, **values)


def insert(dialect: str, *, topics: int) -> Any:
    """The statement of ``add``, for those that join it with the change that it reports (``JoinedChanges``)."""
    return insert_rows_statement(dialect, OutboxEvent, ("topic",), topics, ("contact_id", "payload", "created_at"))


def values_of(
    session: Session, topics: Iterable[str], *, contact_id: int | None, payload: dict[str, Any], at: datetime
) -> dict[str, Any]:
    """The parameters of ``insert``."""
    if contact_id is not None:
        idempotency.add_subject(session, contact_id)
    each = {f"topic__{row}": topic for row, topic in enumerate(topics)}
    return each | {"contact_id": contact_id, "payload": payload, "created_at": at}


class New(NamedTuple):
    """An event to be written, as the parameters of ``add``."""

    contact_id: int
    payload: dict[str, Any]
    at: datetime


def add_all(session: Session, topic: str, events: Iterable[New]) -> None:
    """Write many events of one topic."""
    new = list(events)
    if not new:
        return
    contact_ids, payloads, times = zip(*new, strict=True)
    for contact_id in contact_ids:
        idempotency.add_subject(session, contact_id)
    columns = {"topic": Same(topic), "contact_id": contact_ids, "payload": payloads, "created_at": times}
    insert_columns(session, OutboxEvent, columns, several_at_once=True)


@lru_cache
def _insert(rows: int) -> CompiledStatement:
    return CompiledStatement(partial(insert, topics=rows))


def is_waiting(session: Session) -> bool:
    """Whether any event is not routed yet. Takes no lock."""
    return session.execute(select(OutboxEvent.id).where(OutboxEvent.routed_at.is_(None)).limit(1)).first() is not None


def count_unrouted(session: Session) -> int:
    """How many events are not routed yet, counted up to ``COUNT_MAX``."""
    waiting = select(OutboxEvent.id).where(OutboxEvent.routed_at.is_(None)).limit(COUNT_MAX).subquery()
    return session.scalar(select(func.count()).select_from(waiting)) or 0


def oldest_unrouted(session: Session) -> datetime | None:
    """When the oldest event that is not routed was written; null while none waits."""
    query = select(OutboxEvent.created_at).where(OutboxEvent.routed_at.is_(None)).order_by(OutboxEvent.id).limit(1)
    return session.scalars(query).first()


def lock_routing(session: Session) -> None:
    """Lock routing until the transaction ends, so that a contact's events are routed in their order.

    On SQLite nothing is locked: it has only one writer.
    """
    if dialect_of(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(4271)"))


def unrouted(session: Session, *, limit: int, only: int | None = None) -> list[OutboxEvent]:
    """The oldest events that are not routed yet. To route them, call ``lock_routing`` first.

    :param only: the id of one event, to return no other
    """
    query = select(OutboxEvent).where(OutboxEvent.routed_at.is_(None)).order_by(OutboxEvent.id).limit(limit)
    return list(session.scalars(query if only is None else query.where(OutboxEvent.id == only)))


def mark_routed(session: Session, events: Collection[OutboxEvent], *, at: datetime) -> None:
    """Mark events as routed. Payloads that contain a number are emptied, so that an erasure need not search them."""
    ids = [event.id for event in events]
    session.execute(update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values(routed_at=at))
    if any(event.topic in OF_NUMBERS for event in events):
        emptied = update(OutboxEvent).where(OutboxEvent.id.in_(ids), OutboxEvent.topic.in_(OF_NUMBERS))
        session.execute(emptied.values(payload={}))


def ordering_key_of_number(phone_hash: str) -> int:
    """The ordering key of events about a number, used as their ``contact_id``.

    It is negative, so it never equals a contact's id. Two numbers with the same key only wait for each other.
    """
    return -1 - (int(phone_hash[:8], 16) & 0x7FFFFFFF)


def delete_for_number(session: Session, phone_hash: str) -> None:
    """Delete the events about a number that are not routed yet, for its erasure."""
    waiting = (OutboxEvent.routed_at.is_(None), OutboxEvent.topic.in_(OF_NUMBERS))
    session.execute(delete(OutboxEvent).where(*waiting, OutboxEvent.contact_id == ordering_key_of_number(phone_hash)))


def mark_failed(session: Session, event: OutboxEvent, problem: str, *, at: datetime) -> None:
    """Skip an event that cannot be routed, so that it does not block the others. The audit log records it.

    :param problem: the name of the error; its text may contain personal data
    """
    mark_routed(session, [event], at=at)
    details = {"event_id": event.id, "topic": event.topic, "problem": problem}
    audit.record(session, "system", "outbox.set_aside", AUDIT_SUBJECT, details, at=at)


def purge_expired(session: Session, *, routed_before: datetime) -> int:
    """Delete the events that were routed before this time. Returns how many."""
    result = session.execute(delete(OutboxEvent).where(OutboxEvent.routed_at < routed_before))
    return int(cast(Any, result).rowcount)
