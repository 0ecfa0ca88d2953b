"""The rules about who may be reached, in one table: each reason as a Python predicate and as the same condition in SQL.

``eligibility.py`` applies the predicates to one contact, ``eligibility_sql.py`` the conditions to all of them. A
property test checks that both agree. Rules are in the order in which reasons are reported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, false, func, literal, or_, select, true

from app.core import phone
from app.core.consent.current_destination import is_given_for_current
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

_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
_DESTINATION_OPT_OUT = cast(Table, DestinationOptOut.__table__)
_SUPPRESSION = cast(Table, Suppression.__table__)


class Reason(StrEnum):
    """Why a contact is not reached. The first that applies, in this order, is *the* reason."""

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


@dataclass(frozen=True)
class Facts:
    """What the predicates depend on, for one contact and one subscription type.

    :param state: for the number or address that the contact has now
    :param was_asked: there is a consent, for any number or address
    :param phone_refusal: why the number cannot be texted: ``phone_invalid``, ``phone_not_sms_capable`` or null
    """

    contact: Contact
    subscription_type: SubscriptionType
    state: ConsentState
    was_asked: bool
    phone_refusal: str | None
    is_suppressed: bool
    has_destination_opt_out: bool
    allowed_countries: frozenset[str]


@dataclass(frozen=True)
class Query:
    """What the conditions are built for: one subscription type, over the table ``contacts``.

    The methods ask each contact's consents. A statement that joins the consents of the type overrides them.
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


@dataclass(frozen=True)
class Rule:
    """:param is_in_sms_block: ``contacts.sms_block`` holds this reason, unless an earlier one hides it"""

    reason: Reason
    channels: frozenset[Channel]
    applies: Callable[[Facts], bool]
    condition: Callable[[Query], ColumnElement[bool]]
    is_in_sms_block: bool = False


_BOTH, _SMS, _EMAIL = frozenset(Channel), frozenset({Channel.SMS}), frozenset({Channel.EMAIL})


def _is_country_refused(facts: Facts) -> bool:
    country = facts.contact.phone_country
    return bool(facts.contact.phone and country) and not phone.is_allowed(country or "", facts.allowed_countries)


def _country_refused(query: Query) -> ColumnElement[bool]:
    if not query.allowed_countries:
        return false()
    allowed = sorted(phone.with_territories(query.allowed_countries))
    return and_(_CONTACT.c.phone_country.is_not(None), _CONTACT.c.phone_country.not_in(allowed))


def _suppressed(_query: Query) -> ColumnElement[bool]:
    found = select(literal(1)).where(_SUPPRESSION.c.phone_hash == _CONTACT.c.phone_hash)
    return found.correlate(_CONTACT).exists()


def _is_opted_out(facts: Facts) -> bool:
    is_unsubscribed = facts.subscription_type.channel == Channel.EMAIL and facts.contact.unsubscribed_from_emails
    return facts.state == ConsentState.OPTED_OUT or facts.has_destination_opt_out or is_unsubscribed


def _opted_out(query: Query) -> ColumnElement[bool]:
    is_email = query.subscription_type.channel == Channel.EMAIL
    is_unsubscribed = _CONTACT.c.unsubscribed_from_emails if is_email else false()
    return or_(query.has_consent(ConsentState.OPTED_OUT), opted_out_with_destination(query), is_unsubscribed)


def opted_out_with_destination(query: Query) -> ColumnElement[bool]:
    """Whether any contact opted out of the type with this contact's number or address."""
    found = select(literal(1)).where(
        _DESTINATION_OPT_OUT.c.subscription_type_id == query.subscription_type.id,
        _DESTINATION_OPT_OUT.c.destination_hash == query.destination_hash,
    )
    return found.correlate(_CONTACT).exists()


def _needs_opt_in(facts: Facts) -> bool:
    is_opt_in_type = facts.subscription_type.consent_type == ConsentType.OPT_IN
    return is_opt_in_type and facts.state == ConsentState.NEVER_ASKED and not _is_opted_out(facts)


def _opted_in_with_another(query: Query) -> ColumnElement[bool]:
    """Whether the contact opted in with another number or address than it has now."""
    if query.subscription_type.consent_type != ConsentType.OPT_IN:
        return false()
    return and_(query.opted_in_for_another(), ~_opted_out(query))


def _never_opted_in(query: Query) -> ColumnElement[bool]:
    if query.subscription_type.consent_type != ConsentType.OPT_IN:
        return false()
    return and_(~query.has_consent(ConsentState.OPTED_IN), ~_opted_out(query))


def _sms_block(reason: Reason) -> Callable[[Query], ColumnElement[bool]]:
    return lambda _query: func.coalesce(_CONTACT.c.sms_block == reason.value, false())


RULES: tuple[Rule, ...] = (
    Rule(
        Reason.TYPE_NOT_LIVE,
        _BOTH,
        lambda facts: facts.subscription_type.state != TypeState.LIVE,
        lambda query: true() if query.subscription_type.state != TypeState.LIVE else false(),
    ),
    Rule(
        Reason.ARCHIVED,
        _BOTH,
        lambda facts: facts.contact.archived_at is not None,
        lambda _query: _CONTACT.c.archived_at.is_not(None),
        is_in_sms_block=True,
    ),
    Rule(
        Reason.BLOCKED,
        _BOTH,
        lambda facts: facts.contact.blocked_at is not None,
        lambda _query: _CONTACT.c.blocked_at.is_not(None),
        is_in_sms_block=True,
    ),
    Rule(
        Reason.GDPR_OPTOUT,
        _BOTH,
        lambda facts: facts.contact.gdpr_optin is False,
        lambda _query: _CONTACT.c.gdpr_optin.is_(false()),
        is_in_sms_block=True,
    ),
    Rule(
        Reason.NO_PHONE,
        _SMS,
        lambda facts: not facts.contact.phone,
        lambda _query: func.coalesce(_CONTACT.c.phone, "") == "",
        is_in_sms_block=True,
    ),
    Rule(
        Reason.PHONE_INVALID,
        _SMS,
        lambda facts: facts.phone_refusal == Reason.PHONE_INVALID,
        _sms_block(Reason.PHONE_INVALID),
        is_in_sms_block=True,
    ),
    Rule(
        Reason.PHONE_NOT_SMS_CAPABLE,
        _SMS,
        lambda facts: facts.phone_refusal == Reason.PHONE_NOT_SMS_CAPABLE,
        _sms_block(Reason.PHONE_NOT_SMS_CAPABLE),
        is_in_sms_block=True,
    ),
    Rule(Reason.COUNTRY_NOT_ALLOWED, _SMS, _is_country_refused, _country_refused),
    Rule(
        Reason.NO_EMAIL,
        _EMAIL,
        lambda facts: not facts.contact.email,
        lambda _query: func.coalesce(_CONTACT.c.email, "") == "",
    ),
    Rule(
        Reason.EMAIL_INVALID,
        _EMAIL,
        lambda facts: bool(facts.contact.email) and facts.contact.email_hash is None,
        lambda _query: and_(_CONTACT.c.email != "", _CONTACT.c.email_hash.is_(None)),
    ),
    Rule(
        Reason.SUPPRESSED,
        _SMS,
        lambda facts: facts.is_suppressed,
        _suppressed,
    ),
    Rule(Reason.OPTED_OUT, _BOTH, _is_opted_out, _opted_out),
    Rule(Reason.NUMBER_CHANGED, _BOTH, lambda facts: _needs_opt_in(facts) and facts.was_asked, _opted_in_with_another),
    Rule(Reason.NOT_OPTED_IN, _BOTH, lambda facts: _needs_opt_in(facts) and not facts.was_asked, _never_opted_in),
)
