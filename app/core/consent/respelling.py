"""Gives consents, opt-outs and suppressions the current spelling of their number or address.

A new reading rule can give a stored number another spelling, and so another hash. The person and what they said stay
the same. The ledger keeps the hashes that it was written with. One event for each spelling says which one it is now.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from app.core import clock, destinations, phone
from app.core.consent import destination_opt_outs, recording, suppressions
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.signing import keys_of
from app.models import (
    Consent,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    DestinationOptOut,
    SubscriptionType,
    Suppression,
)

_OPT_OUT = DestinationOptOut.__table__
_OPT_OUT_KEY = (_OPT_OUT.c.subscription_type_id, _OPT_OUT.c.destination_hash, _OPT_OUT.c.contact_id)
# Each opt-out with its number or address, from the evidence of any event about it.
_WITH_SPELLING = select(
    *_OPT_OUT.c,
    select(func.max(ConsentEvidence.destination))
    .join(ConsentEvent, ConsentEvent.id == ConsentEvidence.event_id)
    .where(ConsentEvent.destination_hash == _OPT_OUT.c.destination_hash)
    .scalar_subquery()
    .label("destination"),
    SubscriptionType.channel,
).join(SubscriptionType, SubscriptionType.id == _OPT_OUT.c.subscription_type_id)


@dataclass(frozen=True)
class OutdatedOptOut:
    """An opt-out of a number or address in an older spelling, and the hash of its current one."""

    key: DestinationKey
    event_id: int
    created_at: datetime
    new_hash: str


def contacts_with_outdated_consents(session: Session, first_id: int, last_id: int) -> set[int]:
    """The ids, in this range, of contacts with a consent for another destination than their own, in an old spelling."""
    rows = session.execute(
        select(Consent.contact_id, Consent.destination, SubscriptionType.channel)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .join(Contact, Contact.id == Consent.contact_id)
        .where(
            Consent.contact_id.between(first_id, last_id),
            Consent.destination.is_not(None),
            Consent.destination_hash.is_distinct_from(Contact.phone_hash),
            Consent.destination_hash.is_distinct_from(Contact.email_hash),
        )
    )
    return {
        contact_id
        for contact_id, destination, channel in rows
        if destination and destinations.normalize(destination, channel) != destination
    }


def respell_consents(session: Session, contact_ids: Collection[int]) -> None:
    """Give the consents of these locked contacts the current spelling of their destinations."""
    rows = session.execute(
        select(Consent.contact_id, Consent.subscription_type_id, Consent.destination, SubscriptionType.channel)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .where(Consent.contact_id.in_(contact_ids), Consent.destination.is_not(None))
    ).all()
    for contact_id, type_id, destination, channel in rows:
        if destination and (new := destinations.normalize(destination, channel)) != destination:
            same = (Consent.contact_id == contact_id, Consent.subscription_type_id == type_id)
            keys = keys_of(session)
            new_hash = keys.destination_hash(new)
            session.execute(update(Consent).where(*same).values(destination=new, destination_hash=new_hash))
            recording.respelling(session, keys.destination_hash(destination), new_hash, at=clock.now())


def copy_to_spelling(session: Session, old: str, new: str) -> None:
    """Let opt-outs and suppressions of a number or address hold for its new spelling, too. Repeating changes nothing.

    This also finds those whose evidence and number were erased.
    """
    keys = keys_of(session)
    old_hash, new_hash = keys.destination_hash(old), keys.destination_hash(new)
    copy_suppression(session, old_hash, new)
    recording.respelling(session, old_hash, new_hash, at=clock.now())
    types = select(SubscriptionType.id)
    opt_outs = select(DestinationOptOut).where(
        DestinationOptOut.subscription_type_id.in_(types), DestinationOptOut.destination_hash == old_hash
    )
    for row in session.scalars(opt_outs).all():
        key = DestinationKey(row.contact_id, row.subscription_type_id, new_hash)
        destination_opt_outs.add(session, [key], row.event_id, replaces_event=False, at=row.created_at)


def outdated_suppressions(session: Session, after_hash: str, *, limit: int) -> tuple[dict[str, str], str]:
    """Suppressions in an older spelling among the next ``limit``: hash to current number. And the last hash read.

    The last hash is empty when there are no more.
    """
    rows = session.execute(
        select(Suppression.phone_hash, Suppression.phone)
        .where(Suppression.phone_hash > after_hash)
        .order_by(Suppression.phone_hash)
        .limit(limit)
    ).all()
    outdated = {
        row.phone_hash: new for row in rows if row.phone and (new := phone.normalize(row.phone)[0]) != row.phone
    }
    return outdated, rows[-1].phone_hash if len(rows) == limit else ""


def copy_suppression(session: Session, old_hash: str, number: str) -> None:
    """Let a suppression hold for this spelling of its number, if it is another one. A stronger cause replaces a weaker
    one. One that is lifted at this moment is not copied.
    """
    new_hash = keys_of(session).destination_hash(number)
    if new_hash == old_hash:
        return
    old = session.get(Suppression, old_hash, with_for_update=True, populate_existing=True)
    if old is None:
        return
    values = {name: getattr(old, name) for name in ("cause", "note", "created_at")}
    suppressions.copy(session, values | {"phone_hash": new_hash, "phone": number})
    recording.respelling(session, old_hash, new_hash, at=clock.now())


def outdated_opt_outs(
    session: Session, after: DestinationKey | None, *, limit: int
) -> tuple[list[OutdatedOptOut], DestinationKey | None]:
    """Opt-outs in an older spelling among the next ``limit``, and the last key read: null when there are no more.

    The spelling is known from evidence about this number or address.
    """
    query = _WITH_SPELLING.order_by(*_OPT_OUT_KEY).limit(limit)
    if after is not None:
        position = (after.subscription_type_id, after.destination_hash, after.contact_id)
        query = query.where(tuple_(*_OPT_OUT_KEY) > tuple_(*position))
    rows = session.execute(query).all()
    return _outdated_among(session, rows), _key_of(rows[-1]) if len(rows) == limit else None


def copy_before_erasure(session: Session, contact_id: int, phone_hashes: Collection[str]) -> set[str]:
    """Let opt-outs and suppressions in an older spelling hold for the current one, too, while evidence has it.

    Returns the hashes of the suppressed numbers in their current spelling. New rules may not be applied yet when a
    person is erased, and afterwards nothing tells the number or address.

    :param phone_hashes: of the contact's present and former numbers
    """
    copy_opt_outs_before_erasure(session, contact_id)
    suppressed = session.scalars(select(Suppression).where(Suppression.phone_hash.in_(phone_hashes))).all()
    respelled = {each.phone_hash: phone.normalize(each.phone)[0] for each in suppressed if each.phone}
    for old_hash, number in respelled.items():
        copy_suppression(session, old_hash, number)
    return set(map(keys_of(session).destination_hash, respelled.values()))


def copy_opt_outs_before_erasure(session: Session, contact_id: int) -> None:
    """Let opt-outs of the contact's destinations in an older spelling hold for the current one, too.

    For callers that clear evidence: afterwards nothing tells the number or address.
    """
    of_contact = select(ConsentEvent.destination_hash).where(ConsentEvent.contact_id == contact_id)
    rows = session.execute(_WITH_SPELLING.where(_OPT_OUT.c.destination_hash.in_(of_contact))).all()
    for outdated in _outdated_among(session, rows):
        copy_opt_out(session, outdated)


def copy_opt_out(session: Session, outdated: OutdatedOptOut) -> None:
    """Let an opt-out hold for the current spelling, too. Repeating changes nothing."""
    key = DestinationKey(outdated.key.contact_id, outdated.key.subscription_type_id, outdated.new_hash)
    destination_opt_outs.add(session, [key], outdated.event_id, replaces_event=False, at=outdated.created_at)
    recording.respelling(session, str(outdated.key.destination_hash), outdated.new_hash, at=clock.now())


def delete_opt_out(session: Session, outdated: OutdatedOptOut) -> None:
    """Delete the copy in the older spelling, after every contact has the current one."""
    destination_opt_outs.revoke(session, outdated.key, for_everyone=False)


def delete_suppression(session: Session, old_hash: str) -> None:
    """Delete the copy in the older spelling, after every contact has the current one."""
    if (old := session.get(Suppression, old_hash)) is not None:
        session.delete(old)
        session.flush()


def _outdated_among(session: Session, rows: Iterable[Any]) -> list[OutdatedOptOut]:
    keys, outdated = keys_of(session), []
    for row in rows:
        new = destinations.normalize(row.destination, row.channel) if row.destination else None
        if (
            new is not None
            and new != row.destination
            and keys.destination_hash(row.destination) == row.destination_hash
        ):
            new_hash = keys.destination_hash(new)
            outdated.append(OutdatedOptOut(_key_of(row), row.event_id, row.created_at, new_hash))
    return outdated


def _key_of(row: object) -> DestinationKey:
    return DestinationKey(row.contact_id, row.subscription_type_id, row.destination_hash)  # type: ignore[attr-defined]
