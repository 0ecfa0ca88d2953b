"""The rules about who may be reached, in one table: each reason as a Python predicate and as the same condition in SQL.

``eligibility.py`` applies the predicates to one contact, ``eligibility_sql.py`` the conditions to all of them. A
property test checks that both agree. Rules are in the order in which reasons are reported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, false, func, or_, true

from app.core import phone
from app.core.consent.rule_inputs import Facts
from app.core.consent.rule_inputs import Query as Query  # exported with the rules
from app.models import Channel, ConsentState, ConsentType, Contact, TypeState

_CONTACT = Contact.__table__


class Reason(StrEnum):
    """Why a contact is not reached. The first that applies, in this order, is *the* reason."""

    TYPE_NOT_LIVE = "type_not_live"
    ARCHIVED = "archived"
    BLOCKED = "blocked"
    GDPR_OPTOUT = "gdpr_optout"
    NO_PHONE = "no_phone"
    PHONE_INVALID = "phone_invalid"
    PHONE_NOT_SMS_CAPABLE = "phone_not_sms_capable"
    NUMBER_UNDELIVERABLE = "number_undeliverable"
    NUMBER_REASSIGNED = "number_reassigned"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    NO_EMAIL = "no_email"
    EMAIL_INVALID = "email_invalid"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    UNCONFIRMED = "unconfirmed"
    NUMBER_CHANGED = "number_changed"
    NOT_OPTED_IN = "not_opted_in"


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


def _is_reassigned(facts: Facts) -> bool:
    since = facts.number.reassigned_at
    return since is not None and (facts.opted_in_at is None or facts.opted_in_at <= since)


def _is_opted_out(facts: Facts) -> bool:
    is_unsubscribed = facts.subscription_type.channel == Channel.EMAIL and facts.contact.unsubscribed_from_emails
    return facts.state == ConsentState.OPTED_OUT or facts.has_destination_opt_out or is_unsubscribed


def _opted_out(query: Query) -> ColumnElement[bool]:
    is_email = query.subscription_type.channel == Channel.EMAIL
    is_unsubscribed = _CONTACT.c.unsubscribed_from_emails if is_email else false()
    return or_(query.has_consent(ConsentState.OPTED_OUT), query.has_destination_opt_out(), is_unsubscribed)


def _needs_opt_in(facts: Facts) -> bool:
    is_opt_in_type = facts.subscription_type.consent_type == ConsentType.OPT_IN
    return is_opt_in_type and facts.state == ConsentState.NEVER_ASKED and not _is_opted_out(facts)


def _unconfirmed(query: Query) -> ColumnElement[bool]:
    if query.subscription_type.consent_type != ConsentType.OPT_IN:
        return false()
    return and_(query.has_pending(), or_(_never_opted_in(query), _opted_in_with_another(query)))


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
    Rule(
        Reason.NUMBER_UNDELIVERABLE,
        _SMS,
        lambda facts: facts.number.undeliverable_at is not None,
        lambda query: query.is_undeliverable(),
    ),
    Rule(Reason.NUMBER_REASSIGNED, _SMS, _is_reassigned, lambda query: query.is_reassigned()),
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
        lambda facts: facts.number.is_suppressed,
        lambda query: query.is_suppressed(),
    ),
    Rule(Reason.OPTED_OUT, _BOTH, _is_opted_out, _opted_out),
    Rule(Reason.UNCONFIRMED, _SMS, lambda facts: _needs_opt_in(facts) and facts.number.has_pending, _unconfirmed),
    Rule(Reason.NUMBER_CHANGED, _BOTH, lambda facts: _needs_opt_in(facts) and facts.was_asked, _opted_in_with_another),
    Rule(Reason.NOT_OPTED_IN, _BOTH, lambda facts: _needs_opt_in(facts) and not facts.was_asked, _never_opted_in),
)
