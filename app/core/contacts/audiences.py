"""The contacts of a filter as a set, for what goes to many of them: campaigns and outbound chats."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, literal_column, select
from sqlalchemy.orm import Session

from app.core.contacts import filter_sql, filters, search
from app.db import dialect_of, run
from app.models import Contact

_CONTACT = Contact.__table__
_EVERY = 2**31 - 1
IS_PERSON: ColumnElement[bool] = and_(_CONTACT.c.merged_into_id.is_(None), _CONTACT.c.erased_at.is_(None))
"""Rows that merges and erasures leave behind are no people. Archived contacts are."""


def condition(session: Session, query: Mapping[str, Any] | None) -> ColumnElement[bool]:
    """The people that match a filter in JSON; all people where it is null.

    :raises InvalidInput: the filter cannot be read, or names what does not exist
    """
    if query is None:
        return IS_PERSON
    read = filters.read(dict(query))
    return and_(IS_PERSON, filter_sql.condition(read, search.context_of(session, read)))


def checked_query(session: Session, query: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A filter in JSON as it is stored.

    :raises InvalidInput: as ``condition``
    """
    if query is None:
        return None
    search.check(session, filters.read(dict(query)))
    return dict(query)


def counts(
    session: Session,
    conditions: Sequence[tuple[str, ColumnElement[bool]]],
    where: ColumnElement[bool],
    source: FromClause = _CONTACT,
) -> dict[str | None, int]:
    """How many contacts have each first reason, in the order of the conditions; under null those who have none.

    The database reads contacts once, with the tables that the conditions ask, and works out each reason once.

    :param source: contacts, perhaps joined to what the conditions read beside them
    """
    whens = ((each, number(place)) for place, (_, each) in enumerate(conditions))
    place_of = case(*whens, else_=number(len(conditions))).label("place")
    places = select(place_of).select_from(source).where(where)
    if dialect_of(session) == "postgresql":
        counted = _counted_in_parallel(session, places)
    else:
        counted = _counted_in_order(session, places, len(conditions))
    reasons = [*(reason for reason, _ in conditions), None]
    return {reasons[place]: many for place, many in sorted(counted.items()) if many}


def _counted_in_parallel(session: Session, places: Select[Any]) -> dict[int, int]:
    """On PostgreSQL: grouped by several processes.

    OFFSET keeps the planner from expecting as many groups as contacts, and from working out the reason twice; with
    ``OFFSET 0`` instead of ``'0'`` it would not know that nothing is left out, and group in one process.
    """
    found = places.offset(literal_column("'0'")).subquery()
    rows: Any = run(session, select(found.c.place, func.count()).group_by(found.c.place))
    return {int(row[0]): int(row[1]) for row in rows}


def _counted_in_order(session: Session, places: Select[Any], conditions: int) -> dict[int, int]:
    """On SQLite: contacts in the order of their rows, each added to the sum of its reason, without a sorted group.

    OFFSET, which needs a LIMIT, keeps the reason from being worked out once for each sum.
    """
    found = in_order_of_rows(places).limit(_EVERY).offset(number(0)).subquery()
    sums = [func.sum(case((found.c.place == number(place), 1), else_=0)) for place in range(conditions + 1)]
    return {place: int(many or 0) for place, many in enumerate(run(session, select(*sums)).one())}


def most_frequent_first(counted: Mapping[str | None, int]) -> dict[str, int]:
    """The reasons of ``counts`` with their numbers, for pages and reports."""
    reasons = {reason: many for reason, many in counted.items() if reason is not None}
    return dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))


def number(value: int) -> ColumnElement[int]:
    """A number as part of the statement's text."""
    return literal_column(str(value))


def in_order_of_rows(query: Select[Any]) -> Select[Any]:
    """On SQLite contacts are read in their order: along the index of a filter it would jump to each row."""
    return query.with_hint(_CONTACT, "NOT INDEXED", "sqlite")
