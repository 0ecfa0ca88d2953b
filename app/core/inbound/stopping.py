"""STOP: ends texts to a number immediately, for every contact that has it, and keeps what it took away for START."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import suppressions
from app.core.consent.locking import LockedContact
from app.core.inbound import answers
from app.core.inbound.received import Received, lock_holders
from app.core.workspace import settings
from app.models import (
    Channel,
    Consent,
    ConsentState,
    ConsentType,
    Direction,
    Purpose,
    SmsMessage,
    StoppedConsent,
    SubscriptionType,
    Suppression,
    SuppressionCause,
    TypeState,
)

PROGRAMME, ALL_SMS, ALL_CHANNELS = "programme", "all_sms", "all_channels"
# A number with one of these causes had its confirmation, or gets no text by its carrier.
_STOPPED_ALREADY = {SuppressionCause.KEYWORD, SuppressionCause.PREFERENCE_CENTER, SuppressionCause.CARRIER}


def stop(session: Session, received: Received, *, at: datetime) -> None:
    """Suppress the number, and opt out every contact that has it of every SMS type; or of one type that STOP named.

    Writes a row of ``stopped_consents`` for each consent that it changed. One confirmation is queued; a second STOP
    gets none.

    Source: 47 CFR 64.1200(a)(10) and (a)(12)
    """
    named = _type_named(session, received.reading.type_name)
    if named is not None:
        contacts = lock_holders(session, received.phone_hash)
        if contacts:
            _stop_one(session, received, named, contacts, at=at)
            return
    _stop_all(session, received, at=at)


def sms_types(session: Session) -> list[SubscriptionType]:
    """The live SMS types, which STOP may name."""
    query = select(SubscriptionType).where(
        SubscriptionType.channel == Channel.SMS.value, SubscriptionType.state == TypeState.LIVE.value
    )
    return list(session.scalars(query.order_by(SubscriptionType.id)))


def _stop_one(
    session: Session,
    received: Received,
    named: SubscriptionType,
    contacts: Iterable[LockedContact],
    *,
    at: datetime,
) -> None:
    received.message.subscription_type_id = named.id
    stopped = [row for each in contacts for row in _opt_out(session, received, each, [named], at=at)]
    if stopped:
        answers.answer(session, received, Purpose.STOPPED, "stopped_type", at=at, type=named.name)


def _stop_all(session: Session, received: Received, *, at: datetime) -> None:
    before = session.get(Suppression, received.phone_hash)
    is_repeated = before is not None and before.cause in _STOPPED_ALREADY
    # The suppression first, as everything that locks both does.
    cause = SuppressionCause.CARRIER if _is_only_by_carrier(received) else SuppressionCause.KEYWORD
    suppressions.suppress_by(session, received.phone, cause, received.evidence, at=at)
    scope = settings.get(session).stop_scope
    channels = [Channel.SMS, Channel.EMAIL] if scope == ALL_CHANNELS else [Channel.SMS]
    stopped: list[StoppedConsent] = []
    for contact in lock_holders(session, received.phone_hash):
        types = _types_of(session, contact, channels)
        stopped += _opt_out(session, received, contact, types, at=at)
    if is_repeated:
        return
    asked_about = _programme(session, received, stopped) if scope == PROGRAMME else None
    if asked_about is None:
        answers.answer(session, received, Purpose.STOPPED, "stopped", at=at)
    else:
        question = answers.answer(session, received, Purpose.SCOPE, "scope", at=at, type=asked_about.name)
        if question is not None:
            question.subscription_type_id = asked_about.id


def _is_only_by_carrier(received: Received) -> bool:
    """Whether only the carrier read the text as STOP: by a keyword that is configured there."""
    return received.evidence.source == "carrier"


def _opt_out(
    session: Session, received: Received, contact: LockedContact, types: Sequence[SubscriptionType], *, at: datetime
) -> list[StoppedConsent]:
    """Opt a contact out of these types. What an earlier STOP took away stays with that one."""
    taken = _taken_by_stop(session, contact.id)
    stopped = []
    for each in types:
        before = consent.current(session, contact, each.id)
        if before is not None and before.event_id in taken:
            continue
        evidence = received.evidence.with_details(subscription_type=each.name)
        change = consent.opt_out(session, contact, each.id, contact.destination(each.channel), evidence, at=at)
        if change.is_new:
            state = before.state if before else ConsentState.NEVER_ASKED
            stopped.append(_row(received, contact.id, each.id, change.event_id, state, at=at))
    session.add_all(stopped)
    session.flush()
    return stopped


def _row(
    received: Received, contact_id: int, type_id: int, event_id: int, state_before: str, *, at: datetime
) -> StoppedConsent:
    return StoppedConsent(
        sms_message_id=received.message.id,
        phone_hash=received.phone_hash,
        contact_id=contact_id,
        subscription_type_id=type_id,
        event_id=event_id,
        state_before=state_before,
        stopped_at=at,
    )


def _taken_by_stop(session: Session, contact_id: int) -> set[int]:
    taken = select(StoppedConsent.event_id).where(
        StoppedConsent.contact_id == contact_id, StoppedConsent.restored_at.is_(None)
    )
    return set(session.scalars(taken))


def _types_of(session: Session, contact: LockedContact, channels: Sequence[Channel]) -> list[SubscriptionType]:
    """The live types of these channels, and others that the contact gave a consent for."""
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == contact.id)
    query = select(SubscriptionType).where(
        SubscriptionType.channel.in_([each.value for each in channels]),
        or_(SubscriptionType.state == TypeState.LIVE.value, SubscriptionType.id.in_(with_consent)),
    )
    return list(session.scalars(query.order_by(SubscriptionType.id)))


def _type_named(session: Session, name: str | None) -> SubscriptionType | None:
    return next((each for each in sms_types(session) if each.name == name), None) if name else None


def _programme(session: Session, received: Received, stopped: Iterable[StoppedConsent]) -> SubscriptionType | None:
    """The type of the last text to the number, where STOP ended more than that one: the person is asked if they meant
    only this. Without an answer everything stays stopped.
    """
    types = {each.id: each for each in sms_types(session)}
    ended = {each.subscription_type_id for each in stopped if _was_subscribed(each, types)}
    last = select(SmsMessage.subscription_type_id).where(
        SmsMessage.phone_hash == received.phone_hash,
        SmsMessage.direction == Direction.OUTBOUND.value,
        SmsMessage.subscription_type_id.is_not(None),
    )
    newest = session.scalar(last.order_by(SmsMessage.created_at.desc(), SmsMessage.id.desc()).limit(1))
    return types.get(newest) if newest in ended and len(ended) > 1 else None


def _was_subscribed(stopped: StoppedConsent, types: dict[int, SubscriptionType]) -> bool:
    if stopped.subscription_type_id not in types:
        return False
    is_default = types[stopped.subscription_type_id].consent_type == ConsentType.OPT_OUT
    return stopped.state_before == ConsentState.OPTED_IN or (
        is_default and stopped.state_before == ConsentState.NEVER_ASKED
    )
