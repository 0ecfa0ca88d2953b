"""How many contacts match a query: exactly from the indexes for one subscription filter, up to a limit for others.

Who opted in is an index entry. Of those, few are not listed or not reachable, and other indexes name all of them: the
contacts with an ``sms_block``, with a former number, with a suppressed, undeliverable or reassigned number or one that
was opted out. So the whole
index is counted, and only those few are looked at and taken away. Joining every contact takes four times as long.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select, union
from sqlalchemy.orm import Session

from app.core import countries
from app.core.consent import eligibility_sql
from app.core.contacts import filter_sql, search, search_plans
from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Kind, Operator, Query, SubscriptionStatus
from app.core.contacts.search_walks import Order
from app.db import run
from app.models import (
    Channel,
    Consent,
    ConsentState,
    ConsentType,
    Contact,
    DestinationOptOut,
    NumberFact,
    SubscriptionType,
    Suppression,
    TypeState,
)

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_OPT_OUT = DestinationOptOut.__table__
_SUPPRESSION = Suppression.__table__
_NUMBER = NumberFact.__table__


@dataclass(frozen=True)
class Counted:
    """How many contacts match, or at least so many."""

    number: int
    is_minimum: bool = False


def count(session: Session, query: Query | None) -> Counted:
    """How many contacts match: exact for one subscription filter, else up to ``search.COUNTED_MAX``.

    :raises InvalidInput: the query names something that does not exist
    """
    context = search.context_of(session, query)
    if isinstance(query, Filter) and query.kind == Kind.SEGMENT and query.operator == Operator.EQUALS:
        query = context.segments.get(str(query.values[0]), query)
    found = of_subscription(session, query, context) if isinstance(query, Filter) else None
    if found is not None:
        return Counted(found)
    number = search.count(session, query)
    return Counted(number, is_minimum=number >= search.COUNTED_MAX)


def exact(session: Session, query: Query) -> int:
    """How many contacts match, without a limit. It may take seconds, so no page asks.

    :raises InvalidInput: as ``count``
    """
    context = search.context_of(session, query)
    found = of_subscription(session, query, context) if isinstance(query, Filter) else None
    if found is not None:
        return found
    plan = search_plans.plan(query, Order(), context)
    return int(run(session, select(func.count()).select_from(plan.source).where(plan.where)).scalar_one())


def of_subscription(session: Session, query: Filter, context: QueryContext) -> int | None:
    """The exact count of a subscription filter; null for other filters."""
    if query.kind != Kind.SUBSCRIPTION or query.operator not in {Operator.EQUALS, Operator.DIFFERS}:
        return None
    counting = _Counting(session, context, context.subscription_type(query.name))
    found = counting.of_status(SubscriptionStatus(str(query.values[0])))
    return found if query.operator == Operator.EQUALS else counting.listed() - found


@dataclass(frozen=True)
class _Counting:
    """Counts for one subscription type."""

    session: Session
    context: QueryContext
    subscription_type: SubscriptionType

    def of_status(self, status: SubscriptionStatus) -> int:
        is_opt_in = self.subscription_type.consent_type == ConsentType.OPT_IN
        if self.subscription_type.channel != Channel.SMS and status != SubscriptionStatus.OPTED_OUT:
            return self._joined(status)
        match status:
            case SubscriptionStatus.OPTED_OUT:
                return self._of_state(status, ConsentState.OPTED_OUT, [_ARCHIVED])
            case SubscriptionStatus.NEVER_ASKED:
                of_states = (SubscriptionStatus.OPTED_IN, SubscriptionStatus.OPTED_OUT)
                return self.listed() - sum(self.of_status(each) for each in of_states)
            case SubscriptionStatus.SUBSCRIBED if not is_opt_in:
                return self.listed() - self.of_status(SubscriptionStatus.OPTED_OUT)
            case SubscriptionStatus.REACHABLE if self.subscription_type.state != TypeState.LIVE:
                return 0
            case SubscriptionStatus.REACHABLE:
                unreachable = [_OUT_OF_REACH, *self._unreachable_numbers()]
                if is_opt_in:
                    return self._of_state(status, ConsentState.OPTED_IN, [*unreachable, _FORMER_NUMBERS, _REASSIGNED])
                opted_out = select(_CONSENT.c.contact_id).where(self._row(ConsentState.OPTED_OUT))
                return self._contacts() - self._failing(status, [*unreachable, _REASSIGNED, opted_out])
        return self._of_state(status, ConsentState.OPTED_IN, [_ARCHIVED, _FORMER_NUMBERS, _REASSIGNED])

    def listed(self) -> int:
        """All contacts that lists show."""
        return self._contacts() - self._number(
            select(func.count()).where(_IS_OUT_OF_REACH, _CONTACT.c.archived_at.is_not(None))
        )

    def _of_state(self, status: SubscriptionStatus, state: ConsentState, suspects: list[Select[Any]]) -> int:
        """Everyone with a consent in this state, without those of the suspects who do not have the status."""
        row = self._row(state)
        own = select(_CONSENT.c.contact_id).where(row, _CONSENT.c.contact_id == _CONTACT.c.id)
        has_row = own.correlate(_CONTACT).exists()
        failing = self._failing(status, [each.where(has_row) for each in suspects])
        return self._number(select(func.count()).select_from(_CONSENT).where(row)) - failing

    def _failing(self, status: SubscriptionStatus, suspects: list[Select[Any]]) -> int:
        """How many of the suspects do not have the status."""
        suspected = union(*suspects).subquery()
        source = suspected.join(_CONTACT, _CONTACT.c.id == suspected.c[0])
        fails = not_(func.coalesce(self._condition(status), False))
        return self._number(select(func.count()).select_from(source).where(fails))

    def _condition(self, status: SubscriptionStatus) -> ColumnElement[bool]:
        query = Filter(Kind.SUBSCRIPTION, str(self.subscription_type.id), Operator.EQUALS, (status.value,))
        return and_(search_plans.is_listed(query, self.context), filter_sql.condition(query, self.context))

    def _joined(self, status: SubscriptionStatus) -> int:
        """By looking at each contact. An address that was changed is noted in no index."""
        return self._number(select(func.count()).select_from(_CONTACT).where(self._condition(status)))

    def _row(self, state: ConsentState) -> ColumnElement[bool]:
        is_of_type = _CONSENT.c.subscription_type_id == self.subscription_type.id
        return and_(is_of_type, _CONSENT.c.state == eligibility_sql.literal_state(state))

    def _unreachable_numbers(self) -> list[Select[Any]]:
        """Contacts with a number that is suppressed or undeliverable, was opted out of the type, or is of a refused
        country."""
        suppressed = select(_CONTACT.c.id).join(_SUPPRESSION, _SUPPRESSION.c.phone_hash == _CONTACT.c.phone_hash)
        opted_out = select(_CONTACT.c.id).join(_OPT_OUT, _OPT_OUT.c.destination_hash == _CONTACT.c.phone_hash)
        undeliverable = _OF_NUMBERS.where(_NUMBER.c.undeliverable_at.is_not(None))
        found = [
            suppressed,
            undeliverable,
            opted_out.where(_OPT_OUT.c.subscription_type_id == self.subscription_type.id),
        ]
        if self.context.allowed_countries:
            allowed = sorted(countries.with_territories(self.context.allowed_countries))
            found.append(select(_CONTACT.c.id).where(_CONTACT.c.phone_country.not_in(allowed)))
        return found

    def _contacts(self) -> int:
        return self._number(select(func.count()).select_from(_CONTACT))

    def _number(self, statement: Select[Any]) -> int:
        return int(run(self.session, statement).scalar_one())


# As the partial indexes have it.
_IS_OUT_OF_REACH = or_(_CONTACT.c.sms_block.is_not(None), _CONTACT.c.archived_at.is_not(None))
_OUT_OF_REACH = select(_CONTACT.c.id).where(_IS_OUT_OF_REACH)
_ARCHIVED = _OUT_OF_REACH.where(_CONTACT.c.archived_at.is_not(None))
_FORMER_NUMBERS = select(_CONTACT.c.id).where(_CONTACT.c.former_phone_hashes.is_not(None))
_OF_NUMBERS = select(_CONTACT.c.id).join(_NUMBER, _NUMBER.c.phone_hash == _CONTACT.c.phone_hash)
_REASSIGNED = _OF_NUMBERS.where(_NUMBER.c.reassigned_at.is_not(None))
