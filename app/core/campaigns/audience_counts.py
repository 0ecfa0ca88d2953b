"""How many contacts of an audience have each first reason, in one pass.

The tables that the rules ask are joined to the contacts, so that the database reads each of them once, and works out
the reason of a contact once.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, false, func, literal, select
from sqlalchemy.orm import Session

from app.core.consent.rules import RULES, Query, Reason, Rule
from app.core.contacts import audiences
from app.db import dialect_of
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
_CONFIRMATION = Confirmation.__table__
_OPT_OUT = DestinationOptOut.__table__
_NUMBER = NumberFact.__table__
_SUPPRESSION = Suppression.__table__
# Each contact's consent of the type.
OWN = Consent.__table__.alias("own")
_RULES = [rule for rule in RULES if Channel.SMS in rule.channels]
_FEW_NUMBERS = {
    Reason.NUMBER_UNDELIVERABLE: select(_NUMBER.c.phone_hash).where(_NUMBER.c.undeliverable_at.is_not(None)),
    Reason.NUMBER_REASSIGNED: select(_NUMBER.c.phone_hash).where(_NUMBER.c.reassigned_at.is_not(None)),
    Reason.UNCONFIRMED: select(_CONFIRMATION.c.phone_hash).where(
        _CONFIRMATION.c.state == ConfirmationState.PENDING.value
    ),
}


def by_reason(session: Session, query: Query, where: ColumnElement[bool]) -> dict[str | None, int]:
    """How many contacts have each first reason; under null those who have none."""
    joined = _join_numbers(query) if dialect_of(session) == "postgresql" else _join_consents(query)
    return audiences.counts(session, joined.conditions, where, joined.source)


def is_own(subscription_type: SubscriptionType) -> ColumnElement[bool]:
    """Whether a row of ``OWN`` is the contact's consent of this type."""
    return and_(OWN.c.contact_id == _CONTACT.c.id, OWN.c.subscription_type_id == subscription_type.id)


class _Joined(NamedTuple):
    """The reasons in their order, each with its condition, and the tables that the conditions read."""

    conditions: list[tuple[str, ColumnElement[bool]]]
    source: FromClause


def _join_numbers(query: Query) -> _Joined:
    """On PostgreSQL: hash joins.

    A correlated subquery in a rule would keep the planner from using more than one process, so all tables are joined.
    """
    numbers = _Numbers(query.subscription_type)
    rules = _NumbersJoined(query, numbers)
    return _Joined([(rule.reason.value, rule.condition(rules)) for rule in _RULES], numbers.source)


def _join_consents(query: Query) -> _Joined:
    rules = _ConsentJoined(query)
    source = _CONTACT.outerjoin(OWN, is_own(query.subscription_type))
    return _Joined([(rule.reason.value, _among_few(rule, rules)) for rule in _RULES], source)


def _among_few(rule: Rule, query: Query) -> ColumnElement[bool]:
    """The condition of a rule, asked only for the few numbers that it may be about: they are read once."""
    if (among := _FEW_NUMBERS.get(rule.reason)) is None:
        return rule.condition(query)
    return and_(_CONTACT.c.phone_hash.in_(among), rule.condition(query))


class _ConsentJoined(Query):
    """The rules where each contact's consent of the type is joined as ``OWN``."""

    def __init__(self, query: Query) -> None:
        super().__init__(query.subscription_type, query.allowed_countries)

    def has_consent(self, state: ConsentState) -> ColumnElement[bool]:
        return func.coalesce(OWN.c.state == state.value, false())

    def opted_in_for_another(self) -> ColumnElement[bool]:
        is_current = func.coalesce(OWN.c.destination_hash == _CONTACT.c.phone_hash, false())
        return and_(self.has_consent(ConsentState.OPTED_IN), ~is_current)


class _Numbers:
    """What is known about numbers, one row for each number, joined to the contacts that have it."""

    def __init__(self, subscription_type: SubscriptionType) -> None:
        of_type = _OPT_OUT.c.subscription_type_id == subscription_type.id
        self.opted_out = select(_OPT_OUT.c.destination_hash.label("phone_hash")).where(of_type).distinct().subquery()
        is_pending = and_(
            _CONFIRMATION.c.subscription_type_id == subscription_type.id,
            _CONFIRMATION.c.state == literal(ConfirmationState.PENDING.value, literal_execute=True),
        )
        pending = select(_CONFIRMATION.c.contact_id, _CONFIRMATION.c.phone_hash).where(is_pending)
        self.pending = pending.distinct().subquery()
        is_pending_now = and_(
            self.pending.c.contact_id == _CONTACT.c.id, self.pending.c.phone_hash == _CONTACT.c.phone_hash
        )
        source: FromClause = _CONTACT.outerjoin(OWN, is_own(subscription_type))
        for each in (_SUPPRESSION, self.opted_out, _NUMBER):
            source = source.outerjoin(each, each.c.phone_hash == _CONTACT.c.phone_hash)
        self.source = source.outerjoin(self.pending, is_pending_now)


class _NumbersJoined(_ConsentJoined):
    """The rules where what is known about a contact's number is joined, too."""

    def __init__(self, query: Query, numbers: _Numbers) -> None:
        super().__init__(query)
        self._numbers = numbers

    def has_destination_opt_out(self) -> ColumnElement[bool]:
        return self._numbers.opted_out.c.phone_hash.is_not(None)

    def has_pending(self) -> ColumnElement[bool]:
        return self._numbers.pending.c.contact_id.is_not(None)

    def is_suppressed(self) -> ColumnElement[bool]:
        return _SUPPRESSION.c.phone_hash.is_not(None)

    def is_undeliverable(self) -> ColumnElement[bool]:
        return _NUMBER.c.undeliverable_at.is_not(None)

    def is_reassigned(self) -> ColumnElement[bool]:
        opted_in_since = and_(
            self.has_consent(ConsentState.OPTED_IN),
            func.coalesce(OWN.c.destination_hash == _CONTACT.c.phone_hash, false()),
            OWN.c.changed_at > _NUMBER.c.reassigned_at,
        )
        return and_(_NUMBER.c.reassigned_at.is_not(None), ~opted_in_since)
