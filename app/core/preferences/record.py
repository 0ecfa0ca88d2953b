"""A person's own consent record, as the holder of their link may read it: without numbers, notes and agents' names."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.ledger import events as ledger
from app.core.ledger.events import LedgerLine
from app.core.preferences.acts import refuse_expired
from app.core.preferences.links import Link
from app.core.subscriptions import subscription_types
from app.core.subscriptions.earlier_texts import EarlierTypes
from app.core.subscriptions.subscription_types import TypeText
from app.models import Channel, Contact, SmsMessage

CHUNK = 200


@dataclass(frozen=True)
class Entry:
    """One event of the record.

    :param subscription_type: with the texts that it had then
    :param destination: the number or address, masked; null when there is none, or it was erased
    :param words: what was on the screen, as canonical JSON; null when nothing is known to have been
    """

    id: int
    action: str
    at: datetime
    subscription_type: TypeText | None
    source: str
    level: str
    destination: str | None
    locale: str | None
    page: str | None
    words: str | None


@dataclass(frozen=True)
class Record:
    """Entries, newest first. ``next_before`` is the id of the last one when there are older ones."""

    entries: tuple[Entry, ...]
    next_before: int | None


def read(
    session: Session, link: Link, locale: str, *, before: int | None = None, limit: int = CHUNK, at: datetime
) -> Record:
    """One page of the record.

    With a link that proves nothing these are the events of its lead alone. With another one they are those of the
    contact, of contacts merged into it, and of stops of its number.

    :param before: the id of the last entry of the page before
    :raises InvalidState: ``link_expired``
    """
    refuse_expired(link, at=at)
    lines = ledger.of_contact(session, link.contact_id, limit=limit + 1, before_id=before)
    shown = lines[:limit]
    next_before = shown[-1].event.id if len(lines) > limit else None
    if link.is_unverified:
        shown = [line for line in shown if line.event.contact_id == link.contact_id]
    else:
        shown = _with_stops(session, link, shown, before=before, after=next_before)
    types = EarlierTypes(session)
    return Record(tuple(_entry(line, types, locale) for line in shown), next_before)


def read_all(session: Session, link: Link, locale: str, *, at: datetime) -> list[Entry]:
    """The whole record, newest first. Errors as ``read``."""
    page = read(session, link, locale, at=at)
    entries = list(page.entries)
    while page.next_before is not None:
        page = read(session, link, locale, before=page.next_before, at=at)
        entries += page.entries
    return entries


def _with_stops(
    session: Session, link: Link, lines: list[LedgerLine], *, before: int | None, after: int | None
) -> list[LedgerLine]:
    """The lines with the events of the number that lie between them, and name no contact."""
    phone_hash = session.get_one(Contact, link.contact_id).phone_hash
    of_number = ledger.of_number(session, phone_hash, limit=CHUNK) if phone_hash else []
    between = [
        line
        for line in of_number
        if (before is None or line.event.id < before) and (after is None or line.event.id > after)
    ]
    return sorted([*lines, *between], key=lambda line: -line.event.id)


def _entry(line: LedgerLine, types: EarlierTypes, locale: str) -> Entry:
    event, evidence = line.event, line.evidence
    found = types.of(event)
    destination = evidence.destination if evidence else None
    return Entry(
        event.id,
        event.action,
        event.occurred_at,
        subscription_types.text_in(found, locale) if found else None,
        event.source,
        event.evidence_level,
        _masked(destination) if destination else None,
        evidence.locale if evidence else None,
        evidence.page if evidence else None,
        line.words,
    )


def _masked(destination: str) -> str:
    return destinations.masked(destination, Channel.EMAIL if "@" in destination else Channel.SMS)


def texts_of(session: Session, link: Link, *, at: datetime) -> list[dict[str, Any]]:
    """The texts to and from the person, oldest first, as they are downloaded; none with a link that proves nothing.

    Their words are left out: a link can be passed on with the text that it is in.

    :raises InvalidState: ``link_expired``
    """
    refuse_expired(link, at=at)
    if link.is_unverified:
        return []
    merged = select(Contact.id).where(Contact.merged_into_id == link.contact_id)
    is_theirs = or_(SmsMessage.contact_id == link.contact_id, SmsMessage.contact_id.in_(merged))
    columns = (SmsMessage.created_at, SmsMessage.direction, SmsMessage.purpose, SmsMessage.state)
    return [
        {
            "time": row.created_at.isoformat(timespec="seconds"),
            "direction": row.direction,
            "purpose": row.purpose,
            "state": row.state,
        }
        for row in session.execute(select(*columns).where(is_theirs).order_by(SmsMessage.id))
    ]


def as_json(entry: Entry) -> dict[str, Any]:
    """One entry as it is downloaded. Times are ISO 8601."""
    found = entry.subscription_type
    return {
        "id": str(entry.id),
        "time": entry.at.isoformat(timespec="seconds"),
        "action": entry.action,
        "subscription_type": found.name if found else None,
        "source": entry.source,
        "evidence_level": entry.level,
        "destination": entry.destination,
        "language": entry.locale,
        "page": entry.page,
        "words": entry.words,
    }
