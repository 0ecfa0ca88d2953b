"""Statements of searches that are built once for any value: pages and counts of contacts with one status for one
subscription type, which agents open most, and of numbers with one beginning.

Building a statement takes several times as long as reading the page (``bench.contacts``). SQLAlchemy's cache saves the
compilation only: it needs the built statement to look it up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, bindparam, select

from app.core.contacts import filter_sql, text_sql
from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Kind, Operator, Query
from app.core.contacts.search_plans import plan
from app.core.contacts.search_walks import Order
from app.core.contacts.text_sql import Parameter
from app.models import SubscriptionType

_STATEMENTS_MAX = 256
_UTC = ZoneInfo("UTC")
_BEGINNING = Parameter("beginning")


@dataclass(frozen=True)
class Kept:
    """A statement, and the parameters that a query has for it."""

    statement: Select[Any]
    parameters: Mapping[str, Any]


class _Shape(NamedTuple):
    """Everything that a statement depends on, beside the order. The query has parameters in place of its texts."""

    query: Filter
    dialect: str
    allowed_countries: tuple[str, ...] = ()
    type_id: int | None = None
    channel: str | None = None
    consent_type: str | None = None
    state: str | None = None


def page(query: Query | None, order: Order, context: QueryContext, *, is_first: bool) -> Kept | None:
    """A page of the keys of contacts, with the parameters ``limit`` and, behind another page, ``last_id`` besides.

    Null where the statement is not kept, or the order is not that of the query.

    :raises InvalidInput: there is no such subscription type
    """
    found = _shape(query, context) if order.field is None else None
    if found is None or not (is_first or found[0].query.kind == Kind.SUBSCRIPTION):
        return None
    shape, parameters = found
    return Kept(_page(shape, order, is_first), parameters)


def count(query: Query | None, context: QueryContext) -> Kept | None:
    """How many contacts match a query, counted up to the parameter ``most``. Null where the statement is not kept.

    :raises InvalidInput: there is no such subscription type
    """
    found = _shape(query, context)
    return None if found is None else Kept(_count(found[0]), found[1])


def _shape(query: Query | None, context: QueryContext) -> tuple[_Shape, Mapping[str, Any]] | None:
    if not isinstance(query, Filter):
        return None
    if query.kind == Kind.SUBSCRIPTION:
        of = context.subscription_type(query.name)
        return (
            _Shape(query, context.dialect, context.allowed_countries, of.id, of.channel, of.consent_type, of.state),
            {},
        )
    if query.operator != Operator.STARTS or query.name not in filter_sql.NUMBERS:
        return None
    parameters = text_sql.range_parameters(_BEGINNING, filter_sql.stored_part(query.name, str(query.values[0])))
    return None if parameters is None else (_Shape(replace(query, values=(_BEGINNING,)), context.dialect), parameters)


@lru_cache(maxsize=_STATEMENTS_MAX)
def _page(shape: _Shape, order: Order, is_first: bool) -> Select[Any]:  # noqa: FBT001 - a key
    chosen = plan(shape.query, order, _context(shape))
    (stretch,) = chosen.stretches
    behind = None if is_first else stretch.after((None, bindparam("last_id", type_=Integer)))
    rows = select(*chosen.keys).select_from(chosen.source).where(stretch.where if behind is None else behind)
    return rows.where(chosen.where).order_by(*chosen.order).limit(bindparam("limit", type_=Integer))


@lru_cache(maxsize=_STATEMENTS_MAX)
def _count(shape: _Shape) -> Select[Any]:
    return plan(shape.query, Order(), _context(shape)).counting


def _context(shape: _Shape) -> QueryContext:
    of = SubscriptionType(id=shape.type_id, channel=shape.channel, consent_type=shape.consent_type, state=shape.state)
    return QueryContext(shape.dialect, _UTC, None, shape.allowed_countries, {shape.query.name: of}, {})
