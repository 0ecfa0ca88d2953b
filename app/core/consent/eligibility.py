"""Whether one contact may be texted, and which of the rules (``rules.py``) are against it.

Pages and the API use it, and sending checks again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, literal_column, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.core import phone
from app.core.consent import current_destination
from app.core.consent.rules import RULES, Facts
from app.core.consent.rules import Reason as Reason  # exported: surfaces import it from here
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

NO_PHONE_BLOCK = Reason.NO_PHONE.value
_SUPPRESSION = CompiledStatement(
    select(Suppression.phone_hash).where(Suppression.phone_hash == bindparam("phone_hash"))
)
_FIND_OPT_OUT = CompiledStatement(
    select(DestinationOptOut.contact_id)
    .where(
        DestinationOptOut.subscription_type_id == bindparam("subscription_type_id"),
        DestinationOptOut.destination_hash == bindparam("destination_hash"),
    )
    .limit(literal_column("1"))
)
_OBSTACLES = CompiledStatement(
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
class SubscriptionStatus:
    """One contact's status for one subscription type, for pages and the API.

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
    """The value of ``contacts.sms_block``: the first reason that stops texts of every type, or null.

    It is an SQL expression where it depends on suppressions: the statement that writes it looks them up.
    """
    reason = _block_of(phone_number, archived=archived, blocked=blocked, gdpr_optin=gdpr_optin)
    if reason is not None:
        return reason.value
    return sms_block_of_number(phone_hash)


def sms_block_of_number(phone_hash: Any) -> ColumnElement[str | None]:
    """The value of ``contacts.sms_block`` for a contact that only a suppression can block.

    :param phone_hash: the hash, or a bound parameter for it
    """
    suppressed = select(literal(Reason.SUPPRESSED.value)).where(Suppression.phone_hash == phone_hash)
    return suppressed.scalar_subquery()


def sms_block_of(contact: Contact) -> str | ColumnElement[str | None]:
    """The value of ``contacts.sms_block`` for a contact's current columns."""
    return sms_block(
        phone_number=contact.phone,
        phone_hash=contact.phone_hash,
        archived=contact.archived_at is not None,
        blocked=contact.blocked_at is not None,
        gdpr_optin=contact.gdpr_optin,
    )


def destination_of(contact: Contact, subscription_type: SubscriptionType) -> str | None:
    """The number or address that messages of this type go to."""
    return contact.phone if subscription_type.channel == Channel.SMS else contact.email


def status(session: Session, contact: Contact, subscription_type: SubscriptionType) -> SubscriptionStatus:
    """One contact's status for one subscription type."""
    consent = session.get(Consent, (contact.id, subscription_type.id))
    destination_hash = current_destination.hash_of(session, contact, subscription_type.channel)
    facts = _facts(session, contact, subscription_type, consent, destination_hash)
    state = facts.state
    is_subscribed = state == ConsentState.OPTED_IN or (
        state == ConsentState.NEVER_ASKED and subscription_type.consent_type == ConsentType.OPT_OUT
    )
    reasons = (rule.reason for rule in RULES if subscription_type.channel in rule.channels and rule.applies(facts))
    return SubscriptionStatus(subscription_type, consent, state, is_subscribed, tuple(reasons))


def statuses(session: Session, contact: Contact) -> list[SubscriptionStatus]:
    """The status for every live type, and for every other type that the contact has a consent for; by name."""
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == contact.id)
    types = session.scalars(
        select(SubscriptionType)
        .where((SubscriptionType.state == TypeState.LIVE) | SubscriptionType.id.in_(with_consent))
        .order_by(SubscriptionType.name, SubscriptionType.id)
    )
    return [status(session, contact, subscription_type) for subscription_type in types]


def live_statuses(session: Session, contact: Contact) -> list[SubscriptionStatus]:
    """Those of ``statuses`` whose type is live."""
    return [each for each in statuses(session, contact) if each.subscription_type.state == TypeState.LIVE]


def state_for(consent: Consent | None, destination_hash: str | None) -> ConsentState:
    """The state for one destination. An opt-in counts only for its own destination, an opt-out for any."""
    if consent is None:
        return ConsentState.NEVER_ASKED
    if consent.state == ConsentState.OPTED_OUT:
        return ConsentState.OPTED_OUT
    is_opted_in = current_destination.is_opted_in(consent.state, consent.destination_hash, destination_hash)
    return ConsentState.OPTED_IN if is_opted_in else ConsentState.NEVER_ASKED


def is_suppressed(session: Session, phone_hash: str) -> bool:
    """Whether this number must not be texted, by any type and for any contact."""
    return _SUPPRESSION.one(session, phone_hash=phone_hash) is not None


def has_destination_opt_out(session: Session, subscription_type_id: int, destination_hash: str) -> bool:
    """Whether any contact opted out of this type with this number or address, and the opt-out was not revoked."""
    found = _FIND_OPT_OUT.one(session, subscription_type_id=subscription_type_id, destination_hash=destination_hash)
    return found is not None


def opt_in_obstacles(
    session: Session, subscription_type_id: int, destination_hash: str
) -> tuple[bool, datetime | None]:
    """Whether this destination is suppressed, and the time of its newest opt-out of this type; in one statement."""
    is_suppressed, opted_out_at = _OBSTACLES.one(
        session, subscription_type_id=subscription_type_id, destination_hash=destination_hash
    )
    return bool(is_suppressed), opted_out_at


def _facts(
    session: Session,
    contact: Contact,
    subscription_type: SubscriptionType,
    consent: Consent | None,
    destination_hash: str | None,
) -> Facts:
    is_sms = subscription_type.channel == Channel.SMS
    number = contact.phone if is_sms else None
    return Facts(
        contact,
        subscription_type,
        state_for(consent, destination_hash),
        was_asked=consent is not None,
        phone_refusal=phone.refusal_of_stored(number) if number else None,
        is_suppressed=bool(number and contact.phone_hash) and is_suppressed(session, contact.phone_hash or ""),
        has_destination_opt_out=destination_hash is not None
        and has_destination_opt_out(session, subscription_type.id, destination_hash),
        allowed_countries=frozenset(settings.get(session).allowed_countries) if number else frozenset(),
    )


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
