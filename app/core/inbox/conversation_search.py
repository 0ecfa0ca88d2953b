"""The API's search for conversations: filters, one page by key, and how many there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from app.core.contacts import text_sql
from app.core.contacts.filter_sql import PARTS
from app.core.contacts.filters import Filter, Group, Kind, Operator, Query
from app.core.errors import InvalidInput
from app.core.inbox import conversation_source
from app.models import Contact, Conversation, ConversationRead, ConversationState, Message, UtcDateTime

COUNTED_MAX = 10_000
_CONVERSATION = Conversation.__table__
_READ = ConversationRead.__table__
_MESSAGE = Message.__table__
_CONTACT = Contact.__table__
_SOURCE: Mapping[str, ColumnElement[Any]] = {
    "source.body": conversation_source.BODY,
    "source.delivered_as": conversation_source.DELIVERED_AS,
    "source.author.type": conversation_source.AUTHOR_TYPE,
    "source.author.id": conversation_source.AUTHOR_ID,
    "source.author.email": conversation_source.AUTHOR_EMAIL,
}
FIELDS: Mapping[str, Kind] = {
    "id": Kind.NUMBER,
    "created_at": Kind.MOMENT,
    "updated_at": Kind.MOMENT,
    "open": Kind.BOOLEAN,
    "read": Kind.BOOLEAN,
    "state": Kind.TEXT,
    **dict.fromkeys(_SOURCE, Kind.TEXT),
    "source.id": Kind.NUMBER,
    "contact_ids": Kind.TEXT,
    "admin_assignee_id": Kind.NUMBER,
    "teammate_ids": Kind.NUMBER,
    # The same in every conversation, as responses show it.
    **dict.fromkeys(("source.type", "source.subject", "source.url", "priority", "title"), Kind.TEXT),
    **dict.fromkeys(("team_assignee_id", "tag_ids", "waiting_since", "snoozed_until"), Kind.NUMBER),
}
_SORTS: Mapping[str, ColumnElement[Any]] = {
    "id": _CONVERSATION.c.id,
    "created_at": _CONVERSATION.c.created_at,
    "updated_at": _CONVERSATION.c.updated_at,
}
# As the API shows it: what is not open is closed.
_STATE = case((_CONVERSATION.c.state == ConversationState.OPEN.value, "open"), else_="closed")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Sort:
    """``field``: ``id``, ``created_at`` or ``updated_at``; null for the order that suits the query."""

    field: str | None = None
    is_descending: bool = True


@dataclass(frozen=True)
class FoundConversations:
    """Conversations in order; ``key`` of the last one when there are more; their number, up to ``COUNTED_MAX``."""

    conversations: list[Conversation]
    key: Key | None
    total: int


def search(
    session: Session, query: Query, sort: Sort, *, after: Key | None, limit: int, total: int | None
) -> FoundConversations:
    """The conversations that match, with at least one message.

    Without a sort the newest come first; where the query asks for ``updated_at``, those that changed longest ago, so
    that none is missed that changes while a client reads the pages.

    :param after: the key that the page before ended with: two parts, of the sort and the id
    :param total: as counted for the first page; counted here where it is null
    :raises InvalidInput: the sort, or a value of the query
    """
    where = and_(_CONVERSATION.c.last_message_number > 0, _condition(query))
    if sort.field is None:
        sort = Sort("updated_at", is_descending=False) if _asks_for(query, "updated_at") else Sort("id")
    column = _SORTS.get(sort.field or "")
    if column is None:
        raise InvalidInput("Sort by one of %(allowed)s.", field="sort.field", allowed=", ".join(_SORTS))
    key = tuple_(column, _CONVERSATION.c.id)
    rows = select(Conversation).where(where)
    if after is not None:
        last = tuple_(_part(after[0], column), literal(after[1], _CONVERSATION.c.id.type))
        rows = rows.where(key < last if sort.is_descending else key > last)
    order = (column.desc(), _CONVERSATION.c.id.desc()) if sort.is_descending else (column, _CONVERSATION.c.id)
    found = list(session.scalars(rows.order_by(*order).limit(limit + 1)))
    if total is None:
        some = select(literal(1)).select_from(_CONVERSATION).where(where).limit(COUNTED_MAX).subquery()
        total = len(found) if len(found) <= limit else session.scalar(select(func.count()).select_from(some)) or 0
    page = found[:limit]
    more = (_plain(getattr(page[-1], sort.field or "id")), page[-1].id) if len(found) > limit else None
    return FoundConversations(page, more, total)


def _asks_for(query: Query, name: str) -> bool:
    if isinstance(query, Group):
        return any(_asks_for(part, name) for part in query.parts)
    return query.name == name


def _condition(query: Query) -> ColumnElement[bool]:
    if isinstance(query, Group):
        parts = [_condition(part) for part in query.parts]
        return and_(*parts) if query.is_and else or_(*parts)
    return _BY_NAME[query.name](query)


def _compared(column: ColumnElement[Any], query: Filter) -> ColumnElement[bool]:
    """A number compared, or a value that is equal to one of some; not equal includes what is empty."""
    compare: dict[Operator, Callable[[Any], ColumnElement[bool]]] = {
        Operator.LESS: column.__lt__,
        Operator.GREATER: column.__gt__,
        Operator.AT_MOST: column.__le__,
        Operator.AT_LEAST: column.__ge__,
    }
    if query.operator in compare:
        return compare[query.operator](query.values[0])
    known = [value for value in query.values if value is not None]
    hit = or_(false(), column.in_(known), *([column.is_(None)] if None in query.values else []))
    return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~func.coalesce(hit, false())


def _moment(name: str) -> Callable[[Filter], ColumnElement[bool]]:
    """A time compared by whole seconds, as responses show it."""
    column = _CONVERSATION.c[name]

    def condition(query: Filter) -> ColumnElement[bool]:
        begins = datetime.fromtimestamp(int(query.values[0] or 0), UTC)
        second = literal(begins, UtcDateTime())
        following = literal(begins + timedelta(seconds=1), UtcDateTime())
        match query.operator:
            case Operator.LESS:
                return column < second
            case Operator.AT_LEAST:
                return column >= second
            case Operator.GREATER:
                return column >= following
            case Operator.AT_MOST:
                return column < following
            case Operator.DIFFERS:
                return or_(column < second, column >= following)
            case _:
                return and_(column >= second, column < following)

    return condition


def _truth(column: ColumnElement[bool]) -> Callable[[Filter], ColumnElement[bool]]:
    def condition(query: Filter) -> ColumnElement[bool]:
        wanted = {bool(value) for value in query.values if value is not None}
        hit = or_(false(), *(column if each else ~column for each in sorted(wanted)))
        return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~hit

    return condition


def _text(column: ColumnElement[Any], query: Filter) -> ColumnElement[bool]:
    if query.operator in PARTS:
        return text_sql.part(column, query.operator, str(query.values[0]) if query.values else "")
    return _compared(column, query)


def _contacts(query: Filter) -> ColumnElement[bool]:
    values = [str(value) for value in query.values if value is not None]
    if query.operator in PARTS:
        raise InvalidInput("This field takes the operators =, !=, IN and NIN.", field="query.operator")
    hit = _CONVERSATION.c.contact_id.in_(select(_CONTACT.c.id).where(_CONTACT.c.public_id.in_(values)))
    return hit if query.operator in {Operator.EQUALS, Operator.IN} else ~hit


def _constant(value: str) -> Callable[[Filter], ColumnElement[bool]]:
    return lambda query: _text(literal(value, String()), query)


IS_READ = or_(
    _CONVERSATION.c.last_contact_revision == 0,
    select(_READ.c.agent_id)
    .where(_READ.c.conversation_id == _CONVERSATION.c.id, _READ.c.revision >= _CONVERSATION.c.last_contact_revision)
    .correlate(_CONVERSATION)
    .exists(),
)
_BY_NAME: Mapping[str, Callable[[Filter], ColumnElement[bool]]] = {
    "id": lambda query: _compared(_CONVERSATION.c.id, query),
    "admin_assignee_id": lambda query: _compared(_CONVERSATION.c.assignee_id, query),
    "created_at": _moment("created_at"),
    "updated_at": _moment("updated_at"),
    "open": _truth(_CONVERSATION.c.state == ConversationState.OPEN.value),
    "read": _truth(IS_READ),
    "state": lambda query: _text(_STATE, query),
    "source.id": lambda query: _compared(conversation_source.ID, query),
    **{name: partial(_text, column) for name, column in _SOURCE.items()},
    "teammate_ids": lambda query: _compared(_CONVERSATION.c.assignee_id, query),
    "contact_ids": _contacts,
    "source.type": _constant("conversation"),
    "source.subject": _constant(""),
    "priority": _constant("none"),
    **dict.fromkeys(("title", "source.url"), lambda query: _text(cast(null(), String()), query)),
    **dict.fromkeys(
        ("team_assignee_id", "tag_ids", "waiting_since", "snoozed_until"),
        lambda query: _compared(cast(null(), BigInteger()), query),
    ),
}


def _plain(part: Any) -> Any:
    """A part of a key as JSON can hold it: times as microseconds."""
    return round((part - _EPOCH) / timedelta(microseconds=1)) if isinstance(part, datetime) else part


def _part(value: Any, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same part read from a key."""
    if not isinstance(value, int) or not 0 <= value < 253_402_300_800_000_000:
        raise InvalidInput("This is not a cursor of this list.", field="starting_after", code="client_error")
    is_id = column is _CONVERSATION.c.id
    return literal(value if is_id else _EPOCH + timedelta(microseconds=value), column.type)
