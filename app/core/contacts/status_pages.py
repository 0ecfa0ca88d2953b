"""The statements of pages of contacts with one status for one subscription type, which agents open most.

Each is built once: building one takes several times as long as reading the page (``bench.contacts``).
"""

from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, bindparam, select

from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Kind, Query
from app.core.contacts.search_plans import plan
from app.core.contacts.search_walks import Order
from app.models import SubscriptionType

_STATEMENTS_MAX = 256
_UTC = ZoneInfo("UTC")


class _Shape(NamedTuple):
    """Everything that such a statement depends on, beside the query and the order."""

    dialect: str
    allowed_countries: tuple[str, ...]
    type_id: int
    channel: str
    consent_type: str
    state: str


def statement(query: Query | None, order: Order, context: QueryContext, *, is_first: bool) -> Select[Any] | None:
    """A page of the keys of contacts, with the parameters ``limit`` and, behind another page, ``last_id``.

    Null where the query does not ask for a status alone, or the order is not that of ids.

    :raises InvalidInput: there is no such subscription type
    """
    if not isinstance(query, Filter) or query.kind != Kind.SUBSCRIPTION or order.field is not None:
        return None
    of = context.subscription_type(query.name)
    shape = _Shape(context.dialect, context.allowed_countries, of.id, of.channel, of.consent_type, of.state)
    return _built(query, order, shape, is_first)


@lru_cache(maxsize=_STATEMENTS_MAX)
def _built(query: Filter, order: Order, shape: _Shape, is_first: bool) -> Select[Any]:  # noqa: FBT001 - a key
    of = SubscriptionType(id=shape.type_id, channel=shape.channel, consent_type=shape.consent_type, state=shape.state)
    context = QueryContext(shape.dialect, _UTC, None, shape.allowed_countries, {query.name: of}, {})
    chosen = plan(query, order, context)
    (stretch,) = chosen.stretches
    behind = stretch.after((None, bindparam("last_id", type_=Integer)))
    bound = stretch.where if is_first or behind is None else behind
    rows = select(*chosen.keys).select_from(chosen.source).where(bound, chosen.where)
    return rows.order_by(*chosen.order).limit(bindparam("limit", type_=Integer))
