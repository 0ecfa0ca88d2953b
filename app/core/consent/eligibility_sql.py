"""Which of all contacts may be texted: the rules of ``rules.py`` as conditions on the table ``contacts``."""

from sqlalchemy import ColumnElement, and_, case, false, literal, select, true

from app.core.consent.current_destination import is_given_for_current
from app.core.consent.rules import RULES, Query, Reason
from app.models import Channel, Consent, ConsentState, ConsentType, Contact, SubscriptionType, TypeState

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__


# Those that never hold for a subscribed contact.
_WITHOUT_OPT_IN = (Reason.UNCONFIRMED, Reason.NUMBER_CHANGED, Reason.NOT_OPTED_IN)


def first_reason(query: Query) -> ColumnElement[str | None]:
    """The first reason why a contact is not reached; null for a contact that is."""
    rules = [rule for rule in RULES if query.subscription_type.channel in rule.channels]
    return case(*((rule.condition(query), literal(rule.reason.value)) for rule in rules), else_=None)


def reachable(query: Query) -> ColumnElement[bool]:
    """Whether no rule applies, in a form that uses the indexes: ``contacts.sms_block`` covers several rules."""
    if query.subscription_type.state != TypeState.LIVE:
        return false()
    is_sms = query.subscription_type.channel == Channel.SMS
    outside = {Reason.TYPE_NOT_LIVE, Reason.OPTED_OUT, *_WITHOUT_OPT_IN}
    others = [
        ~rule.condition(query)
        for rule in RULES
        if query.subscription_type.channel in rule.channels
        and rule.reason not in outside
        and not (is_sms and rule.is_in_sms_block)
    ]
    no_block = _CONTACT.c.sms_block.is_(None) if is_sms else ~_CONTACT.c.unsubscribed_from_emails
    return and_(subscribed(query), no_block, *others, ~query.has_destination_opt_out())


def subscribed(query: Query) -> ColumnElement[bool]:
    """Whether the contact opted in to an opt-in type, or did not opt out of an opt-out type."""
    if query.subscription_type.consent_type == ConsentType.OPT_IN:
        return opted_in(query)
    return ~query.has_consent(ConsentState.OPTED_OUT)


def opted_in(query: Query) -> ColumnElement[bool]:
    """Whether the contact opted in with the number or address that it has now."""
    row = opted_in_row(_CONTACT.c.id, query.subscription_type)
    return select(literal(1)).where(row).correlate(_CONTACT).exists()


def opted_in_row(contact_id: ColumnElement[int], subscription_type: SubscriptionType) -> ColumnElement[bool]:
    """Whether a row of ``consents`` is an opt-in for the number or address that its contact has now."""
    is_current = is_given_for_current(subscription_type.channel)
    return and_(
        _CONSENT.c.contact_id == contact_id,
        _CONSENT.c.subscription_type_id == subscription_type.id,
        _CONSENT.c.state == literal_state(ConsentState.OPTED_IN),
        # Nearly always true, but planners assume that two columns are rarely equal. As a CASE it lets the planner read
        # one page from the index instead of sorting rows that it expects to be few.
        case((is_current, true()), else_=false()),
    )


def literal_state(state: ConsentState) -> ColumnElement[str]:
    """The state as part of the statement's text, so that partial indexes are used."""
    return literal(state.value, literal_execute=True)
