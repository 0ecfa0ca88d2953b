"""How a search reads contacts: from which table, under which condition and in which order.

A plan follows an index, so that a page is read from it and not sorted. SQL planners cannot be trusted to find it alone:
they do not know how many contacts one filter matches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    BinaryExpression,
    ColumnElement,
    FromClause,
    Table,
    and_,
    collate,
    func,
    literal,
    literal_column,
    null,
    or_,
    true,
    tuple_,
)

from app.core import phone_text
from app.core.consent import eligibility_sql
from app.core.contacts import filter_sql, filters, typed_search
from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query, SubscriptionStatus
from app.core.errors import InvalidInput
from app.models import Consent, ConsentState, ConsentType, Contact, ContactTag, UtcDateTime
from app.models.contact import SORTED_NAMES

_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
_TAGGED = cast(Table, ContactTag.__table__)
SORTS: Mapping[str, ColumnElement[Any]] = {
    name: _CONTACT.c[name]
    for name in ("created_at", "updated_at", "signed_up_at", "last_seen_at", "name", "email", "phone", "external_id")
}
_TIMES = {"created_at", "updated_at", "signed_up_at", "last_seen_at"}
_FIRST_TIME = datetime(1, 1, 1, tzinfo=UTC)
# Values of these columns are unique, or nearly.
SELECTIVE = {"id", "external_id", "email"} | filter_sql.NUMBERS
# For few contacts that an index finds. In the order of the bare id a planner may read the whole table instead.
UNINDEXED_ID = cast(ColumnElement[Any], literal_column("contacts.id + 0"))
NEWEST_FIRST = UNINDEXED_ID.desc()
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    """The column that a list is sorted by; newest first when none is given. ``is_backward`` turns any order around."""

    field: str | None = None
    is_descending: bool = True
    is_backward: bool = False


# The order of a query about one of these dates, so that it is read along the date's index. The contact that was changed
# longest ago comes first: one that changes while a client reads the pages is then listed twice, and none is missed.
_ORDER_BY_DATE = {"created_at": Order("created_at"), "updated_at": Order("updated_at", is_descending=False)}


@dataclass(frozen=True)
class Stretch:
    """A part of an order that is read from an index: which rows these are, and which of them come after a given key.

    ``after`` returns null where none of them does.
    """

    where: ColumnElement[bool]
    after: Callable[[Key], ColumnElement[bool] | None]


@dataclass(frozen=True)
class Plan:
    """One way to read contacts.

    :param keys: the columns that identify a row's position: the sorted column (null where rows go by id) and the id
    :param stretches: the parts of the order, one after the other: an order by a column has its empty values last
    """

    source: FromClause
    where: ColumnElement[bool]
    order: tuple[ColumnElement[Any], ...]
    keys: tuple[ColumnElement[Any], ...]
    stretches: tuple[Stretch, ...]


def plan(query: Query | None, order: Order, context: QueryContext) -> Plan:
    """The plan for a query in an order.

    :raises InvalidInput: the query or the order names something that does not exist
    """
    listed = is_listed(query, context)
    if query is None:
        return _by_id(listed, order) if order.field is None else _sorted(order, listed, context)
    where = and_(listed, filter_sql.condition(query, context))
    if order.field is not None:
        return _sorted(order, where, context, is_few=_is_selective(query))
    parts = [part for part in _parts(query) if isinstance(part, Filter)]
    if any(_is_beginning(part) for part in parts):
        return _by_number(where, order, context)
    if _is_selective(query):
        return _few(where, order)
    return _along_rows(query, listed, order, context) or _by_date(parts, where, order, context)


def _by_date(parts: list[Filter], where: ColumnElement[bool], order: Order, context: QueryContext) -> Plan:
    """Along the index of a date that the query asks for, else by id."""
    for part in parts:
        if part.name in _ORDER_BY_DATE and None not in part.values:
            return _sorted(replace(_ORDER_BY_DATE[part.name], is_backward=order.is_backward), where, context)
    return _by_id(where, order)


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
            return _by_joined(_CONSENT, and_(row, listed, *conditions), order)
    return None


def _along_tags(query: Query, listed: ColumnElement[bool], order: Order, context: QueryContext) -> Plan | None:
    """A plan along the primary key of ``contact_tags``, where one part of the query asks for a tag."""
    parts = _parts(query)
    for position, part in enumerate(parts):
        is_wanted = isinstance(part, Filter) and part.kind == Kind.TAG and part.operator == Operator.EQUALS
        if is_wanted and isinstance(part, Filter) and part.values[0] is not None:
            others = parts[:position] + parts[position + 1 :]
            conditions = (filter_sql.condition(each, context) for each in others)
            return _by_joined(_TAGGED, and_(filter_sql.tagged_row(part), listed, *conditions), order)
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


def _by_joined(table: Table, where: ColumnElement[bool], order: Order) -> Plan:
    """Along an index of a table with a row for each contact.

    Both keys get the bound, or a planner walks from the start of one of them.
    """
    key = table.c.contact_id
    source = table.join(_CONTACT, _CONTACT.c.id == key)
    stretch = Stretch(true(), lambda last: and_(_beyond(key, last[1], order), _beyond(_CONTACT.c.id, last[1], order)))
    return Plan(source, where, (_along(key, order),), (literal(None), key), (stretch,))


def _by_number(where: ColumnElement[bool], order: Order, context: QueryContext) -> Plan:
    """Along the index of numbers, in the order of code points."""
    number, key = _CONTACT.c.phone, _CONTACT.c.id
    ascending = Order(is_descending=order.is_backward)
    if context.dialect == "sqlite":
        above, from_, by = ("<", "<=", number.desc()) if order.is_backward else (">", ">=", number.asc())
    else:
        above, from_ = ("~<~", "~<=~") if order.is_backward else ("~>~", "~>=~")
        by = cast(Any, literal_column(f"contacts.phone USING {'~>~' if order.is_backward else '~<~'}"))

    def after(last: Key) -> ColumnElement[bool]:
        beyond = number.op(above, is_comparison=True)(str(last[0]))
        return and_(number.op(from_, is_comparison=True)(str(last[0])), or_(beyond, _beyond(key, last[1], ascending)))

    return Plan(_CONTACT, where, (by, _along(key, ascending)), (number, key), (Stretch(true(), after),))


def _by_id(where: ColumnElement[bool], order: Order) -> Plan:
    key = _CONTACT.c.id
    stretch = Stretch(true(), lambda last: _beyond(key, last[1], order))
    return Plan(_CONTACT, where, (_along(key, order),), (literal(None), key), (stretch,))


def _few(where: ColumnElement[bool], order: Order) -> Plan:
    """Find few contacts by an index, then sort them."""
    key = _CONTACT.c.id
    stretch = Stretch(true(), lambda last: _beyond(key, last[1], order))
    return Plan(_CONTACT, where, (_along(UNINDEXED_ID, order),), (literal(None), key), (stretch,))


def _sorted(order: Order, where: ColumnElement[bool], context: QueryContext, *, is_few: bool = False) -> Plan:
    """By a column, empty values last. Ties go by id in the same direction.

    The known and the empty values are two stretches: no planner reads both along the index in one statement.

    :param is_few: another index finds the contacts, so they are sorted instead
    """
    field = order.field or ""
    if field not in SORTS:
        raise InvalidInput("Sort by one of %(allowed)s.", field="sort.field", allowed=", ".join(SORTS))
    key, is_time = _CONTACT.c.id, field in _TIMES
    column = SORTED_NAMES[context.dialect] if field == "name" else SORTS[field]
    if is_few:
        column = _unindexed(column)
    order = replace(order, is_descending=order.is_descending != order.is_backward)

    is_empty, is_known = column.is_(None), _known(column, context, is_time=is_time)

    def after_known(last: Key) -> ColumnElement[bool] | None:
        if last[0] is None:
            return is_known if order.is_backward else None
        value = literal(_time(last[0]), UtcDateTime()) if is_time else literal(str(last[0]))
        return _beyond_pair(column, value, last[1], order)

    def after_empty(last: Key) -> ColumnElement[bool] | None:
        if last[0] is not None:
            return None if order.is_backward else is_empty
        return and_(is_empty, key < last[1] if order.is_descending else key > last[1])

    by = (column.desc(), key.desc()) if order.is_descending else (column.asc(), key.asc())
    if not SORTS[field].nullable:
        return Plan(_CONTACT, where, by, (column, key), (Stretch(true(), after_known),))
    stretches = (Stretch(is_known, after_known), Stretch(is_empty, after_empty))
    return Plan(_CONTACT, where, by, (column, key), stretches[::-1] if order.is_backward else stretches)


def _known(column: ColumnElement[Any], context: QueryContext, *, is_time: bool) -> ColumnElement[bool]:
    if context.dialect == "sqlite":  # which begins an ascending order with the empty values, unless there is a bound
        return column >= (literal(_FIRST_TIME, UtcDateTime()) if is_time else literal(""))
    return column.is_not(None)


def _beyond_pair(column: ColumnElement[Any], value: ColumnElement[Any], key: int, order: Order) -> ColumnElement[bool]:
    """One bound on both, so that a page begins where the index has it, however deep."""
    if isinstance(column, BinaryExpression):  # SQLite uses an index for pairs only with the default collation
        if order.is_descending:
            return and_(column <= value, or_(column < value, _CONTACT.c.id < key))
        return and_(column >= value, or_(column > value, _CONTACT.c.id > key))
    here, there = tuple_(column, _CONTACT.c.id), tuple_(value, literal(key))
    return here < there if order.is_descending else here > there


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value as an expression that no index has."""
    if isinstance(column, BinaryExpression):  # with a collation
        return collate(func.coalesce(column.left, null()), "NOCASE")
    return func.coalesce(column, null())


def _along(key: ColumnElement[Any], order: Order) -> ColumnElement[Any]:
    """The order of ids, the newest first."""
    return key.desc() if order.is_descending != order.is_backward else key.asc()


def _beyond(key: ColumnElement[int], last: int, order: Order) -> ColumnElement[bool]:
    return key < last if order.is_descending != order.is_backward else key > last


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


def _time(microseconds: Any) -> datetime:
    if not isinstance(microseconds, int) or not 0 <= microseconds < 253_402_300_800_000_000:
        raise InvalidInput("This is not a cursor of this list.", field="starting_after", code="client_error")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
