"""Opt-outs recorded for a number or address. They apply to every contact that has it.

Only ``app/core/consent`` imports this module.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, bindparam, case, delete, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core.ledger import facts
from app.core.ledger.facts import Facts, Known
from app.db import CompiledStatement, insert_rows, insert_statement, run
from app.models import ConsentEvent, DestinationOptOut, Source

_EVENT = ConsentEvent.__table__
_OPT_OUT = DestinationOptOut.__table__
_FIND_KIND = CompiledStatement(
    select(
        _EVENT.c.is_persons_word,
        select(_OPT_OUT.c.contact_id)
        .where(
            _OPT_OUT.c.subscription_type_id == bindparam("subscription_type_id"),
            _OPT_OUT.c.destination_hash == bindparam("destination_hash"),
            _OPT_OUT.c.contact_id == bindparam("contact_id"),
        )
        .exists(),
    ).where(_EVENT.c.id == bindparam("event_id"))
)


class OptOut(NamedTuple):
    """An opt-out of a destination by a contact; the subscription type is known."""

    destination_hash: str
    contact_id: int
    created_at: datetime
    event_id: int


def _upsert(dialect: str, *, replaces_event: bool) -> Executable:
    insert = insert_statement(dialect, DestinationOptOut, tuple(_OPT_OUT.c.keys()))
    return _on_conflict(insert, replaces_event=replaces_event)


def _replacing(insert: postgresql.Insert) -> postgresql.Insert:
    return _on_conflict(insert, replaces_event=True)


def _on_conflict(insert: postgresql.Insert, *, replaces_event: bool) -> postgresql.Insert:
    newest = case(
        (insert.excluded.created_at > _OPT_OUT.c.created_at, insert.excluded.created_at),
        else_=_OPT_OUT.c.created_at,
    )
    event = {"event_id": insert.excluded.event_id} if replaces_event else {}
    return insert.on_conflict_do_update(index_elements=_OPT_OUT.primary_key, set_={"created_at": newest, **event})


_DELETE = (
    delete(_OPT_OUT)
    .where(
        _OPT_OUT.c.subscription_type_id == bindparam("subscription_type_id"),
        _OPT_OUT.c.destination_hash == bindparam("destination_hash"),
    )
    .returning(_OPT_OUT.c.contact_id, _OPT_OUT.c.event_id)
)
_REVOKE_FOR_EVERYONE = CompiledStatement(_DELETE)
_REVOKE = CompiledStatement(_DELETE.where(_OPT_OUT.c.contact_id == bindparam("contact_id")))
_ADD_KEEPING_EVENT = CompiledStatement(lambda dialect: _upsert(dialect, replaces_event=False))
_ADD = CompiledStatement(lambda dialect: _upsert(dialect, replaces_event=True))


@dataclass(frozen=True)
class DestinationKey:
    """One contact's number or address, for one subscription type."""

    contact_id: int
    subscription_type_id: int
    destination_hash: str | None


def add(session: Session, keys: Iterable[DestinationKey], event_id: int, *, replaces_event: bool, at: datetime) -> None:
    """Record an opt-out for each key with a destination.

    :param replaces_event: of an opt-out that this contact already has: the person's word replaces it, no other does
    """
    statement = _ADD if replaces_event else _ADD_KEEPING_EVENT
    for key in keys:
        if key.destination_hash:
            statement.run(session, **vars(key), created_at=at, event_id=event_id)


def add_all(session: Session, subscription_type_id: int, opt_outs: Iterable[OptOut]) -> None:
    """Record many opt-outs of one type, as the person's word: each replaces the event of one that the contact has."""
    rows = [{"subscription_type_id": subscription_type_id, **each._asdict()} for each in opt_outs]
    insert_rows(session, DestinationOptOut, rows, _replacing)


def put_back(session: Session, subscription_type_id: int, added: Mapping[int, int], replaced: Iterable[OptOut]) -> None:
    """Remove the opt-outs of destinations that these events recorded, and put back those that they replaced.

    An opt-out that was revoked since, or recorded by a later event, stays as it is.

    :param added: the event of each contact, by its id
    """
    of_events = (_OPT_OUT.c.contact_id.in_(added), _OPT_OUT.c.event_id.in_(added.values()))
    removed = delete(_OPT_OUT).where(_OPT_OUT.c.subscription_type_id == subscription_type_id, *of_events)
    found = run(session, removed.returning(_OPT_OUT.c.contact_id, _OPT_OUT.c.destination_hash)).all()
    gone = {(row.contact_id, row.destination_hash) for row in found}
    add_all(
        session, subscription_type_id, [each for each in replaced if (each.contact_id, each.destination_hash) in gone]
    )


def renew(session: Session, contact_id: int, subscription_type_id: int, *, at: datetime) -> None:
    """Move the time of a contact's opt-outs of one type to ``at``, where it is later: the contact said so again."""
    of_contact = (_OPT_OUT.c.contact_id == contact_id, _OPT_OUT.c.subscription_type_id == subscription_type_id)
    run(session, update(_OPT_OUT).where(*of_contact, _OPT_OUT.c.created_at < at).values(created_at=at))


def kind_of(session: Session, event_id: int, key: DestinationKey) -> tuple[bool, bool]:
    """Whether an opt-out's event is the person's word, and whether an opt-out is recorded for this key."""
    is_persons_word, is_recorded = _FIND_KIND.one(session, event_id=event_id, **vars(key))
    return bool(is_persons_word), bool(is_recorded)


def is_by_person(session: Session, key: DestinationKey, event_id: int | None) -> bool:
    """Whether this event, or any opt-out of this destination, is the person's word, or what a page said for them."""
    opt_outs = select(DestinationOptOut.event_id).where(
        DestinationOptOut.subscription_type_id == key.subscription_type_id,
        DestinationOptOut.destination_hash == key.destination_hash,
    )
    is_one = _EVENT.c.id.in_(opt_outs) | (_EVENT.c.id == (event_id or 0))
    found = select(_EVENT.c.id).where(is_one, _EVENT.c.is_persons_word | (_EVENT.c.source == Source.SITE.value))
    return session.execute(found.limit(1)).first() is not None


def revoke(session: Session, key: DestinationKey, *, for_everyone: bool) -> list[tuple[int, int]]:
    """Delete the opt-out of this destination by this contact, or by every contact.

    Returns the contact and the event of each.
    """
    if for_everyone:
        return _REVOKE_FOR_EVERYONE.all(
            session,
            subscription_type_id=key.subscription_type_id,
            destination_hash=key.destination_hash,
        )
    return _REVOKE.all(session, **vars(key))


def take_back(session: Session, key: DestinationKey, event_id: int) -> Known:
    """Delete what this opt-out of the contact recorded about the type, and put back what it replaced.

    Returns the facts of its event.
    """
    known = facts.of(session.get_one(ConsentEvent, event_id))
    replaced = [OptOut(each, key.contact_id, since, by) for each, since, by in known.replaced]
    put_back(session, key.subscription_type_id, {key.contact_id: event_id}, replaced)
    return known


def facts_of_replaced(session: Session, keys: Sequence[DestinationKey]) -> Facts | None:
    """The facts of an opt-out that replaces those of these destinations. All are of one contact and type."""
    query = select(_OPT_OUT.c.destination_hash, _OPT_OUT.c.created_at, _OPT_OUT.c.event_id).where(
        _OPT_OUT.c.subscription_type_id == keys[0].subscription_type_id,
        _OPT_OUT.c.destination_hash.in_([each.destination_hash for each in keys if each.destination_hash]),
        _OPT_OUT.c.contact_id == keys[0].contact_id,
    )
    rows: Iterable[Any] = run(session, query)
    return facts.of_opt_out((row[0], row[1], row[2]) for row in rows)


def of_contact(session: Session, contact_id: int) -> list[tuple[DestinationKey, int]]:
    """The opt-outs of destinations by a contact, each with its event, in the order of the events."""
    query = select(_OPT_OUT.c.subscription_type_id, _OPT_OUT.c.destination_hash, _OPT_OUT.c.event_id)
    rows = session.execute(query.where(_OPT_OUT.c.contact_id == contact_id).order_by(_OPT_OUT.c.event_id))
    return [(DestinationKey(contact_id, type_id, each), event_id) for type_id, each, event_id in rows]


def reassign(session: Session, from_contact_id: int, to_contact_id: int) -> None:
    """Assign the opt-outs of one contact's destinations to another contact."""
    opt_outs = (
        select(_OPT_OUT, _EVENT.c.is_persons_word)
        .select_from(_OPT_OUT.join(_EVENT, _EVENT.c.id == _OPT_OUT.c.event_id))
        .where(_OPT_OUT.c.contact_id == from_contact_id)
        .order_by(_OPT_OUT.c.event_id)
    )
    for row in session.execute(opt_outs).all():
        key = DestinationKey(to_contact_id, row.subscription_type_id, row.destination_hash)
        add(session, [key], row.event_id, replaces_event=row.is_persons_word, at=row.created_at)
    session.execute(delete(DestinationOptOut).where(DestinationOptOut.contact_id == from_contact_id))
