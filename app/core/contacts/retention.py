"""Erases old evidence: some years after the last opt-out, as the workspace says.

Evidence of a consent that is given stays. Events, opt-outs of numbers and addresses, and suppressions never expire.

Sources: 16 CFR 310.5 (records of consent for five years); Virginia SB 1339, 2025 (opt-outs hold for ten years)
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Exists, exists, func, or_, select
from sqlalchemy.orm import Session

from app.core.consent import locking, recording, respelling
from app.core.contacts import purge
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Action,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentState,
    Contact,
    DestinationOptOut,
    Suppression,
)

# How many events are read at once, and how long a call goes on before it leaves the rest to the next one.
WINDOW = 1000
CHUNK_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a run is. ``next_id`` is null when it has read every event that is old enough."""

    erased: int
    next_id: int | None


@dataclass(frozen=True)
class _Subject:
    """What evidence is about: a contact and a type, or a number that no contact has."""

    contact_id: int | None
    subscription_type_id: int | None
    destination_hash: str | None


def erase_some(database: Database, first_id: int = 0, *, at: datetime) -> Progress:
    """Erase old evidence for about half a second, in a transaction for each contact. Repeating it is harmless.

    Reads the events in the order of their ids, which is about the one in which they were recorded. An event recorded
    after ``at`` minus the years of the workspace ends the run, because those that follow are as new.

    :param first_id: where to begin: ``next_id`` of the call before
    """
    until, erased = time.monotonic() + CHUNK_S, 0
    with database.read_only() as session:
        before = _years_before(at, settings.get(session).evidence_retention_years)
        due, next_id = _due(session, first_id, before=before, until=until)
    for position, (event_id, subject) in enumerate(due):
        if position and time.monotonic() > until:  # at least one, so that each call goes on
            return Progress(erased, event_id)
        with database.unit_of_work() as session:
            erased += _expire(session, subject, before=before, at=at)
    return Progress(erased, next_id)


def _due(
    session: Session, first_id: int, *, before: datetime, until: float
) -> tuple[list[tuple[int, _Subject]], int | None]:
    """What seems to expire, with an event of each, and the event to go on with. Most is kept, which needs no lock."""
    due: list[tuple[int, _Subject]] = []
    rows = _window(session, first_id)
    old = [row for row in rows if row.recorded_at < before]
    for event_id, subject in _subjects(old):
        if due and time.monotonic() > until:
            return due, event_id
        if not _is_kept(session, subject, _family(session, subject), before):
            due.append((event_id, subject))
    is_all = len(rows) < WINDOW or len(old) < len(rows)
    return due, None if is_all else rows[-1].id + 1


def _years_before(at: datetime, years: int) -> datetime:
    """The same day and time some years ago; February 28 where that year has no 29."""
    is_leap_day = (at.month, at.day) == (2, 29)
    return at.replace(year=at.year - years, day=28 if is_leap_day else at.day)


def _window(session: Session, first_id: int) -> Sequence[Any]:
    query = (
        select(
            ConsentEvent.id,
            ConsentEvent.recorded_at,
            ConsentEvent.action,
            ConsentEvent.contact_id,
            ConsentEvent.subscription_type_id,
            ConsentEvent.destination_hash,
            ConsentEvidence.erased_at,
        )
        .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.id >= first_id)
        .order_by(ConsentEvent.id)
        .limit(WINDOW)
    )
    return session.execute(query).all()


def _subjects(rows: Sequence[Any]) -> Iterator[tuple[int, _Subject]]:
    """Each subject once, with the first event that still has evidence about it."""
    seen = set()
    for row in rows:
        subject = _subject_of(row)
        if subject is not None and subject not in seen:
            seen.add(subject)
            yield row.id, subject


def _subject_of(row: Any) -> _Subject | None:
    """Null where the event has no evidence that can expire: what was done to a person is kept until their erasure."""
    if row.erased_at is not None or row.action == Action.ERASE:
        return None
    if row.contact_id is not None:
        has_type = row.subscription_type_id is not None
        return _Subject(row.contact_id, row.subscription_type_id, None) if has_type else None
    return _Subject(None, None, row.destination_hash) if row.destination_hash else None


def _expire(session: Session, subject: _Subject, *, before: datetime, at: datetime) -> int:
    """Erase the evidence about a subject, if it still may be once the person is locked. Returns how many events."""
    family = _family(session, subject)
    if family and locking.lock_contact(session, family[0]).merged_into_id is not None:
        return 0  # merged at this moment; the next run finds it
    family = _family(session, subject)
    if _is_kept(session, subject, family, before):
        return 0
    erased = 0
    if subject.subscription_type_id is None:
        erased = recording.expire_number(session, subject.destination_hash or "", before=before, at=at)
    else:
        for contact_id in family:
            respelling.copy_opt_outs_before_erasure(session, contact_id)
            erased += recording.expire_type(session, contact_id, subject.subscription_type_id, before=before, at=at)
    purge.request(session, at=at)
    return erased


def _family(session: Session, subject: _Subject) -> list[int]:
    """The ids of the contacts that are one person: first the one that stays after merges, then all merged into it."""
    if subject.contact_id is None:
        return []
    stays = select(func.coalesce(Contact.merged_into_id, Contact.id)).where(Contact.id == subject.contact_id)
    contact_id = session.scalars(stays).one()
    merged = select(Contact.id).where(Contact.merged_into_id == contact_id).order_by(Contact.id)
    return [contact_id, *session.scalars(merged)]


def _is_kept(session: Session, subject: _Subject, family: list[int], before: datetime) -> bool:
    """Whether the evidence about a subject is still needed, or not old enough."""
    is_newer = exists().where(
        _is_about(subject, family), ConsentEvent.action != Action.ERASE.value, ConsentEvent.recorded_at >= before
    )
    needed = [_opted_in(subject, family[0]), _opted_out_again(subject, family, before)] if family else []
    return bool(session.scalar(select(or_(is_newer, *needed or [_suppressed(subject)]))))


def _is_about(subject: _Subject, family: list[int]) -> ColumnElement[bool]:
    """The events that count. A merge counts for every type, because it ends what the result is not opted in to."""
    if not family:
        return ConsentEvent.contact_id.is_(None) & (ConsentEvent.destination_hash == subject.destination_hash)
    is_of_type = ConsentEvent.subscription_type_id == subject.subscription_type_id
    return ConsentEvent.contact_id.in_(family) & (is_of_type | (ConsentEvent.action == Action.MERGE.value))


def _opted_in(subject: _Subject, contact_id: int) -> Exists:
    """A consent of the contact that stays. Those that were merged into it keep theirs without a meaning."""
    return exists().where(
        Consent.contact_id == contact_id,
        Consent.subscription_type_id == subject.subscription_type_id,
        Consent.state == ConsentState.OPTED_IN.value,
    )


def _opted_out_again(subject: _Subject, family: list[int], before: datetime) -> Exists:
    """A repeated opt-out writes no event; its time is that of the opt-out of the number or address."""
    return exists().where(
        DestinationOptOut.contact_id.in_(family),
        DestinationOptOut.subscription_type_id == subject.subscription_type_id,
        DestinationOptOut.created_at >= before,
    )


def _suppressed(subject: _Subject) -> Exists:
    return exists().where(Suppression.phone_hash == subject.destination_hash)
