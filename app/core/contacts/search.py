"""Finding contacts: one page of those whom a query means, in an order that an index gives, and how many there are.

Archived contacts (merged and erased ones are) are left out, unless the query itself asks about them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, Table, and_, case, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.orm import Session, lazyload

from app.core.consent import eligibility_sql
from app.core.contacts import filter_sql as contact_query
from app.core.contacts import filters, segment_queries
from app.core.contacts.filter_sql import Setting
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query, SubscriptionStatus
from app.core.errors import InvalidInput, NotFound
from app.db import CompiledStatement, dialect_of, run
from app.models import Consent, ConsentState, ConsentType, Contact, SubscriptionType, UtcDateTime, Workspace

COUNTED_MAX = 10_000
SKIPPED_MAX = 10_000
_ASKED_AT_ONCE = 50
_CONTACT = cast(Table, Contact.__table__)
_CONSENT = cast(Table, Consent.__table__)
SORTS: Mapping[str, ColumnElement[Any]] = {
    name: _CONTACT.c[name]
    for name in ("created_at", "updated_at", "signed_up_at", "last_seen_at", "name", "email", "phone", "external_id")
}
_MOMENTS = {"created_at", "updated_at", "signed_up_at", "last_seen_at"}
Key = tuple[Any, ...]
_UTC = ZoneInfo("UTC")
_WORKSPACE = cast(Table, Workspace.__table__)
_POLICY = CompiledStatement(
    select(_WORKSPACE.c.time_zone, _WORKSPACE.c.allowed_countries).where(_WORKSPACE.c.id == literal(1))
)


@dataclass(frozen=True)
class Found:
    """Ids in order; ``key`` of the last one when there are more; how many there are, exactly or at least."""

    ids: list[int]
    key: Key | None
    total: int
    is_minimum: bool


@dataclass(frozen=True)
class Order:
    """By what a list is sorted; newest first when nothing is said."""

    field: str | None = None
    is_descending: bool = True


# The order of a query about one of these dates, so that it is read along the date's index. What was changed longest ago
# comes first: whoever is changed while somebody reads comes once more, and nobody is missed.
_DRIVING_DATES = {"created_at": Order("created_at"), "updated_at": Order("updated_at", is_descending=False)}


@dataclass(frozen=True)
class _Plan:
    """Where rows come from and in which order, so that a page is read from an index and not sorted."""

    source: FromClause
    where: ColumnElement[bool]
    order: tuple[ColumnElement[Any], ...]
    keys: tuple[ColumnElement[Any], ...]
    after: Any


def page(
    session: Session,
    query: Query | None,
    *,
    order: Order | None = None,
    after: Key | None = None,
    skip: int = 0,
    limit: int,
    total: int | None = None,
) -> Found:
    """The contacts after ``after``, at most ``limit``. Counts only where ``total`` is not known from page 1.

    :param after: the key that the page before ended with: two parts, of the sort and the id
    :raises InvalidInput: the query, the sort, or ``skip`` beyond ``SKIPPED_MAX``
    """
    if skip > SKIPPED_MAX:
        raise InvalidInput("Page by “starting_after”: pages by number end here.", field="page")
    setting = setting_of(session, query)
    plan = _plan(query, order or Order(), setting)
    rows = select(*plan.keys).select_from(plan.source)
    if after is not None:  # before what is asked: of two bounds on one column, SQLite begins at the first
        rows = rows.where(plan.after(after))
    rows = rows.where(plan.where)
    found = run(session, rows.order_by(*plan.order).offset(skip or None).limit(limit + 1)).all()
    key = tuple(_plain(part) for part in found[limit - 1]) if len(found) > limit else None
    if total is None:
        total = count(session, query, setting=setting) if key is not None or skip else len(found)
    return Found([row[-1] for row in found[:limit]], key, total, total >= COUNTED_MAX)


def count(session: Session, query: Query | None, *, setting: Setting | None = None, most: int = COUNTED_MAX) -> int:
    """How many contacts a query means, counted up to ``most``: nobody reads the pages beyond by hand."""
    plan = _plan(query, Order(), setting or setting_of(session, query))
    some = select(literal(1)).select_from(plan.source).where(plan.where).limit(most).subquery()
    return int(run(session, select(func.count()).select_from(some)).scalar_one())


def which(session: Session, queries: Sequence[Query], contact_id: int) -> list[bool]:
    """Of each query whether it means this contact: one statement for many of them."""
    told: list[bool] = []
    for begin in range(0, len(queries), _ASKED_AT_ONCE):
        some = queries[begin : begin + _ASKED_AT_ONCE]
        setting = setting_of(session, Group(is_and=False, parts=tuple(some)))
        holds = [
            case((and_(contact_query.condition(each, setting), _shown(each, setting)), 1), else_=0).label(f"q{place}")
            for place, each in enumerate(some)
        ]
        found = run(session, select(*holds).select_from(_CONTACT).where(_CONTACT.c.id == contact_id)).first()
        told += [value == 1 for value in found] if found else [False] * len(some)
    return told


def check(session: Session, query: Query) -> None:
    """:raises InvalidInput: the query names a subscription type or segment that there is not"""
    contact_query.condition(query, setting_of(session, query))


def find_by_email(session: Session, email: str) -> Contact:
    """The contact with this address that is not archived: a user before a lead, the newest first.

    :raises NotFound: there is none
    """
    by_address = select(Contact).where(Contact.email == email.strip().lower(), Contact.archived_at.is_(None))
    found = session.scalars(by_address.order_by(Contact.role.desc(), Contact.id.desc()).limit(1)).first()
    if found is None:
        raise NotFound("User Not Found")
    return found


def setting_of(session: Session, query: Query | None) -> Setting:
    """What the query is read with: no more is read than it asks about."""
    if query is None:
        return Setting(dialect_of(session), _UTC, (), {}, {})
    segments = segment_queries.queries(session, filters.segments_in(query))
    named = filters.types_in(query).union(*(filters.types_in(each) for each in segments.values()))
    zone, countries = _POLICY.one(session)
    return Setting(dialect_of(session), ZoneInfo(zone), tuple(countries), _types(session, named), segments)


def _types(session: Session, named: frozenset[str]) -> dict[str, SubscriptionType]:
    if not named:
        return {}
    wanted = select(SubscriptionType).where(SubscriptionType.id.in_([int(each) for each in named]))
    return {str(kind.id): kind for kind in session.scalars(wanted.options(lazyload(SubscriptionType.translations)))}


def _plan(query: Query | None, order: Order, setting: Setting) -> _Plan:
    where = _shown(query, setting)
    if query is not None:
        where = and_(where, contact_query.condition(query, setting))
    if order.field is not None:
        return _sorted(order, where)
    if query is not None:
        parts = query.parts if isinstance(query, Group) and query.is_and else (query,)
        for part in parts:
            if isinstance(part, Filter) and (plan := _driven(part, where, setting)):
                return plan
        if _is_selective(query):
            return _few(where)
        for part in parts:
            if isinstance(part, Filter) and part.name in _DRIVING_DATES and None not in part.values:
                return _sorted(_DRIVING_DATES[part.name], where)
    return _by_id(_CONTACT, where)


def _driven(part: Filter, where: ColumnElement[bool], setting: Setting) -> _Plan | None:
    """A plan along the index that one filter of the query has, if it has one of its own."""
    if part.kind == Kind.TEXT and part.name in {"phone", "formatted_phone"} and part.operator == Operator.STARTS:
        return _by_number(where, setting)
    if part.kind == Kind.SUBSCRIPTION and part.operator in {Operator.EQUALS, Operator.IN} and len(part.values) == 1:
        kind = setting.types[part.name]
        is_subscribed = part.values[0] in {SubscriptionStatus.SUBSCRIBED, SubscriptionStatus.REACHABLE}
        if part.values[0] == SubscriptionStatus.OPTED_IN or (is_subscribed and kind.consent_type == ConsentType.OPT_IN):
            return _by_consent(eligibility_sql.opted_in_row(_CONTACT.c.id, kind), where)
        if part.values[0] == SubscriptionStatus.OPTED_OUT:
            row = and_(
                _CONSENT.c.contact_id == _CONTACT.c.id,
                _CONSENT.c.subscription_type_id == kind.id,
                _CONSENT.c.state == eligibility_sql.literal_state(ConsentState.OPTED_OUT),
            )
            return _by_consent(row, where)
    return None


def _by_consent(row: ColumnElement[bool], where: ColumnElement[bool]) -> _Plan:
    """Along the partial index of consents in one state. The bound stands on both keys, or a planner walks from the
    start of one of them.
    """
    key = _CONSENT.c.contact_id
    return _Plan(
        source=_CONSENT.join(_CONTACT, _CONTACT.c.id == key),
        where=and_(row, where),
        order=(key.desc(),),
        keys=(literal(None), key),
        after=lambda last: and_(key < last[-1], _CONTACT.c.id < last[-1]),
    )


def _by_number(where: ColumnElement[bool], setting: Setting) -> _Plan:
    """Along the index of numbers."""
    number, key = _CONTACT.c.phone, _CONTACT.c.id
    if setting.dialect == "sqlite":
        order = (number.asc(), key.asc())

        def after(last: Key) -> ColumnElement[bool]:
            return and_(number >= str(last[0]), or_(number > str(last[0]), key > last[1]))
    else:
        order = (cast(Any, literal_column("contacts.phone USING ~<~")), key.asc())

        def after(last: Key) -> ColumnElement[bool]:
            beyond = number.op("~>~", is_comparison=True)(str(last[0]))
            return and_(number.op("~>=~", is_comparison=True)(str(last[0])), or_(beyond, key > last[1]))

    return _Plan(_CONTACT, where, order, (number, key), after)


def _by_id(source: FromClause, where: ColumnElement[bool]) -> _Plan:
    key = _CONTACT.c.id
    return _Plan(source, where, (key.desc(),), (literal(None), key), lambda last: key < last[1])


def _few(where: ColumnElement[bool]) -> _Plan:
    """Found by what they are asked for, then sorted: by the bare id a planner may walk everybody from the newest on."""
    key = _CONTACT.c.id
    newest_first = cast(Any, literal_column("contacts.id + 0")).desc()
    return _Plan(_CONTACT, where, (newest_first,), (literal(None), key), lambda last: key < last[1])


def _sorted(order: Order, where: ColumnElement[bool]) -> _Plan:
    """By a column; who has nothing there comes last. Ties go by id in the same direction."""
    column = SORTS.get(order.field or "")
    if column is None:
        raise InvalidInput(f"Sort by one of {', '.join(SORTS)}.", field="sort.field")
    key, is_empty = _CONTACT.c.id, column.is_(None)
    is_moment = order.field in _MOMENTS

    def after(last: Key) -> ColumnElement[bool]:
        if last[0] is None:
            return and_(is_empty, key < last[1] if order.is_descending else key > last[1])
        value = literal(_moment(last[0]), UtcDateTime()) if is_moment else literal(str(last[0]))
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
    return _Plan(_CONTACT, where, by, (column, key), after)


def _is_selective(query: Query) -> bool:
    """Whether few can be meant: a unique value, or a number or address, is asked for."""
    if isinstance(query, Group):
        return (any if query.is_and else all)(_is_selective(part) for part in query.parts)
    is_unique = query.kind == Kind.TEXT and query.name in {"id", "external_id", "email", "phone", "formatted_phone"}
    return is_unique and query.operator in {Operator.EQUALS, Operator.IN} and None not in query.values


def _shown(query: Query | None, setting: Setting) -> ColumnElement[bool]:
    gone = and_(_CONTACT.c.merged_into_id.is_(None), _CONTACT.c.erased_at.is_(None))
    if query is not None and filters.names_archived(query, setting.segments):
        return gone
    return _CONTACT.c.archived_at.is_(None)


def _plain(part: Any) -> Any:
    """A part of a key as JSON can hold it: moments as microseconds."""
    return round(part.timestamp() * 1_000_000) if hasattr(part, "timestamp") else part


def _moment(microseconds: Any) -> Any:
    if not isinstance(microseconds, int) or not 0 <= microseconds < 253_402_300_800_000_000:
        raise InvalidInput("This is not a cursor of this list.", field="starting_after", code="client_error")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
