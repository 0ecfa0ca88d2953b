"""A conversation as each side sees it: one page of messages, or the changes since a revision. Only reads.

The contact's side has separate functions and types: its queries leave out notes and events.
"""

from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, bindparam, case, func, literal_column, select, true
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from app.core.conversations.appending import CONTACT, IN_MESSENGER
from app.core.errors import NotFound
from app.core.forms import cards as form_cards
from app.core.forms.cards import FormCard
from app.db import CompiledStatement, ReadConnection
from app.models import Agent, Conversation, ConversationState, Message, MessageKind

PAGE_SIZE = 50
NEWS_MAX = 200
LISTED_MAX = 20
_CONVERSATION = Conversation.__table__
_MESSAGE = Message.__table__
_AGENT = Agent.__table__
_ID_MAX = 2**63 - 1
_CONTACT_KINDS = (MessageKind.MESSAGE.value, MessageKind.FORM.value)
_MESSAGE_COLUMNS = ("number", "revision", "kind", "author", "body", "client_key", "created_at", "inserted_form_id")


@dataclass(frozen=True)
class ContactMessage:
    """A message or a form, as the contact sees it.

    ``is_own``: the contact wrote it. ``author_name``: the agent's, possibly empty, as of bots; never an address.
    ``client_key``: null unless ``is_own``. A ``number`` that is returned again replaces the earlier message.
    """

    number: int
    is_own: bool
    author_name: str
    body: str
    form: FormCard | None
    client_key: str | None
    created_at: datetime


@dataclass(frozen=True)
class ContactView:
    """A conversation as its contact sees it; ``messages`` by number. The next poll passes ``revision``."""

    conversation_id: int
    state: ConversationState
    revision: int
    contact_seen_number: int
    has_older: bool
    messages: list[ContactMessage]


@dataclass(frozen=True)
class AgentMessage:
    """One message as agents see it. ``body`` of an event: ``closed``, ``reopened``, ``unassigned``, ``assigned:3``."""

    number: int
    kind: MessageKind
    author: str
    body: str
    form: FormCard | None
    client_key: str | None
    created_at: datetime


@dataclass(frozen=True)
class AgentView:
    """A conversation as agents see it; ``messages`` by number. The next poll passes ``revision``."""

    conversation_id: int
    state: ConversationState
    assignee_id: int | None
    revision: int
    contact_seen_number: int
    has_older: bool
    messages: list[AgentMessage]


def for_contact(session: Session, contact_id: int) -> list[Conversation]:
    """A contact's conversations that have a message, newest first, at most ``LISTED_MAX``."""
    query = select(Conversation).where(Conversation.contact_id == contact_id, Conversation.last_message_number > 0)
    return list(session.scalars(query.order_by(Conversation.id.desc()).limit(LISTED_MAX)))


def contact_page(
    session: Session | ReadConnection,
    conversation_id: int,
    contact_id: int,
    *,
    at: datetime,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> ContactView:
    """The newest messages, or the newest before the number ``before``. One statement, two with forms.

    :raises NotFound: the contact has no such conversation
    """
    return _contact_view(session, conversation_id, contact_id, _Range(limit, before=before), at=at)


def contact_news(
    session: Session | ReadConnection,
    conversation_id: int,
    contact_id: int,
    *,
    after: int,
    at: datetime,
) -> ContactView:
    """The messages that were added or changed since revision ``after``. One statement, two with forms.

    At most ``NEWS_MAX``; ``revision`` is then the last message's, and the next call returns the rest.

    :raises NotFound: the contact has no such conversation
    """
    return _contact_view(session, conversation_id, contact_id, _Range(NEWS_MAX, after=after), at=at)


def agent_page(
    session: Session, conversation_id: int, *, at: datetime, before: int | None = None, limit: int = PAGE_SIZE
) -> AgentView:
    """The newest messages for agents, or the newest before the number ``before``. One statement, two with forms.

    :raises NotFound: there is no such conversation
    """
    return _agent_view(session, conversation_id, _Range(limit, before=before), at=at)


def agent_news(session: Session, conversation_id: int, *, after: int, at: datetime, limit: int = NEWS_MAX) -> AgentView:
    """The messages that were added or changed since revision ``after``, for agents. One statement, two with forms.

    At most ``limit``; ``revision`` is then the last message's, and the next call returns the rest.

    :raises NotFound: there is no such conversation
    """
    return _agent_view(session, conversation_id, _Range(limit, after=after), at=at)


@dataclass(frozen=True)
class _Range:
    """Which messages are read: those changed after a revision, or the newest (before a number)."""

    limit: int
    after: int | None = None
    before: int | None = None

    @property
    def statement(self) -> "_Statement":
        if self.after is not None:
            return _Statement.NEWS
        return _Statement.NEWEST if self.before is None else _Statement.EARLIER


class _Statement(Enum):
    NEWS, NEWEST, EARLIER = range(3)


def _contact_view(
    session: Session | ReadConnection, conversation_id: int, contact_id: int, wanted: _Range, *, at: datetime
) -> ContactView:
    statement = _CONTACT_STATEMENTS[wanted.statement]
    first, rows, has_more = _read(session, statement, wanted, conversation_id=conversation_id, contact_id=contact_id)
    cards = _cards(session, rows, at=at)
    return ContactView(
        conversation_id=first.id,
        state=ConversationState(first.state),
        revision=_cursor(first, rows, wanted, has_more=has_more),
        contact_seen_number=first.contact_seen_number,
        has_older=has_more and wanted.after is None,
        messages=sorted((_contact_message(row, cards) for row in rows), key=attrgetter("number")),
    )


def _agent_view(session: Session, conversation_id: int, wanted: _Range, *, at: datetime) -> AgentView:
    statement = _AGENT_STATEMENTS[wanted.statement]
    first, rows, has_more = _read(session, statement, wanted, conversation_id=conversation_id)
    cards = _cards(session, rows, at=at)
    return AgentView(
        conversation_id=first.id,
        state=ConversationState(first.state),
        assignee_id=first.assignee_id,
        revision=_cursor(first, rows, wanted, has_more=has_more),
        contact_seen_number=first.contact_seen_number,
        has_older=has_more and wanted.after is None,
        messages=sorted((_agent_message(row, cards) for row in rows), key=attrgetter("number")),
    )


def _read(
    session: Session | ReadConnection, statement: CompiledStatement, wanted: _Range, **ids: int
) -> tuple[Any, list[Any], bool]:
    """The conversation (in the first row), its messages, and whether there are more. One statement, so that the
    revision and the messages are from the same moment.
    """
    bounds = {name: bound for name, bound in (("after", wanted.after), ("before", wanted.before)) if bound is not None}
    if max(*ids.values(), *bounds.values(), 0) > _ID_MAX:
        raise NotFound("There is no such conversation.")
    rows: list[Any] = [_Row._make(row) for row in statement.all(session, **ids, **bounds, limit=wanted.limit + 1)]
    if not rows:
        raise NotFound("There is no such conversation.")
    found = [row for row in rows if row.message_number is not None]
    return rows[0], found[: wanted.limit], len(found) > wanted.limit


def _cards(session: Session | ReadConnection, rows: list[Any], *, at: datetime) -> dict[int, FormCard]:
    """The forms of these messages. Few messages have one, so that the statement of a poll joins no table of forms.

    They are read after the messages: a change since then gives their message a new revision, which comes again.
    """
    return form_cards.of_forms(session, {row.message_inserted_form_id for row in rows} - {None}, at=at)


def _cursor(first: Any, rows: list[Any], wanted: _Range, *, has_more: bool) -> int:
    """The revision that the next poll passes; never beyond what was returned."""
    is_cut = has_more and wanted.after is not None
    return int(rows[-1].message_revision if is_cut else first.revision)


_COLUMNS = (
    *(_CONVERSATION.c[name] for name in ("id", "state", "assignee_id", "revision", "contact_seen_number")),
    *(_MESSAGE.c[name].label(f"message_{name}") for name in _MESSAGE_COLUMNS),
    _AGENT.c.name.label("author_name"),
)
_Row = namedtuple("_Row", [column.name for column in _COLUMNS])  # type: ignore[misc]  # the columns name its fields
_AUTHOR = case(
    (_MESSAGE.c.author.startswith("agent:"), cast_to(func.substr(_MESSAGE.c.author, len("agent:") + 1), Integer))
)


def _select(wanted: _Statement, *conditions: ColumnElement[bool], kinds: ColumnElement[bool]) -> CompiledStatement:
    condition, order = {
        _Statement.NEWS: (_MESSAGE.c.revision > bindparam("after"), _MESSAGE.c.revision),
        _Statement.NEWEST: (true(), _MESSAGE.c.number.desc()),
        _Statement.EARLIER: (_MESSAGE.c.number < bindparam("before"), _MESSAGE.c.number.desc()),
    }[wanted]
    chosen = and_(_MESSAGE.c.conversation_id == _CONVERSATION.c.id, condition, kinds)
    messages = _CONVERSATION.outerjoin(_MESSAGE, chosen).outerjoin(_AGENT, _AGENT.c.id == _AUTHOR)
    return CompiledStatement(
        select(*_COLUMNS).select_from(messages).where(*conditions).order_by(order).limit(bindparam("limit"))
    )


_BY_ID = _CONVERSATION.c.id == bindparam("conversation_id")
_OF_CONTACT = and_(_CONVERSATION.c.contact_id == bindparam("contact_id"), IN_MESSENGER)
_SHOWN_TO_CONTACT = _MESSAGE.c.kind.in_([literal_column(f"'{kind}'") for kind in _CONTACT_KINDS])
_AGENT_STATEMENTS = {each: _select(each, _BY_ID, kinds=true()) for each in _Statement}
_CONTACT_STATEMENTS = {each: _select(each, _BY_ID, _OF_CONTACT, kinds=_SHOWN_TO_CONTACT) for each in _Statement}


def _contact_message(row: Any, cards: Mapping[int, FormCard]) -> ContactMessage:
    is_own = row.message_author == CONTACT
    return ContactMessage(
        number=row.message_number,
        is_own=is_own,
        author_name=row.author_name or "",
        body=row.message_body,
        form=cards.get(row.message_inserted_form_id),
        client_key=row.message_client_key if is_own else None,
        created_at=row.message_created_at,
    )


def _agent_message(row: Any, cards: Mapping[int, FormCard]) -> AgentMessage:
    return AgentMessage(
        number=row.message_number,
        kind=MessageKind(row.message_kind),
        author=row.message_author,
        body=row.message_body,
        form=cards.get(row.message_inserted_form_id),
        client_key=row.message_client_key,
        created_at=row.message_created_at,
    )
