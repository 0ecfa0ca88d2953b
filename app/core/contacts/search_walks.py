"""The ways to read contacts along an index, forward and backward. ``search_plans.py`` chooses one for a query."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    BinaryExpression,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    collate,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
)

from app.core.errors import InvalidInput
from app.models import Contact, UtcDateTime
from app.models.contact import SORTED_NAMES

_CONTACT = Contact.__table__
SORTS: Mapping[str, ColumnElement[Any]] = {
    name: _CONTACT.c[name]
    for name in ("created_at", "updated_at", "signed_up_at", "last_seen_at", "name", "email", "phone", "external_id")
}
_TIMES = {"created_at", "updated_at", "signed_up_at", "last_seen_at"}
_FIRST_TIME = datetime(1, 1, 1, tzinfo=UTC)
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

    @property
    def counting(self) -> Select[int]:
        """Counts the contacts, up to the parameter ``most``."""
        some = select(literal(1)).select_from(self.source).where(self.where).limit(bindparam("most", type_=Integer))
        return select(func.count()).select_from(some.subquery())


def by_joined(table: Table, where: ColumnElement[bool], order: Order) -> Plan:
    """Along an index of a table with a row for each contact.

    Both keys get the bound, or a planner walks from the start of one of them.
    """
    key = table.c.contact_id
    source = table.join(_CONTACT, _CONTACT.c.id == key)
    stretch = Stretch(true(), lambda last: and_(_beyond(key, last[1], order), _beyond(_CONTACT.c.id, last[1], order)))
    return Plan(source, where, (_along(key, order),), (literal(None), key), (stretch,))


def by_number(where: ColumnElement[bool], order: Order, dialect: str) -> Plan:
    """Along the index of numbers, in the order of code points."""
    number, key = _CONTACT.c.phone, _CONTACT.c.id
    ascending = Order(is_descending=order.is_backward)
    if dialect == "sqlite":
        above, from_, by = ("<", "<=", number.desc()) if order.is_backward else (">", ">=", number.asc())
    else:
        above, from_ = ("~<~", "~<=~") if order.is_backward else ("~>~", "~>=~")
        by = cast(Any, literal_column(f"contacts.phone USING {'~>~' if order.is_backward else '~<~'}"))

    def after(last: Key) -> ColumnElement[bool]:
        beyond = number.op(above, is_comparison=True)(str(last[0]))
        return and_(number.op(from_, is_comparison=True)(str(last[0])), or_(beyond, _beyond(key, last[1], ascending)))

    return Plan(_CONTACT, where, (by, _along(key, ascending)), (number, key), (Stretch(true(), after),))


def by_id(where: ColumnElement[bool], order: Order) -> Plan:
    key = _CONTACT.c.id
    stretch = Stretch(true(), lambda last: _beyond(key, last[1], order))
    return Plan(_CONTACT, where, (_along(key, order),), (literal(None), key), (stretch,))


def by_value(where: ColumnElement[bool], order: Order, value: ColumnElement[Any]) -> Plan:
    """By id, along an index that begins with a value, which is the same for all rows.

    The order names that value, so that no planner reads the ids alone.
    """
    key = _CONTACT.c.id
    stretch = Stretch(true(), lambda last: _beyond(key, last[1], order))
    return Plan(_CONTACT, where, (_along(value, order), _along(key, order)), (literal(None), key), (stretch,))


def few(where: ColumnElement[bool], order: Order) -> Plan:
    """By id, where an index finds few contacts, which are then sorted."""
    key = _CONTACT.c.id
    stretch = Stretch(true(), lambda last: _beyond(key, last[1], order))
    return Plan(_CONTACT, where, (_along(UNINDEXED_ID, order),), (literal(None), key), (stretch,))


def by_column(order: Order, where: ColumnElement[bool], dialect: str, *, is_few: bool = False) -> Plan:
    """By a column, empty values last. Ties go by id in the same direction.

    The known and the empty values are two stretches: no planner reads both along the index in one statement.

    :param is_few: another index finds the contacts, so they are sorted instead
    :raises InvalidInput: lists cannot be sorted by this field; ``field`` is ``sort.field``
    """
    field = order.field or ""
    if field not in SORTS:
        raise InvalidInput("Sort by one of %(allowed)s.", field="sort.field", allowed=", ".join(SORTS))
    key, is_time = _CONTACT.c.id, field in _TIMES
    column = SORTED_NAMES[dialect] if field == "name" else SORTS[field]
    if is_few:
        column = _unindexed(column)
    order = replace(order, is_descending=order.is_descending != order.is_backward)

    is_empty, is_known = column.is_(None), _known(column, dialect, is_time=is_time)

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


def _known(column: ColumnElement[Any], dialect: str, *, is_time: bool) -> ColumnElement[bool]:
    if dialect == "sqlite":  # which begins an ascending order with the empty values, unless there is a bound
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


def _time(microseconds: Any) -> datetime:
    if not isinstance(microseconds, int) or not 0 <= microseconds < 253_402_300_800_000_000:
        raise InvalidInput("This is not a cursor of this list.", field="starting_after", code="client_error")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
