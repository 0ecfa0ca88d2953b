"""What the rules of ``rules.py`` depend on: the facts about one contact, and the query about many."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, func, literal, select

from app.core.consent.current_destination import is_given_for_current
from app.models import (
    Channel,
    Confirmation,
    ConfirmationState,
    Consent,
    ConsentState,
    Contact,
    DestinationOptOut,
    NumberFact,
    SubscriptionType,
    Suppression,
)

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_DESTINATION_OPT_OUT = DestinationOptOut.__table__
_SUPPRESSION = Suppression.__table__
_NUMBER = NumberFact.__table__
_CONFIRMATION = Confirmation.__table__


@dataclass(frozen=True)
class NumberFacts:
    """What is known about the number of a contact.

    :param has_pending: an opt-in of the contact to the type with this number waits to be confirmed
    """

    is_suppressed: bool = False
    undeliverable_at: datetime | None = None
    reassigned_at: datetime | None = None
    has_pending: bool = False


@dataclass(frozen=True)
class Facts:
    """What the predicates depend on, for one contact and one subscription type.

    :param state: for the number or address that the contact has now
    :param was_asked: there is a consent, for any number or address
    :param opted_in_at: since when ``state`` is an opt-in; null when it is none
    :param phone_refusal: why the number cannot be texted: ``phone_invalid``, ``phone_not_sms_capable`` or null
    """

    contact: Contact
    subscription_type: SubscriptionType
    state: ConsentState
    was_asked: bool
    opted_in_at: datetime | None
    phone_refusal: str | None
    number: NumberFacts
    has_destination_opt_out: bool
    allowed_countries: frozenset[str]


@dataclass(frozen=True)
class Query:
    """What the conditions are built for: one subscription type, over the table ``contacts``.

    The methods ask other tables about each contact. A statement that joins these tables overrides them.
    """

    subscription_type: SubscriptionType
    allowed_countries: tuple[str, ...]

    @property
    def destination_hash(self) -> ColumnElement[str | None]:
        is_sms = self.subscription_type.channel == Channel.SMS
        return _CONTACT.c.phone_hash if is_sms else _CONTACT.c.email_hash

    def has_consent(self, state: ConsentState) -> ColumnElement[bool]:
        """Whether the contact has a consent with this state, for any destination."""
        consents = select(literal(1)).where(
            _CONSENT.c.contact_id == _CONTACT.c.id,
            _CONSENT.c.subscription_type_id == self.subscription_type.id,
            # as part of the statement's text, so that partial indexes are used
            _CONSENT.c.state == literal(state.value, literal_execute=True),
        )
        return consents.correlate(_CONTACT).exists()

    def opted_in_for_another(self) -> ColumnElement[bool]:
        """Whether the contact has an opt-in that was given for another number or address than it has now."""
        is_current = is_given_for_current(self.subscription_type.channel)
        with_another = select(literal(1)).where(
            _CONSENT.c.contact_id == _CONTACT.c.id,
            _CONSENT.c.subscription_type_id == self.subscription_type.id,
            _CONSENT.c.state == literal(ConsentState.OPTED_IN.value, literal_execute=True),
            ~func.coalesce(is_current, false()),
        )
        return with_another.correlate(_CONTACT).exists()

    def has_destination_opt_out(self) -> ColumnElement[bool]:
        """Whether any contact opted out of the type with this contact's number or address."""
        found = select(literal(1)).where(
            _DESTINATION_OPT_OUT.c.subscription_type_id == self.subscription_type.id,
            _DESTINATION_OPT_OUT.c.destination_hash == self.destination_hash,
        )
        return found.correlate(_CONTACT).exists()

    def has_pending(self) -> ColumnElement[bool]:
        """Whether an opt-in of the contact to the type waits to be confirmed with the number that it has now."""
        pending = select(literal(1)).where(
            _CONFIRMATION.c.contact_id == _CONTACT.c.id,
            _CONFIRMATION.c.subscription_type_id == self.subscription_type.id,
            _CONFIRMATION.c.phone_hash == _CONTACT.c.phone_hash,
            _CONFIRMATION.c.state == literal(ConfirmationState.PENDING.value, literal_execute=True),
        )
        return pending.correlate(_CONTACT).exists()

    def is_suppressed(self) -> ColumnElement[bool]:
        """Whether the contact's number must not be texted, whatever the type."""
        found = select(literal(1)).where(_SUPPRESSION.c.phone_hash == _CONTACT.c.phone_hash)
        return found.correlate(_CONTACT).exists()

    def is_undeliverable(self) -> ColumnElement[bool]:
        """Whether carriers say that texts do not arrive at the number."""
        found = select(literal(1)).where(
            _NUMBER.c.phone_hash == _CONTACT.c.phone_hash, _NUMBER.c.undeliverable_at.is_not(None)
        )
        return found.correlate(_CONTACT).exists()

    def is_reassigned(self) -> ColumnElement[bool]:
        """Whether the number belongs to another person now, without an opt-in since."""
        opted_in_since = select(literal(1)).where(
            _CONSENT.c.contact_id == _CONTACT.c.id,
            _CONSENT.c.subscription_type_id == self.subscription_type.id,
            _CONSENT.c.state == literal(ConsentState.OPTED_IN.value, literal_execute=True),
            _CONSENT.c.destination_hash == _CONTACT.c.phone_hash,
            _CONSENT.c.changed_at > _NUMBER.c.reassigned_at,
        )
        found = select(literal(1)).where(
            _NUMBER.c.phone_hash == _CONTACT.c.phone_hash,
            _NUMBER.c.reassigned_at.is_not(None),
            ~opted_in_since.correlate(_CONTACT, _NUMBER).exists(),
        )
        return found.correlate(_CONTACT).exists()
