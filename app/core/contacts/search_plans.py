"""How a search reads contacts: from which table, under which condition and in which order.

A plan follows an index, so that a page is read from it and not sorted. SQL planners cannot be trusted to find it alone:
they do not know how many contacts one filter matches.
"""

from dataclasses import replace

from sqlalchemy import ColumnElement, and_

from app.core import phone_text
from app.core.consent import eligibility_sql
from app.core.contacts import filter_sql, filters, search_walks, typed_search
from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query, SubscriptionStatus
from app.core.contacts.search_walks import Order, Plan
from app.models import Consent, ConsentState, ConsentType, Contact, ContactTag

# Values of these columns are unique, or nearly.
SELECTIVE = {"id", "external_id", "email"} | filter_sql.NUMBERS
_CONSENT = Consent.__table__
_TAGGED = ContactTag.__table__
_CONTACT = Contact.__table__
# Fields with an index of the value and the id.
_WITH_ID = {"phone_country", "email_domain"}
# The order of a query about one of these dates, so that it is read along the date's index. The contact that was changed
# longest ago comes first: one that changes while a client reads the pages is then listed twice, and none is missed.
_ORDER_BY_DATE = {"created_at": Order("created_at"), "updated_at": Order("updated_at", is_descending=False)}


def plan(query: Query | None, order: Order, context: QueryContext) -> Plan:
    """The plan for a query in an order.

    :raises InvalidInput: the query or the order names something that does not exist
    """
    listed = is_listed(query, context)
    if query is None:
        return search_walks.by_id(listed, order) if order.field is None else _sorted(order, listed, context)
    parts = [part for part in _parts(query) if isinstance(part, Filter)]
    is_few, is_beginning = _is_selective(query), any(_is_beginning(part) for part in parts)
    if order.field is None and not is_few and not is_beginning:
        along = _along_rows(query, listed, order, context)
        if along is not None:
            return along
    where = and_(listed, filter_sql.condition(query, context))
    if order.field is not None:
        return search_walks.by_column(order, where, context.dialect, is_few=is_few)
    if is_beginning:
        return search_walks.by_number(where, order, context.dialect)
    if is_few:
        return search_walks.few(where, order)
    return _by_value(parts, where, order, context) or _by_date(parts, where, order, context)


def _by_value(parts: list[Filter], where: ColumnElement[bool], order: Order, context: QueryContext) -> Plan | None:
    """Along an index of a value and the id, where one part asks for one value."""
    for part in parts:
        if part.name in _WITH_ID and part.operator == Operator.EQUALS and None not in part.values:
            return search_walks.by_value(where, order, filter_sql.column(part.name, context))
    return None


def _by_date(parts: list[Filter], where: ColumnElement[bool], order: Order, context: QueryContext) -> Plan:
    """Along the index of a date that the query asks for, else by id."""
    for part in parts:
        if part.name in _ORDER_BY_DATE and None not in part.values:
            return _sorted(replace(_ORDER_BY_DATE[part.name], is_backward=order.is_backward), where, context)
    return search_walks.by_id(where, order)


def _sorted(order: Order, where: ColumnElement[bool], context: QueryContext) -> Plan:
    return search_walks.by_column(order, where, context.dialect)


def is_listed(query: Query | None, context: QueryContext) -> ColumnElement[bool]:
    """Whether lists show a contact: archived ones where the query asks about them, merged and erased ones never."""
    if query is not None and filters.names_archived(query, context.segments):
        return and_(_CONTACT.c.merged_into_id.is_(None), _CONTACT.c.erased_at.is_(None))
    return _CONTACT.c.archived_at.is_(None)


def _parts(query: Query) -> tuple[Query, ...]:
    """What a contact must match, each of them."""
    return query.parts if isinstance(query, Group) and query.is_and else (query,)


def _along_rows(query: Query, listed: ColumnElement[bool], order: Order, context: QueryContext) -> Plan | None:
    """A plan along the rows of another table, where one part of the query asks for one of them."""
    return _along_consents(query, listed, order, context) or _along_tags(query, listed, order, context)


def _along_consents(query: Query, listed: ColumnElement[bool], order: Order, context: QueryContext) -> Plan | None:
    """A plan along the index of consents in one state, where one part of the query asks for it.

    The joined row of ``consents`` says what that part asks, so its condition is left out.
    """
    parts = _parts(query)
    for position, part in enumerate(parts):
        if isinstance(part, Filter) and (row := _consent_row(part, context)) is not None:
            is_answered = part.values[0] != SubscriptionStatus.REACHABLE
            others = parts[:position] + parts[position + is_answered :]
            conditions = (filter_sql.condition(each, context) for each in others)
            return search_walks.by_joined(_CONSENT, and_(row, listed, *conditions), order)
    return None


def _along_tags(query: Query, listed: ColumnElement[bool], order: Order, context: QueryContext) -> Plan | None:
    """A plan along the primary key of ``contact_tags``, where one part of the query asks for a tag."""
    parts = _parts(query)
    for position, part in enumerate(parts):
        is_wanted = isinstance(part, Filter) and part.kind == Kind.TAG and part.operator == Operator.EQUALS
        if is_wanted and isinstance(part, Filter) and part.values[0] is not None:
            others = parts[:position] + parts[position + 1 :]
            conditions = (filter_sql.condition(each, context) for each in others)
            return search_walks.by_joined(_TAGGED, and_(filter_sql.tagged_row(part), listed, *conditions), order)
    return None


def _consent_row(part: Filter, context: QueryContext) -> ColumnElement[bool] | None:
    """Which row of ``consents`` a contact that matches the filter has; null where it needs none."""
    is_positive = part.operator in {Operator.EQUALS, Operator.IN} and len(part.values) == 1
    if part.kind != Kind.SUBSCRIPTION or not is_positive:
        return None
    subscription_type = context.subscription_type(part.name)
    status = part.values[0]
    if status == SubscriptionStatus.OPTED_OUT:
        return and_(
            _CONSENT.c.contact_id == _CONTACT.c.id,
            _CONSENT.c.subscription_type_id == subscription_type.id,
            _CONSENT.c.state == eligibility_sql.literal_state(ConsentState.OPTED_OUT),
        )
    asks_first = subscription_type.consent_type == ConsentType.OPT_IN
    if status == SubscriptionStatus.OPTED_IN or (
        asks_first and status in {SubscriptionStatus.SUBSCRIBED, SubscriptionStatus.REACHABLE}
    ):
        return eligibility_sql.opted_in_row(_CONTACT.c.id, subscription_type)
    return None


def _is_beginning(part: Filter) -> bool:
    """Whether a condition is one range of the index of numbers."""
    if part.kind == Kind.TYPED:
        return typed_search.beginning(str(part.values[0])) is not None
    return part.name in filter_sql.NUMBERS and part.operator == Operator.STARTS


def _is_selective(query: Query) -> bool:
    """Whether only few contacts can match, because a unique value, a number or an address is requested."""
    if isinstance(query, Group):
        return (any if query.is_and else all)(_is_selective(part) for part in query.parts)
    if query.kind == Kind.TYPED:
        return typed_search.beginning(str(query.values[0])) is None
    if query.operator == Operator.ENDS and query.name in filter_sql.NUMBERS:
        return filter_sql.is_ending(phone_text.part(str(query.values[0])))
    is_unique = query.kind == Kind.TEXT and query.name in SELECTIVE
    return is_unique and query.operator in {Operator.EQUALS, Operator.IN} and None not in query.values
