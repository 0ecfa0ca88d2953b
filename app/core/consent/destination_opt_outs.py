"""Opt-outs as they stick to a number or address: they hold for whoever has it. Only ``core/consent.py`` comes here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Executable, Table, bindparam, case, delete, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.db import CompiledStatement, insert_statement
from app.models import ConsentEvent, DestinationOptOut, Source

_EVENT = cast(Table, ConsentEvent.__table__)
_STICKY = cast(Table, DestinationOptOut.__table__)
_FIND_NO = CompiledStatement(
    select(
        _EVENT.c.source,
        select(_STICKY.c.contact_id)
        .where(
            _STICKY.c.subscription_type_id == bindparam("subscription_type_id"),
            _STICKY.c.destination_hash == bindparam("destination_hash"),
            _STICKY.c.contact_id == bindparam("contact_id"),
        )
        .exists(),
    ).where(_EVENT.c.id == bindparam("event_id"))
)


def _sticking(dialect: str, *, is_their_own: bool) -> Executable:
    adding = insert_statement(dialect, DestinationOptOut, tuple(_STICKY.c.keys()))
    newest = case(
        (adding.excluded.created_at > _STICKY.c.created_at, adding.excluded.created_at), else_=_STICKY.c.created_at
    )
    own = {"event_id": adding.excluded.event_id} if is_their_own else {}
    return adding.on_conflict_do_update(index_elements=_STICKY.primary_key, set_={"created_at": newest, **own})


_FROM_NUMBER = delete(_STICKY).where(
    _STICKY.c.subscription_type_id == bindparam("subscription_type_id"),
    _STICKY.c.destination_hash == bindparam("destination_hash"),
)
_TAKE_BACK_ALL = CompiledStatement(_FROM_NUMBER)
_TAKE_BACK = CompiledStatement(_FROM_NUMBER.where(_STICKY.c.contact_id == bindparam("contact_id")))
_STICK_AS_API = CompiledStatement(lambda dialect: _sticking(dialect, is_their_own=False))
_STICK_AS_THEIR_OWN = CompiledStatement(lambda dialect: _sticking(dialect, is_their_own=True))


@dataclass(frozen=True)
class Place:
    """Where a no sticks: to one contact's number or address, for one type."""

    contact_id: int
    subscription_type_id: int
    destination_hash: str | None


def stick(session: Session, places: Iterable[Place], event_id: int, source: Source, *, at: datetime) -> None:
    """Make a no hold for whoever has the number. Where one of this contact stands, the person's own replaces it."""
    prepared = _STICK_AS_API if source == Source.API else _STICK_AS_THEIR_OWN
    for place in places:
        if place.destination_hash:
            prepared.run(session, **vars(place), created_at=at, event_id=event_id)


def source_of(session: Session, event_id: int, place: Place) -> tuple[Source, bool]:
    """By what way a no came about, and whether it still sticks to this place."""
    source, is_stuck = _FIND_NO.one(session, event_id=event_id, **vars(place))
    return Source(source), bool(is_stuck)


def is_somebodys_own(session: Session, place: Place, event_id: int | None) -> bool:
    """Whether one of those that stick to this number, or this event, was made by a person or on their behalf."""
    sticky = select(DestinationOptOut.event_id).where(*_here(place))
    in_the_way = ConsentEvent.id.in_(sticky) | (ConsentEvent.id == (event_id or 0))
    others = select(ConsentEvent.id).where(in_the_way, ConsentEvent.source != Source.API.value)
    return session.execute(others.limit(1)).first() is not None


def take_back(session: Session, place: Place, *, of_everybody: bool) -> None:
    """Let go of what the contact, or everybody, opted out of with this number."""
    if of_everybody:
        _TAKE_BACK_ALL.run(
            session,
            subscription_type_id=place.subscription_type_id,
            destination_hash=place.destination_hash,
        )
    else:
        _TAKE_BACK.run(session, **vars(place))


def hand_over(session: Session, from_contact_id: int, to_contact_id: int) -> dict[Place, int]:
    """What one contact opted out of with a number is the other's from now on; each comes back with its event."""
    theirs = (
        select(_STICKY, _EVENT.c.source)
        .join(_EVENT, _EVENT.c.id == _STICKY.c.event_id)
        .where(_STICKY.c.contact_id == from_contact_id)
        .order_by(_STICKY.c.event_id)
    )
    handed_over = {}
    for row in session.execute(theirs).all():
        place = Place(to_contact_id, row.subscription_type_id, row.destination_hash)
        stick(session, [place], row.event_id, Source(row.source), at=row.created_at)
        handed_over[place] = row.event_id
    session.execute(delete(DestinationOptOut).where(DestinationOptOut.contact_id == from_contact_id))
    return handed_over


def _here(place: Place) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        DestinationOptOut.subscription_type_id == place.subscription_type_id,
        DestinationOptOut.destination_hash == place.destination_hash,
    )
