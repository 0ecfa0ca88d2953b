"""Whether one contact may be texted, and which of the rules (``rules.py``) are against it.

Pages and the API use it, and sending checks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol, Self

from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.consent import current_destination
from app.core.consent.reach import Person
from app.core.consent.rule_inputs import Facts, NumberFacts
from app.core.consent.rules import RULES
from app.core.consent.rules import Reason as Reason  # exported: surfaces import it from here
from app.core.workspace import settings
from app.db import CompiledStatement
from app.models import (
    Channel,
    Confirmation,
    ConfirmationState,
    Consent,
    ConsentEvent,
    ConsentState,
    ConsentType,
    Contact,
    DestinationOptOut,
    NumberFact,
    SubscriptionType,
    Suppression,
    TypeState,
)

NO_PHONE_BLOCK = Reason.NO_PHONE.value
_SUPPRESSION = CompiledStatement(
    select(Suppression.phone_hash).where(Suppression.phone_hash == bindparam("phone_hash"))
)
OBSTACLES = (
    select(Suppression.phone_hash).where(Suppression.phone_hash == bindparam("destination_hash")).exists(),
    select(func.max(DestinationOptOut.created_at))
    .where(
        DestinationOptOut.subscription_type_id == bindparam("subscription_type_id"),
        DestinationOptOut.destination_hash == bindparam("destination_hash"),
    )
    .scalar_subquery(),
)
"""The columns of ``Obstacles``, for statements that also read something else."""
_OBSTACLES = CompiledStatement(select(*OBSTACLES))


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


class OptOutAuthor(NamedTuple):
    """Who recorded an opt-out of a destination: the contact, and the source and level of its event."""

    contact_id: int
    source: str
    evidence_level: str


class Obstacles(NamedTuple):
    """Whether a destination is suppressed, and the time of its newest opt-out of a type."""

    is_suppressed: bool
    opted_out_at: datetime | None


class Textable(Person, Protocol):
    """The fields of a contact's own row that may stop every text. Contacts have them, and rows of a set."""

    @property
    def phone(self) -> str | None: ...


def sms_block_of(contact: Textable) -> str | None:
    """The value of ``contacts.sms_block``: the first reason in the contact's own row that stops every text, or null.

    A suppression is not one of them. It belongs to the number, and its rule reads the suppressions: a copy beside each
    contact would be wrong after two transactions that do not see each other.
    """
    if contact.archived_at is not None:
        return Reason.ARCHIVED
    if contact.blocked_at is not None:
        return Reason.BLOCKED
    if contact.gdpr_optin is False:
        return Reason.GDPR_OPTOUT
    if not contact.phone:
        return Reason.NO_PHONE
    return phone.refusal_of_stored(contact.phone)


def destination_of(contact: Contact, subscription_type: SubscriptionType) -> str | None:
    """The number or address that messages of this type go to."""
    return contact.phone if subscription_type.channel == Channel.SMS else contact.email


def status(session: Session, contact: Contact, subscription_type: SubscriptionType) -> SubscriptionStatus:
    """One contact's status for one subscription type."""
    consent = session.get(Consent, (contact.id, subscription_type.id))
    return statuses_with(session, contact, [subscription_type], {subscription_type.id: consent} if consent else {})[0]


def statuses_with(
    session: Session, contact: Contact, types: Sequence[SubscriptionType], consents: Mapping[int, Consent]
) -> list[SubscriptionStatus]:
    """The status that a contact has for each type, if these are its consents by type.

    It takes as many statements for thirty types as for one.
    """
    known = _Known.read(session, contact, types)
    return [_decided(known, each, consents.get(each.id)) for each in types]


def is_subscribed(state: ConsentState, subscription_type: SubscriptionType) -> bool:
    """Whether a state counts as subscribed: opted in, or never asked where people are subscribed until they object."""
    is_default = state == ConsentState.NEVER_ASKED and subscription_type.consent_type == ConsentType.OPT_OUT
    return state == ConsentState.OPTED_IN or is_default


def concerns(reason: Reason, channel: str) -> bool:
    """Whether a rule is about messages of this channel."""
    return any(rule.reason == reason and channel in rule.channels for rule in RULES)


def statuses(session: Session, contact: Contact) -> list[SubscriptionStatus]:
    """The status for every live type, and for every other type that the contact has a consent for; by name."""
    consents = {
        each.subscription_type_id: each
        for each in session.scalars(select(Consent).where(Consent.contact_id == contact.id))
    }
    return statuses_with(session, contact, types_of(session, contact), consents)


def types_of(session: Session, contact: Contact) -> list[SubscriptionType]:
    """Every live type, and every other type that the contact has a consent for; by name."""
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == contact.id)
    found = session.scalars(
        select(SubscriptionType)
        .where((SubscriptionType.state == TypeState.LIVE) | SubscriptionType.id.in_(with_consent))
        .order_by(SubscriptionType.name, SubscriptionType.id)
    )
    return list(found)


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


def has_opt_out_of_another(session: Session, subscription_type_id: int, destination_hash: str, contact_id: int) -> bool:
    """Whether another contact than this one opted out of this type with this number or address."""
    query = select(DestinationOptOut.contact_id).where(
        DestinationOptOut.subscription_type_id == subscription_type_id,
        DestinationOptOut.destination_hash == destination_hash,
        DestinationOptOut.contact_id != contact_id,
    )
    return session.execute(query.limit(1)).first() is not None


def opt_out_authors(session: Session, subscription_type_id: int, destination_hash: str) -> list[OptOutAuthor]:
    """Who opted out of this type with this number or address."""
    query = (
        select(DestinationOptOut.contact_id, ConsentEvent.source, ConsentEvent.evidence_level)
        .join(ConsentEvent, ConsentEvent.id == DestinationOptOut.event_id)
        .where(
            DestinationOptOut.subscription_type_id == subscription_type_id,
            DestinationOptOut.destination_hash == destination_hash,
        )
    )
    return [OptOutAuthor(*row) for row in session.execute(query)]


def opt_in_obstacles(session: Session, subscription_type_id: int, destination_hash: str) -> Obstacles:
    """What speaks against an opt-in for this destination to this type; in one statement."""
    is_suppressed, opted_out_at = _OBSTACLES.one(
        session, subscription_type_id=subscription_type_id, destination_hash=destination_hash
    )
    return Obstacles(bool(is_suppressed), opted_out_at)


@dataclass(frozen=True)
class _Known:
    """What the rules ask other tables about one contact and these types.

    :param pending: the types of which an opt-in with the number that the contact has now waits to be confirmed
    :param opted_out: types, and the contact's number or address, of which any contact opted out
    """

    contact: Contact
    number: NumberFacts
    pending: frozenset[int]
    opted_out: frozenset[tuple[int, str]]
    allowed_countries: frozenset[str]

    @classmethod
    def read(cls, session: Session, contact: Contact, types: Sequence[SubscriptionType]) -> Self:
        number, pending, phone_hash = NumberFacts(), frozenset[int](), contact.phone_hash
        if phone_hash is not None:
            columns = NumberFact.undeliverable_at, NumberFact.reassigned_at
            fact = session.execute(select(*columns).where(NumberFact.phone_hash == phone_hash)).one_or_none()
            number = NumberFacts(is_suppressed(session, phone_hash), *(fact or ()))
            waits = Confirmation.state == literal_column(f"'{ConfirmationState.PENDING.value}'")
            of_contact = Confirmation.contact_id == contact.id, Confirmation.phone_hash == phone_hash
            pending = frozenset(session.scalars(select(Confirmation.subscription_type_id).where(*of_contact, waits)))
        hashes = [each for each in (phone_hash, contact.email_hash) if each is not None]
        type_id, destination_hash = DestinationOptOut.subscription_type_id, DestinationOptOut.destination_hash
        of_types = type_id.in_([each.id for each in types]), destination_hash.in_(hashes)
        found = session.execute(select(type_id, destination_hash).where(*of_types)) if hashes else ()
        opted_out = frozenset((found_type, found_hash) for found_type, found_hash in found)
        return cls(contact, number, pending, opted_out, frozenset(settings.get(session).allowed_countries))

    def of_type(self, subscription_type: SubscriptionType) -> NumberFacts:
        return replace(self.number, has_pending=subscription_type.id in self.pending)


def _decided(known: _Known, subscription_type: SubscriptionType, consent: Consent | None) -> SubscriptionStatus:
    facts = _facts(known, subscription_type, consent)
    reasons = (rule.reason for rule in RULES if subscription_type.channel in rule.channels and rule.applies(facts))
    subscribed = is_subscribed(facts.state, subscription_type)
    return SubscriptionStatus(subscription_type, consent, facts.state, subscribed, tuple(reasons))


def _facts(known: _Known, subscription_type: SubscriptionType, consent: Consent | None) -> Facts:
    contact = known.contact
    number = contact.phone if subscription_type.channel == Channel.SMS else None
    destination_hash = current_destination.hash_of(contact, subscription_type.channel)
    state = state_for(consent, destination_hash)
    return Facts(
        contact,
        subscription_type,
        state,
        was_asked=consent is not None,
        opted_in_at=consent.changed_at if consent and state == ConsentState.OPTED_IN else None,
        phone_refusal=phone.refusal_of_stored(number) if number else None,
        number=known.of_type(subscription_type) if number else NumberFacts(),
        has_destination_opt_out=(subscription_type.id, destination_hash) in known.opted_out,
        allowed_countries=known.allowed_countries if number else frozenset(),
    )
