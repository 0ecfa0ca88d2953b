"""What is pushed to the gateway's carrier about consent: whether a number may be texted at all, and since when.

A carrier knows numbers, not subscription types. A number is ``opted_out`` while it is suppressed, or when a person
with it opted out of a type and no person is opted in; it is ``opted_in`` when one is. There is one row for each number,
which always holds the newest state; the worker pushes those that changed (``jobs/push_consents.py``).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from app.core import outbox
from app.core.consent import suppressions
from app.core.signing import keys_of
from app.models import (
    Consent,
    ConsentEvent,
    ConsentPush,
    ConsentState,
    Contact,
    DestinationOptOut,
    OutboxEvent,
    Source,
    SubscriptionType,
    Suppression,
    SuppressionCause,
)

# Waiting rows are counted up to this number.
COUNT_MAX = 10_000
_OF_CONTACTS = ("granular.subscribe", "granular.unsubscribe")
_BY_MANY = frozenset({Source.IMPORT, Source.BULK})
_ERROR_MAX = 255
_WAITS = and_(ConsentPush.pushed_at.is_(None), ConsentPush.failed_at.is_(None))
# How a carrier distinguishes where a person said it: website, message (a text), offline, other.
WEBSITE, MESSAGE, OFFLINE, OTHER = "website", "message", "offline", "other"
_WAYS: Mapping[str, str] = {
    Source.FORM: WEBSITE,
    Source.PREFERENCE_CENTER: WEBSITE,
    Source.SITE: WEBSITE,
    Source.MESSENGER: WEBSITE,
    Source.VERIFICATION: WEBSITE,
    Source.KEYWORD: MESSAGE,
    Source.CARRIER: MESSAGE,
    Source.IMPORT: OFFLINE,
}
_CAUSES: Mapping[str, Source] = {
    SuppressionCause.KEYWORD: Source.KEYWORD,
    SuppressionCause.PREFERENCE_CENTER: Source.PREFERENCE_CENTER,
    SuppressionCause.CARRIER: Source.CARRIER,
    SuppressionCause.MANUAL: Source.AGENT,
    SuppressionCause.REVIEW: Source.SYSTEM,
}


@dataclass(frozen=True)
class Push:
    """What is to be pushed about one number. ``source`` is one of the ways above."""

    phone_hash: str
    phone: str
    status: str
    source: str
    said_at: datetime


@dataclass(frozen=True)
class PushLag:
    """:param waiting: numbers that wait, up to ``COUNT_MAX``; ``since``: when the oldest of them changed
    :param problem: why the latest attempt failed, of those that wait
    :param failed: numbers that the carrier refused permanently
    """

    waiting: int
    since: datetime | None
    problem: str | None
    failed: int


class Reconciled(NamedTuple):
    """:param last: the last number looked at, to go on from; null: there are no more
    :param agreeing: what the carrier knows is right; ``queued``: it will be pushed
    """

    last: str | None
    agreeing: int
    queued: int


class _Wanted(NamedTuple):
    phone: str
    status: str
    said_at: datetime


def queue(session: Session, events: Iterable[OutboxEvent], *, at: datetime) -> int:
    """Note the numbers that outbox events are about and whose state changed. Returns how many.

    Call it while routing is locked, so that the newest state is noted last.
    """
    of_events = list(events)
    sources = _sources_of_consents(session, [each for each in of_events if each.topic in _OF_CONTACTS])
    lifted: dict[str, str] = {}
    for event in of_events:
        if event.topic in outbox.OF_NUMBERS and (number := event.payload.get("phone")):
            phone_hash = keys_of(session).destination_hash(number)
            sources[phone_hash] = _CAUSES.get(event.payload.get("cause", ""), Source.SYSTEM)
            lifted |= {phone_hash: number} if event.topic == "suppression.lifted" else {}
    return _note(session, sources, lifted, at=at)


def is_due(session: Session, *, at: datetime) -> bool:
    """Whether a number waits to be pushed. Takes no lock."""
    return session.scalar(select(ConsentPush.phone_hash).where(_WAITS, ConsentPush.due_at <= at).limit(1)) is not None


def claim(session: Session, *, limit: int, until: datetime, at: datetime) -> list[Push]:
    """Take the most urgent numbers to push them. If nothing is recorded, they are due again at ``until``."""
    query = (
        select(ConsentPush)
        .where(_WAITS, ConsentPush.due_at <= at)
        .order_by(ConsentPush.priority, ConsentPush.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = list(session.scalars(query))
    for row in claimed:
        row.due_at, row.attempts = until, row.attempts + 1
    session.flush()
    return [Push(row.phone_hash, str(row.phone), row.status, row.source, row.said_at) for row in claimed]


def record(session: Session, pushes: Iterable[Push], refused: Mapping[str, str], *, at: datetime) -> None:
    """The carrier answered. A number that changed meanwhile stays in the queue.

    :param refused: the problem of each that the carrier refused permanently, by the hash of the number
    """
    for push in pushes:
        problem = refused.get(push.phone_hash)
        ended: dict[str, Any] = {"phone": None, "error": problem and problem[:_ERROR_MAX]}
        ended["failed_at" if problem else "pushed_at"] = at
        _update(session, push, ended)


def put_back(session: Session, pushes: Iterable[Push], problem: str, *, at: datetime) -> None:
    """The carrier took nothing. The numbers are due again immediately; the caller waits."""
    for push in pushes:
        _update(session, push, {"due_at": at, "error": problem[:_ERROR_MAX]})


def lag(session: Session) -> PushLag:
    """How far the carrier's list is behind."""
    some = select(ConsentPush.created_at, ConsentPush.due_at, ConsentPush.error).where(_WAITS).limit(COUNT_MAX)
    first = some.subquery()
    waiting, since = session.execute(select(func.count(), func.min(first.c.created_at)).select_from(first)).one()
    latest = select(first.c.error).where(first.c.error.is_not(None)).order_by(first.c.due_at.desc()).limit(1)
    problem = session.scalar(latest)
    failed = select(ConsentPush.phone_hash).where(ConsentPush.failed_at.is_not(None)).limit(COUNT_MAX).subquery()
    return PushLag(waiting, since, problem, session.scalar(select(func.count()).select_from(failed)) or 0)


def reconcile(session: Session, *, after: str, limit: int, at: datetime) -> Reconciled:
    """Compare the next numbers with what was pushed about them, and put those that differ into the queue.

    Call it while routing is locked.

    :param after: the last number that was looked at (``last``); empty at the beginning
    """
    hashes: set[str] = set()
    for column in (Contact.phone_hash, Suppression.phone_hash):
        hashes |= set(session.scalars(select(column).where(column > after).order_by(column).distinct().limit(limit)))
    page = sorted(hashes)[:limit]
    if not page:
        return Reconciled(None, 0, 0)
    failed = update(ConsentPush).where(ConsentPush.phone_hash.in_(page), ConsentPush.failed_at.is_not(None))
    session.execute(failed.values(failed_at=None, due_at=at, status=_other_status()))
    queued = _note(session, dict.fromkeys(page, Source.BULK), {}, at=at)
    known = select(func.count()).where(ConsentPush.phone_hash.in_(page), ConsentPush.pushed_at.is_not(None))
    return Reconciled(page[-1], session.scalar(known) or 0, queued)


def forget(session: Session, phone_hash: str) -> None:
    """Delete what waits with the number itself, for its erasure. What was pushed remains, by its hash."""
    session.execute(delete(ConsentPush).where(ConsentPush.phone_hash == phone_hash, ConsentPush.phone.is_not(None)))


def _sources_of_consents(session: Session, events: Collection[OutboxEvent]) -> dict[str, Source]:
    """The numbers of the contacts, each with the source of its newest change."""
    if not events:
        return {}
    contact_ids = {event.contact_id for event in events}
    of_contacts = select(Contact.id, Contact.phone_hash).where(Contact.id.in_(contact_ids))
    hashes = {row[0]: row[1] for row in session.execute(of_contacts)}
    event_ids = [event.payload["event_id"] for event in events]
    of_events = select(ConsentEvent.id, ConsentEvent.source).where(ConsentEvent.id.in_(event_ids))
    found = {row[0]: row[1] for row in session.execute(of_events)}
    sources: dict[str, Source] = {}
    for event in events:
        if (phone_hash := hashes.get(event.contact_id or 0)) is not None:
            sources[phone_hash] = Source(found.get(event.payload["event_id"], Source.SYSTEM))
    return sources


def _note(session: Session, sources: Mapping[str, Source], lifted: Mapping[str, str], *, at: datetime) -> int:
    """:param lifted: numbers that are not suppressed any more. The carrier must not go on to block those without
    an opt-in or opt-out: they may be subscribed to an ``opt_out`` type.
    """
    if not sources:
        return 0
    wanted = _wanted(session, list(sources))
    query = select(ConsentPush).where(ConsentPush.phone_hash.in_(list(sources))).with_for_update()
    rows = {row.phone_hash: row for row in session.scalars(query, execution_options={"populate_existing": True})}
    for phone_hash, number in lifted.items():
        if phone_hash in rows and phone_hash not in wanted:
            wanted[phone_hash] = _Wanted(number, ConsentState.OPTED_IN.value, at)
    changed = 0
    for phone_hash, want in wanted.items():
        row = rows.get(phone_hash)
        if row is not None and row.status == want.status:
            continue
        source = sources[phone_hash]
        if row is None:
            row = ConsentPush(phone_hash=phone_hash, due_at=at)
            session.add(row)
        elif row.pushed_at is not None or row.failed_at is not None:
            row.due_at = at  # else it is on its way: it is pushed again after that
        row.phone, row.status, row.said_at, row.source = want.phone, want.status, want.said_at, _WAYS.get(source, OTHER)
        row.priority = 2 * (source in _BY_MANY) + (want.status == ConsentState.OPTED_IN)
        row.attempts, row.error, row.created_at, row.pushed_at, row.failed_at = 0, None, at, None, None
        changed += 1
    session.flush()
    return changed


def _wanted(session: Session, phone_hashes: Collection[str]) -> dict[str, _Wanted]:
    """What the carrier should know about each number. Numbers without a consent or a suppression are left out."""
    wanted: dict[str, _Wanted] = {}
    stays_out = exists().where(
        DestinationOptOut.subscription_type_id == Consent.subscription_type_id,
        DestinationOptOut.destination_hash == Contact.phone_hash,
    )
    is_in = and_(
        Consent.state == ConsentState.OPTED_IN.value, Consent.destination_hash == Contact.phone_hash, ~stays_out
    )
    said_in, said_out = (func.max(case((condition, Consent.changed_at))) for condition in (is_in, ~is_in))
    consents = (
        select(Contact.phone_hash, func.max(Contact.phone), said_in, said_out)
        .join(Consent, Consent.contact_id == Contact.id)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .where(Contact.phone_hash.in_(phone_hashes), SubscriptionType.channel == "sms")
        .group_by(Contact.phone_hash)
    )
    for phone_hash, phone, in_at, out_at in session.execute(consents):
        status = ConsentState.OPTED_IN if in_at is not None else ConsentState.OPTED_OUT
        wanted[phone_hash] = _Wanted(phone, status.value, in_at or out_at)
    suppressed = select(Suppression).where(Suppression.phone_hash.in_(phone_hashes), Suppression.phone.is_not(None))
    for each in session.scalars(suppressed):
        wanted[each.phone_hash] = _Wanted(str(each.phone), ConsentState.OPTED_OUT.value, each.created_at)
    return {phone_hash: want for phone_hash, want in wanted.items() if suppressions.is_number(want.phone)}


def _update(session: Session, push: Push, values: Mapping[str, Any]) -> None:
    """Change the row of a number, unless the number changed since it was claimed. Then it is due."""
    of_number = update(ConsentPush).where(ConsentPush.phone_hash == push.phone_hash, ConsentPush.pushed_at.is_(None))
    is_same = and_(ConsentPush.status == push.status, ConsentPush.said_at == push.said_at)
    session.execute(of_number.where(is_same).values(values))
    session.execute(of_number.where(~is_same).values(due_at=ConsentPush.created_at))


def _other_status() -> Any:
    """A state that is not the wanted one, so that a refused number is noted again."""
    opted_in, opted_out = ConsentState.OPTED_IN.value, ConsentState.OPTED_OUT.value
    return case((ConsentPush.status == opted_in, opted_out), else_=opted_in)
