"""The one gate: who may be texted, and by which named rule not (interface section 3).

The same rules answer for one contact (``reasons``) and are asked again at the moment of sending.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, literal, literal_column, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.core import phone
from app.core.signing import keys_of
from app.core.workspace import settings
from app.db import CompiledStatement
from app.models import (
    Channel,
    Consent,
    ConsentState,
    ConsentType,
    Contact,
    DestinationOptOut,
    SubscriptionType,
    Suppression,
    TypeState,
)


class Reason(StrEnum):
    """Why somebody is not reached; the first that holds, in this order, is *the* reason."""

    TYPE_NOT_LIVE = "type_not_live"
    ARCHIVED = "archived"
    BLOCKED = "blocked"
    GDPR_OPTOUT = "gdpr_optout"
    NO_PHONE = "no_phone"
    PHONE_INVALID = "phone_invalid"
    PHONE_NOT_SMS_CAPABLE = "phone_not_sms_capable"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    NO_EMAIL = "no_email"
    EMAIL_INVALID = "email_invalid"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    NUMBER_CHANGED = "number_changed"
    NOT_OPTED_IN = "not_opted_in"


NO_PHONE_BLOCK = Reason.NO_PHONE.value
_SUPPRESSION = CompiledStatement(
    select(Suppression.phone_hash).where(Suppression.phone_hash == bindparam("phone_hash"))
)
_OPT_OUT_WITH = CompiledStatement(
    select(DestinationOptOut.contact_id)
    .where(
        DestinationOptOut.subscription_type_id == bindparam("subscription_type_id"),
        DestinationOptOut.destination_hash == bindparam("destination_hash"),
    )
    .limit(literal_column("1"))
)
_IN_THE_WAY = CompiledStatement(
    select(
        select(Suppression.phone_hash).where(Suppression.phone_hash == bindparam("destination_hash")).exists(),
        select(func.max(DestinationOptOut.created_at))
        .where(
            DestinationOptOut.subscription_type_id == bindparam("subscription_type_id"),
            DestinationOptOut.destination_hash == bindparam("destination_hash"),
        )
        .scalar_subquery(),
    )
)


@dataclass(frozen=True)
class Standing:
    """One contact's standing with one type, for pages and answers.

    ``state`` is for the number or address that the contact has now; ``consent`` is the row behind it, if any.
    """

    subscription_type: SubscriptionType
    consent: Consent | None
    state: ConsentState
    is_subscribed: bool
    reasons: tuple[Reason, ...]

    @property
    def is_reachable(self) -> bool:
        return not self.reasons


def sms_block(
    *, phone_number: str | None, phone_hash: str | None, archived: bool, blocked: bool, gdpr_optin: bool | None
) -> str | ColumnElement[str | None]:
    """What stops texts to a contact whatever the type, for the column ``contacts.sms_block``: null or the first reason.

    An expression where suppressions have to be asked: they are, in the statement that writes it.
    """
    reason = _block_of(phone_number, archived=archived, blocked=blocked, gdpr_optin=gdpr_optin)
    if reason is not None:
        return reason.value
    return sms_block_of_number(phone_hash)


def sms_block_of_number(phone_hash: Any) -> ColumnElement[str | None]:
    """The same where nothing but the number matters, and it is known to be SMS-capable.

    :param phone_hash: the hash, or a bound parameter that will hold it
    """
    suppressed = select(literal(Reason.SUPPRESSED.value)).where(Suppression.phone_hash == phone_hash)
    return suppressed.scalar_subquery()


def sms_block_of(contact: Contact) -> str | ColumnElement[str | None]:
    """The same for a contact as it stands."""
    return sms_block(
        phone_number=contact.phone,
        phone_hash=contact.phone_hash,
        archived=contact.archived_at is not None,
        blocked=contact.blocked_at is not None,
        gdpr_optin=contact.gdpr_optin,
    )


def destination_of(contact: Contact, subscription_type: SubscriptionType) -> str | None:
    """The number or address that this type would go to."""
    return contact.phone if subscription_type.channel == Channel.SMS else contact.email


def standing(session: Session, contact: Contact, subscription_type: SubscriptionType) -> Standing:
    """One contact's standing with one type, computed afresh."""
    consent = session.get(Consent, (contact.id, subscription_type.id))
    destination = destination_of(contact, subscription_type)
    destination_hash = keys_of(session).destination_hash(destination) if destination else None
    state = state_at(consent, destination_hash)
    is_subscribed = state == ConsentState.OPTED_IN or (
        state == ConsentState.NEVER_ASKED and subscription_type.consent_type == ConsentType.OPT_OUT
    )
    reasons = tuple(_reasons(session, contact, subscription_type, consent, destination_hash, state))
    return Standing(subscription_type, consent, state, is_subscribed, reasons)


def standings(session: Session, contact: Contact) -> list[Standing]:
    """The standing with every live type, and with every other that the contact has a consent for; by name."""
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == contact.id)
    types = session.scalars(
        select(SubscriptionType)
        .where((SubscriptionType.state == TypeState.LIVE) | SubscriptionType.id.in_(with_consent))
        .order_by(SubscriptionType.name, SubscriptionType.id)
    )
    return [standing(session, contact, subscription_type) for subscription_type in types]


def state_at(consent: Consent | None, destination_hash: str | None) -> ConsentState:
    """The state for one destination: an opt-in belongs to the number it was given for, an opt-out to the person."""
    if consent is None:
        return ConsentState.NEVER_ASKED
    if consent.state == ConsentState.OPTED_OUT:
        return ConsentState.OPTED_OUT
    return ConsentState.OPTED_IN if consent.destination_hash == destination_hash else ConsentState.NEVER_ASKED


def is_suppressed(session: Session, phone_hash: str) -> bool:
    return _SUPPRESSION.one(session, phone_hash=phone_hash) is not None


def has_destination_opt_out(session: Session, subscription_type_id: int, destination_hash: str) -> bool:
    """Whether anybody opted out of this type with this number or address and did not take it back."""
    found = _OPT_OUT_WITH.one(session, subscription_type_id=subscription_type_id, destination_hash=destination_hash)
    return found is not None


def in_the_way(session: Session, subscription_type_id: int, destination_hash: str) -> tuple[bool, datetime | None]:
    """``is_suppressed``, and since when ``has_destination_opt_out``, by the newest of them; asked at once."""
    is_held, opted_out_since = _IN_THE_WAY.one(
        session, subscription_type_id=subscription_type_id, destination_hash=destination_hash
    )
    return bool(is_held), opted_out_since


def _reasons(
    session: Session,
    contact: Contact,
    subscription_type: SubscriptionType,
    consent: Consent | None,
    destination_hash: str | None,
    state: ConsentState,
) -> Iterator[Reason]:
    if subscription_type.state != TypeState.LIVE:
        yield Reason.TYPE_NOT_LIVE
    yield from _person_reasons(contact)
    if subscription_type.channel == Channel.SMS:
        yield from _phone_reasons(session, contact)
    else:
        yield from _email_reasons(contact)
    opted_out_with_it = destination_hash and has_destination_opt_out(session, subscription_type.id, destination_hash)
    wants_no_email = subscription_type.channel == Channel.EMAIL and contact.unsubscribed_from_emails
    if state == ConsentState.OPTED_OUT or opted_out_with_it or wants_no_email:
        yield Reason.OPTED_OUT
    elif state == ConsentState.NEVER_ASKED and subscription_type.consent_type == ConsentType.OPT_IN:
        yield Reason.NOT_OPTED_IN if consent is None else Reason.NUMBER_CHANGED


def _person_reasons(contact: Contact) -> Iterator[Reason]:
    if contact.archived_at is not None:
        yield Reason.ARCHIVED
    if contact.blocked_at is not None:
        yield Reason.BLOCKED
    if contact.gdpr_optin is False:
        yield Reason.GDPR_OPTOUT


def _phone_reasons(session: Session, contact: Contact) -> Iterator[Reason]:
    if not contact.phone:
        yield Reason.NO_PHONE
        return
    if refusal := phone.refusal_of_stored(contact.phone):
        yield Reason(refusal)
    allowed = settings.get(session).allowed_countries
    if allowed and contact.phone_country and contact.phone_country not in allowed:
        yield Reason.COUNTRY_NOT_ALLOWED
    if contact.phone_hash and is_suppressed(session, contact.phone_hash):
        yield Reason.SUPPRESSED


def _email_reasons(contact: Contact) -> Iterator[Reason]:
    if not contact.email:
        yield Reason.NO_EMAIL
    elif contact.email_hash is None:
        yield Reason.EMAIL_INVALID


def _block_of(phone_number: str | None, *, archived: bool, blocked: bool, gdpr_optin: bool | None) -> Reason | None:
    if archived:
        return Reason.ARCHIVED
    if blocked:
        return Reason.BLOCKED
    if gdpr_optin is False:
        return Reason.GDPR_OPTOUT
    if not phone_number:
        return Reason.NO_PHONE
    refusal = phone.refusal_of_stored(phone_number)
    return Reason(refusal) if refusal else None
