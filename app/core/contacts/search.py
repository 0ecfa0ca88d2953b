"""Finding contacts: one page of those that match a query, in an order that an index gives, and how many there are.

Archived contacts are left out, unless the query itself asks about them; merged and erased ones always.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, case, func, literal, literal_column, select
from sqlalchemy.orm import Session

from app.core.contacts import filter_sql, filters, kept_statements, segment_queries, views
from app.core.contacts.filter_sql import QueryContext
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query, Value
from app.core.contacts.kept_statements import Kept
from app.core.contacts.search_plans import SELECTIVE, is_listed, plan
from app.core.contacts.search_walks import NEWEST_FIRST, Key, Order, Plan
from app.core.email import normalize
from app.core.errors import InvalidInput, NotFound
from app.db import CompiledStatement, ReadConnection, dialect_of, is_in_few, run
from app.models import Contact, SubscriptionType, Workspace

COUNTED_MAX = 10_000
SKIPPED_MAX = 10_000
_MATCHED_TOGETHER = 50  # queries in one statement
_LOOKED_UP_MAX = 10
_WITHOUT_POLICY = {Kind.TEXT, Kind.BOOLEAN, Kind.CUSTOM, Kind.TAG}
_CONTACT = Contact.__table__
_UTC = ZoneInfo("UTC")
_WORKSPACE = Workspace.__table__
_POLICY = CompiledStatement(
    select(_WORKSPACE.c.time_zone, _WORKSPACE.c.default_country, _WORKSPACE.c.allowed_countries).where(
        _WORKSPACE.c.id == literal(1)
    )
)
_TYPE = SubscriptionType.__table__
_TYPES = CompiledStatement(
    lambda dialect: select(_TYPE.c.id, _TYPE.c.channel, _TYPE.c.consent_type, _TYPE.c.state).where(
        is_in_few(dialect, _TYPE.c.id, "ids")
    )
)
# Integrations look up one contact by such a value for nearly each of their calls.
_BY_VALUE = {
    name: CompiledStatement(
        select(*views.COLUMNS)
        .where(filter_sql.COLUMNS[name] == bindparam("value"), _CONTACT.c.archived_at.is_(None))
        .order_by(NEWEST_FIRST)
        .limit(literal_column(str(_LOOKED_UP_MAX + 1)))
    )
    for name in SELECTIVE
}


@dataclass(frozen=True)
class Found:
    """Ids in order; ``key`` of the last one when there are more; how many there are, exactly or at least.

    :param rows: for ``views.of_rows``, where they were read with the ids
    """

    ids: list[int]
    key: Key | None
    total: int
    is_minimum: bool
    rows: list[Any] | None = None


@dataclass(frozen=True)
class Place:
    """Which rows of an order: at most ``limit`` behind ``after``, without the first ``skip``.

    :param after: the key that the page before ended with: two parts, of the sort and the id
    """

    limit: int
    after: Key | None = None
    skip: int = 0


def page(
    session: Session | ReadConnection,
    query: Query | None,
    place: Place,
    *,
    order: Order | None = None,
    total: int | None = None,
) -> Found:
    """The contacts at a place of the order.

    :param total: as counted for the first page; counted here where it is null
    :raises InvalidInput: the query, the sort, or ``skip`` beyond ``SKIPPED_MAX``
    """
    limit, skip = place.limit, place.skip
    if skip > SKIPPED_MAX:
        raise InvalidInput("Use “starting_after” from here on: numbered pages end here.", field="page")
    is_plain = place.after is None and not skip and (order is None or order.field is None)
    if is_plain and (rows := _look_up(session, query, limit)) is not None:
        return Found([row[0] for row in rows], None, len(rows), is_minimum=False, rows=rows)
    context = context_of(session, query)
    found = _read(session, query, order or Order(), context, place)
    key = _key(found[limit - 1]) if len(found) > limit else None
    if total is None:
        total = len(found)
        if key is not None or skip:
            total = _count(session, query, context)
    return Found([row[-1] for row in found[:limit]], key, total, total >= COUNTED_MAX)


@dataclass(frozen=True)
class Window:
    """Contacts in order, with the keys of the rows that more lie before and behind; null: there are no more."""

    ids: list[int]
    before: Key | None
    after: Key | None


def window(
    session: Session,
    query: Query | None,
    order: Order,
    *,
    after: Key | None = None,
    before: Key | None = None,
    limit: int,
) -> Window:
    """The contacts behind ``after``, or those before ``before``; the first ones where neither is given. Counts nothing.

    Each page is read from an index, however deep, in both directions.

    :raises InvalidInput: the query, the sort or the key
    """
    turned = replace(order, is_backward=after is None and before is not None)
    place = Place(limit, before if turned.is_backward else after)
    found = _read(session, query, turned, context_of(session, query), place)
    has_more, rows = len(found) > limit, found[:limit]
    if turned.is_backward:
        rows = rows[::-1]
    ids = [row[-1] for row in rows]
    first, last = (_key(rows[0]), _key(rows[-1])) if rows else (None, None)
    if turned.is_backward:
        return Window(ids, first if has_more else None, last)
    return Window(ids, first if after else None, last if has_more else None)


def count(session: Session, query: Query | None) -> int:
    """How many contacts match a query, counted up to ``COUNTED_MAX``."""
    return _count(session, query, context_of(session, query))


def which(session: Session, queries: Sequence[Query], contact_id: int) -> list[bool]:
    """For each query whether this contact matches it: one statement for many of them."""
    matches: list[bool] = []
    for begin in range(0, len(queries), _MATCHED_TOGETHER):
        some = queries[begin : begin + _MATCHED_TOGETHER]
        context = context_of(session, Group(is_and=False, parts=tuple(some)))
        columns = [
            case((and_(filter_sql.condition(each, context), is_listed(each, context)), 1), else_=0).label(f"q{place}")
            for place, each in enumerate(some)
        ]
        found = run(session, select(*columns).select_from(_CONTACT).where(_CONTACT.c.id == contact_id)).first()
        matches += [value == 1 for value in found] if found else [False] * len(some)
    return matches


def check(session: Session, query: Query) -> None:
    """:raises InvalidInput: the query names a subscription type or segment that does not exist"""
    filter_sql.condition(query, context_of(session, query))


def find_by_email(session: Session, address: str) -> Contact:
    """The contact with this address that is not archived: a user before a lead, the newest first.

    :raises NotFound: there is none
    """
    by_address = select(Contact).where(Contact.email == normalize(address), Contact.archived_at.is_(None))
    found = session.scalars(by_address.order_by(Contact.role.desc(), Contact.id.desc()).limit(1)).first()
    if found is None:
        raise NotFound("User Not Found")
    return found


def context_of(session: Session | ReadConnection, query: Query | None) -> QueryContext:
    """The context that the query is read with. Reads only what the query names."""
    if query is None or not _needs_policy(query):
        return QueryContext(dialect_of(session), _UTC, None, (), {}, {})
    segments = segment_queries.queries(session, filters.segments_in(query))
    named = filters.types_in(query).union(*(filters.types_in(each) for each in segments.values()))
    zone, region, countries = _POLICY.one(session)
    types = _types(session, named)
    return QueryContext(dialect_of(session), ZoneInfo(zone), region, tuple(countries), types, segments)


def _needs_policy(query: Query) -> bool:
    """Whether a query depends on the workspace: on its time zone, its countries, its types and segments."""
    if isinstance(query, Group):
        return any(_needs_policy(part) for part in query.parts)
    if query.name in filter_sql.NUMBERS:
        return query.operator not in filter_sql.PARTS and any(map(_is_national, query.values))
    return query.kind not in _WITHOUT_POLICY


def _is_national(value: Value) -> bool:
    """Whether a number may be read in the country of the workspace."""
    return value is not None and not str(value).startswith("+")


def _types(session: Session | ReadConnection, named: frozenset[str]) -> dict[str, SubscriptionType]:
    if not named:
        return {}
    rows = _TYPES.all(session, ids=[int(each) for each in named])
    return {
        str(type_id): SubscriptionType(id=type_id, channel=channel, consent_type=consent_type, state=state)
        for type_id, channel, consent_type, state in rows
    }


def is_look_up(query: Query | None) -> TypeGuard[Filter]:
    """Whether a query asks for one value that few contacts have; an index finds them, however many there are."""
    if not isinstance(query, Filter) or query.name not in SELECTIVE or query.operator != Operator.EQUALS:
        return False
    return query.values[0] is not None


def is_typed(query: Query | None) -> bool:
    """Whether a query has a part that was typed to find a contact: each statement looks for it again."""
    if isinstance(query, Group):
        return any(is_typed(part) for part in query.parts)
    return query is not None and query.kind == Kind.TYPED


def _look_up(session: Session | ReadConnection, query: Query | None, limit: int) -> list[Any] | None:
    """The rows of the contacts of a query for one unique value; null for other queries.

    Null, too, where they do not fit on one page, and for a number that can be read in several ways.
    """
    if not is_look_up(query):
        return None
    found, value = _BY_VALUE[query.name], str(query.values[0])
    is_number, region = query.name in filter_sql.NUMBERS, None
    rows = []
    if is_number and _is_national(value):
        region = _POLICY.one(session)[1]
    elif is_number:  # most are written as they are stored, and need not be read
        rows = found.all(session, value=value)
    if not rows:
        stored = filter_sql.stored_values(query.name, value, region)
        if len(stored) > 1:
            return None
        rows = found.all(session, value=stored[0])
    return rows if len(rows) <= min(limit, _LOOKED_UP_MAX) else None


def _read(
    session: Session | ReadConnection, query: Query | None, order: Order, context: QueryContext, place: Place
) -> list[Any]:
    """The keys of the rows at a place, and of one more, which says that it is not the end."""
    kept = None if place.skip else kept_statements.page(query, order, context, is_first=place.after is None)
    if kept is None:
        return _rows(session, plan(query, order, context), place)
    last = {"last_id": place.after[1]} if place.after is not None else {}
    return list(run(session, kept.statement, {"limit": place.limit + 1, **kept.parameters, **last}))


def _rows(session: Session | ReadConnection, chosen: Plan, place: Place) -> list[Any]:
    after, skip, limit = place.after, place.skip, place.limit + 1
    found: list[Any] = []
    for stretch in chosen.stretches:
        bound = stretch.where if after is None else stretch.after(after)
        if bound is None:
            continue
        # before the query's conditions: of two bounds on one column, SQLite begins at the first
        rows = select(*chosen.keys).select_from(chosen.source).where(bound, chosen.where)
        page = rows.order_by(*chosen.order).offset(skip or None).limit(limit - len(found))
        found += run(session, page).all()
        if len(found) >= limit:
            break
        if skip and not found:
            skipped = rows.order_by(None).limit(skip).subquery()
            skip -= run(session, select(func.count()).select_from(skipped)).scalar_one()
        else:
            skip = 0
    return found


def _key(row: Any) -> Key:
    return tuple(_plain(part) for part in row)


def _count(session: Session | ReadConnection, query: Query | None, context: QueryContext) -> int:
    kept = kept_statements.count(query, context) or Kept(plan(query, Order(), context).counting, {})
    return int(run(session, kept.statement, {"most": COUNTED_MAX, **kept.parameters}).scalar_one())


def _plain(part: Any) -> Any:
    """A part of a key as JSON can hold it: times as microseconds."""
    return round(part.timestamp() * 1_000_000) if hasattr(part, "timestamp") else part
