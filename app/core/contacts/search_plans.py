"""How a search reads contacts: from which table, under which condition and in which order.

A plan follows an index, so that a page is read from it and not sorted. SQL planners cannot be trusted to find it alone:
they do not know how many contacts one filter matches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, Table, and_, literal, literal_column, or_, tuple_

from app.core.consent import eligibility_sql
from app.core.contacts import filter_sql, filters
from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query, SubscriptionStatus
from app.core.errors import InvalidInput
from app.models import Consent, ConsentState, ConsentType, Contact, ContactTag, UtcDateTime

_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
_TAGGED = cast(Table, ContactTag.__table__)
SORTS: Mapping[str, ColumnElement[Any]] = {
    name: _CONTACT.c[name]
    for name in ("created_at", "updated_at", "signed_up_at", "last_seen_at", "name", "email", "phone", "external_id")
}
_TIMES = {"created_at", "updated_at", "signed_up_at", "last_seen_at"}
# Values of these columns are unique, or nearly.
SELECTIVE = {"id", "external_id", "email"} | filter_sql.NUMBERS
# For few contacts that an index finds. In the order of the bare id a planner may read the whole table instead.
NEWEST_FIRST = cast(ColumnElement[Any], literal_column("contacts.id + 0")).desc()
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    """The column that a list is sorted by; newest first when none is given."""

    field: str | None = None
    is_descending: bool = True


# The order of a query about one of these dates, so that it is read along the date's index. The contact that was changed
# longest ago comes first: one that changes while a client reads the pages is then listed twice, and none is missed.
_ORDER_BY_DATE = {"created_at": Order("created_at"), "updated_at": Order("updated_at", is_descending=False)}


@dataclass(frozen=True)
class Plan:
    """One way to read contacts.

    :param keys: the columns that identify a row's position: the sorted column (null where rows go by id) and the id
    :param after: the condition for the rows behind a given key
    """

    source: FromClause
    where: ColumnElement[bool]
    order: tuple[ColumnElement[Any], ...]
    keys: tuple[ColumnElement[Any], ...]
    after: Callable[[Key], ColumnElement[bool]]


def plan(query: Query | None, order: Order, context: QueryContext) -> Plan:
    """The plan for a query in an order.

    :raises InvalidInput: the query or the order names something that does not exist
    """
    listed = is_listed(query, context)
    if query is None:
        return _by_id(listed) if order.field is None else _sorted(order, listed)
    if order.field is None and (along := _along_rows(query, listed, context)):
        return along
    where = and_(listed, filter_sql.condition(query, context))
    if order.field is not None:
        return _sorted(order, where)
    parts = [part for part in _parts(query) if isinstance(part, Filter)]
    if any(part.name in filter_sql.NUMBERS and part.operator == Operator.STARTS for part in parts):
        return _by_number(where, context)
    if _is_selective(query):
        return _few(where)
    for part in parts:
        if part.name in _ORDER_BY_DATE and None not in part.values:
            return _sorted(_ORDER_BY_DATE[part.name], where)
    return _by_id(where)


def is_listed(query: Query | None, context: QueryContext) -> ColumnElement[bool]:
    """Whether lists show a contact: archived ones where the query asks about them, merged and erased ones never."""
    if query is not None and filters.names_archived(query, context.segments):
        return and_(_CONTACT.c.merged_into_id.is_(None), _CONTACT.c.erased_at.is_(None))
    return _CONTACT.c.archived_at.is_(None)


def _parts(query: Query) -> tuple[Query, ...]:
    """What a contact must match, each of them."""
    return query.parts if isinstance(query, Group) and query.is_and else (query,)


def _along_rows(query: Query, listed: ColumnElement[bool], context: QueryContext) -> Plan | None:
    """A plan along the rows of another table, where one part of the query asks for one of them."""
    return _along_consents(query, listed, context) or _along_tags(query, listed, context)


def _along_consents(query: Query, listed: ColumnElement[bool], context: QueryContext) -> Plan | None:
    """A plan along the index of consents in one state, where one part of the query asks for it.

    The joined row of ``consents`` says what that part asks, so its condition is left out.
    """
    parts = _parts(query)
    for position, part in enumerate(parts):
        if isinstance(part, Filter) and (row := _consent_row(part, context)) is not None:
            is_answered = part.values[0] != SubscriptionStatus.REACHABLE
            others = parts[:position] + parts[position + is_answered :]
            conditions = (filter_sql.condition(each, context) for each in others)
            return _by_joined(_CONSENT, row, and_(listed, *conditions))
    return None


def _along_tags(query: Query, listed: ColumnElement[bool], context: QueryContext) -> Plan | None:
    """A plan along the primary key of ``contact_tags``, where one part of the query asks for a tag."""
    parts = _parts(query)
    for position, part in enumerate(parts):
        is_wanted = isinstance(part, Filter) and part.kind == Kind.TAG and part.operator == Operator.EQUALS
        if is_wanted and isinstance(part, Filter) and part.values[0] is not None:
            others = parts[:position] + parts[position + 1 :]
            conditions = (filter_sql.condition(each, context) for each in others)
            return _by_joined(_TAGGED, filter_sql.tagged_row(part), and_(listed, *conditions))
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


def _by_joined(table: Table, row: ColumnElement[bool], where: ColumnElement[bool]) -> Plan:
    """Along an index of a table with a row for each contact.

    Both keys get the bound, or a planner walks from the start of one of them.
    """
    key = table.c.contact_id
    return Plan(
        source=table.join(_CONTACT, _CONTACT.c.id == key),
        where=and_(row, where),
        order=(key.desc(),),
        keys=(literal(None), key),
        after=lambda last: and_(key < last[-1], _CONTACT.c.id < last[-1]),
    )


def _by_number(where: ColumnElement[bool], context: QueryContext) -> Plan:
    """Along the index of numbers."""
    number, key = _CONTACT.c.phone, _CONTACT.c.id
    if context.dialect == "sqlite":
        order = (number.asc(), key.asc())

        def after(last: Key) -> ColumnElement[bool]:
            return and_(number >= str(last[0]), or_(number > str(last[0]), key > last[1]))
    else:
        order = (cast(Any, literal_column("contacts.phone USING ~<~")), key.asc())

        def after(last: Key) -> ColumnElement[bool]:
            beyond = number.op("~>~", is_comparison=True)(str(last[0]))
            return and_(number.op("~>=~", is_comparison=True)(str(last[0])), or_(beyond, key > last[1]))

    return Plan(_CONTACT, where, order, (number, key), after)


def _by_id(where: ColumnElement[bool]) -> Plan:
    key = _CONTACT.c.id
    return Plan(_CONTACT, where, (key.desc(),), (literal(None), key), lambda last: key < last[1])


def _few(where: ColumnElement[bool]) -> Plan:
    """Find few contacts by an index, then sort them."""
    key = _CONTACT.c.id
    return Plan(_CONTACT, where, (NEWEST_FIRST,), (literal(None), key), lambda last: key < last[1])


def _sorted(order: Order, where: ColumnElement[bool]) -> Plan:
    """By a column, empty values last. Ties go by id in the same direction."""
    column = SORTS.get(order.field or "")
    if column is None:
        raise InvalidInput("Sort by one of %(allowed)s.", field="sort.field", allowed=", ".join(SORTS))
    key, is_empty = _CONTACT.c.id, column.is_(None)
    is_time = order.field in _TIMES

    def after(last: Key) -> ColumnElement[bool]:
        if last[0] is None:
            return and_(is_empty, key < last[1] if order.is_descending else key > last[1])
        value = literal(_time(last[0]), UtcDateTime()) if is_time else literal(str(last[0]))
        if not column.nullable:  # one bound on both, so that a page begins where the index has it, however deep
            here, there = tuple_(column, key), tuple_(value, literal(last[1]))
            return here < there if order.is_descending else here > there
        if order.is_descending:
            return or_(is_empty, column < value, and_(column == value, key < last[1]))
        return or_(is_empty, column > value, and_(column == value, key > last[1]))

    if order.is_descending:
        by: tuple[ColumnElement[Any], ...] = (column.desc().nulls_last(), key.desc())
    else:
        by = (column.asc().nulls_last(), key.asc())
    if not column.nullable:
        by = (column.desc(), key.desc()) if order.is_descending else (column.asc(), key.asc())
    return Plan(_CONTACT, where, by, (column, key), after)


def _is_selective(query: Query) -> bool:
    """Whether only few contacts can match, because a unique value, a number or an address is requested."""
    if isinstance(query, Group):
        return (any if query.is_and else all)(_is_selective(part) for part in query.parts)
    is_unique = query.kind == Kind.TEXT and query.name in SELECTIVE
    return is_unique and query.operator in {Operator.EQUALS, Operator.IN} and None not in query.values


def _time(microseconds: Any) -> datetime:
    if not isinstance(microseconds, int) or not 0 <= microseconds < 253_402_300_800_000_000:
        raise InvalidInput("This is not a cursor of this list.", field="starting_after", code="client_error")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
