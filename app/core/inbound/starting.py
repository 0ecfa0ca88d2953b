"""START: gives back what STOP took away, and nothing else. It never creates a consent that did not exist."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import precedence, suppressions
from app.core.consent.current_destination import is_opted_in
from app.core.consent.locking import LockedContact
from app.core.errors import InvalidState
from app.core.inbound import answers
from app.core.inbound.received import Received, lock_holders
from app.core.inbound.stopping import sms_types
from app.models import (
    ConsentType,
    Direction,
    Purpose,
    SmsMessage,
    SmsState,
    Source,
    StoppedConsent,
    SubscriptionType,
    Suppression,
)

# So long the question whether STOP meant one type can be answered.
ANSWERED_WITHIN = timedelta(hours=24)


def start(session: Session, received: Received, *, at: datetime) -> None:
    """Lift the suppression that STOP made, and restore the consents that it took away, where they did not change since
    and the contact still has the number.

    A suppression with another cause stays, and then nothing is restored. Only the carrier's own START lifts what the
    carrier stopped. The answer says what the number gets now.
    """
    if not _lift(session, received, at=at):
        return
    holders = lock_holders(session, received.phone_hash)  # first, so that no erasure deletes the rows meanwhile
    rows = _taken(session, received.phone_hash)
    _give_back(session, received, holders, rows, at=at)
    names = _subscribed_names(session, received)
    if rows and names:
        answers.answer(session, received, Purpose.STARTED, "started", at=at, types=names)
    elif names:
        answers.answer(session, received, Purpose.STARTED, "subscribed", at=at, types=names)
    else:
        answers.answer(session, received, Purpose.STARTED, "not_subscribed", at=at)


def question(session: Session, phone_hash: str, *, at: datetime) -> SmsMessage | None:
    """The question that a number was asked after its STOP and can still answer; null: none."""
    asked = (
        select(SmsMessage)
        .where(
            SmsMessage.phone_hash == phone_hash,
            SmsMessage.direction == Direction.OUTBOUND.value,
            SmsMessage.purpose == Purpose.SCOPE.value,
            SmsMessage.created_at > at - ANSWERED_WITHIN,
            SmsMessage.state.not_in([SmsState.SKIPPED.value, SmsState.FAILED.value, SmsState.CANCELED.value]),
        )
        .order_by(SmsMessage.id.desc())
    )
    found = session.scalars(asked.limit(1)).first()
    is_open = found is not None and bool(_rows_of_stop(session, found))
    return found if is_open else None


def keep_others(session: Session, received: Received, *, at: datetime) -> None:
    """STOP meant one type only: restore the others. ``question`` is not null."""
    asked = question(session, received.phone_hash, at=at)
    if asked is None or not _lift(session, received, at=at):
        return
    holders = lock_holders(session, received.phone_hash)
    rows = _rows_of_stop(session, asked)
    others = [each for each in rows if each.subscription_type_id != asked.subscription_type_id]
    _give_back(session, received, holders, others, at=at)
    # What stays stopped is now the STOP of one type, for a later START.
    stop = session.get_one(SmsMessage, rows[0].sms_message_id)
    stop.subscription_type_id = received.message.subscription_type_id = asked.subscription_type_id
    session.flush()
    names = _subscribed_names(session, received)
    answers.answer(session, received, Purpose.STARTED, "started" if names else "not_subscribed", at=at, types=names)


def _lift(session: Session, received: Received, *, at: datetime) -> bool:
    """Lift the suppression if this text may. Returns whether the number is free of any."""
    found = session.get(Suppression, received.phone_hash, populate_existing=True)
    if found is None:
        return True
    by_carrier = replace(received.evidence, source=Source.CARRIER)
    ways = [received.evidence, *([by_carrier] if received.carrier_says == "START" else [])]
    evidence = next((each for each in ways if precedence.may_lift(found.cause, each)), None)
    if evidence is None:
        return False
    suppressions.lift_by_holder(session, received.phone_hash, evidence, at=at)
    return True


def _taken(session: Session, phone_hash: str) -> Sequence[StoppedConsent]:
    """What the number's STOP took away; where none is left, what its STOPs of single types did."""
    of_all = session.scalars(_open_rows(phone_hash).where(SmsMessage.subscription_type_id.is_(None))).all()
    return of_all or session.scalars(_open_rows(phone_hash)).all()


def _rows_of_stop(session: Session, asked: SmsMessage) -> Sequence[StoppedConsent]:
    """What the STOP took away that this question is about."""
    stop_id = (asked.details or {}).get("answer_to")
    return session.scalars(_open_rows(asked.phone_hash).where(StoppedConsent.sms_message_id == stop_id)).all()


def _open_rows(phone_hash: str) -> Select[StoppedConsent]:
    """The newest first: what was taken away last is given back first."""
    return (
        select(StoppedConsent)
        .join(SmsMessage, SmsMessage.id == StoppedConsent.sms_message_id)
        .where(StoppedConsent.phone_hash == phone_hash, StoppedConsent.restored_at.is_(None))
        .order_by(StoppedConsent.id.desc())
    )


def _give_back(
    session: Session,
    received: Received,
    holders: Iterable[LockedContact],
    rows: Iterable[StoppedConsent],
    *,
    at: datetime,
) -> None:
    """Restore consents. A row whose consent changed since, or whose contact has another number now, is deleted."""
    contacts = {each.id: each for each in holders}
    for row in rows:
        contact = contacts.get(row.contact_id)
        if contact is not None and _restore(session, received, contact, row, at=at):
            row.restored_at = at
        else:
            session.delete(row)
    session.flush()


def _restore(
    session: Session, received: Received, contact: LockedContact, row: StoppedConsent, *, at: datetime
) -> bool:
    subscription_type = session.get_one(SubscriptionType, row.subscription_type_id)
    evidence = received.evidence.with_details(subscription_type=subscription_type.name)
    try:
        consent.undo(session, contact, subscription_type, row.event_id, evidence, at=at)
    except InvalidState:
        return False
    return True


def _subscribed_names(session: Session, received: Received) -> str:
    """The live types that a contact with this number is subscribed to."""
    contacts = lock_holders(session, received.phone_hash)
    return ", ".join(
        each.name
        for each in sms_types(session)
        if any(_is_subscribed(session, contact, each, received.phone_hash) for contact in contacts)
    )


def _is_subscribed(session: Session, contact: LockedContact, of_type: SubscriptionType, phone_hash: str) -> bool:
    found = consent.current(session, contact, of_type.id)
    if found is None:
        return of_type.consent_type == ConsentType.OPT_OUT
    return is_opted_in(found.state, found.destination_hash, phone_hash)
