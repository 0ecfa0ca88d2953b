"""What each side sees of a conversation: one page of lines, or what is new since a revision. Reading writes nothing.

The contact's side has functions and types of its own: notes and events are left out by the query itself.
"""

from collections import namedtuple
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Table, and_, bindparam, case, func, literal_column, select, true
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from app.core.conversations.messages import CONTACT
from app.core.errors import NotFound
from app.core.forms import cards as form_cards
from app.core.forms.cards import FormCard
from app.db import CompiledStatement, ReadConnection
from app.models import Agent, Conversation, ConversationState, Message, MessageKind

PAGE_SIZE = 50
_CONVERSATION = cast(Table, Conversation.__table__)
_MESSAGE = cast(Table, Message.__table__)
_AGENT = cast(Table, Agent.__table__)
_ID_MAX = 2**63 - 1
_FOR_THE_CONTACT = (MessageKind.MESSAGE.value, MessageKind.FORM.value)
_LINE = ("number", "revision", "kind", "author", "body", "client_key", "created_at")


@dataclass(frozen=True)
class ContactLine:
    """A message or a form, as the contact sees it.

    ``is_own``: the contact wrote it. ``author_name``: of the agent, possibly empty; never an address.
    ``client_key``: of the contact's own: what its page called it. A ``number`` that comes again replaces what it was.
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
    """A conversation as its contact sees it; ``lines`` by number. The next poll asks after ``revision``."""

    conversation_id: int
    state: ConversationState
    revision: int
    contact_seen_number: int
    has_older: bool
    lines: list[ContactLine]


@dataclass(frozen=True)
class Line:
    """One line as agents see it. An event's ``body`` is ``closed``, ``reopened``, ``unassigned`` or ``assigned:3``."""

    number: int
    kind: MessageKind
    author: str
    body: str
    form: FormCard | None
    client_key: str | None
    created_at: datetime


@dataclass(frozen=True)
class AgentView:
    """A conversation as agents see it; ``lines`` by number. The next poll asks after ``revision``."""

    conversation_id: int
    state: ConversationState
    assignee_id: int | None
    revision: int
    contact_seen_number: int
    has_older: bool
    lines: list[Line]


def for_contact(session: Session, contact_id: int, *, limit: int = 20) -> list[Conversation]:
    """A contact's conversations in which something was said, newest first."""
    query = select(Conversation).where(Conversation.contact_id == contact_id, Conversation.last_message_number > 0)
    return list(session.scalars(query.order_by(Conversation.id.desc()).limit(limit)))


def contact_page(
    session: Session | ReadConnection,
    conversation_id: int,
    contact_id: int,
    *,
    at: datetime,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> ContactView:
    """The newest lines, or the newest of those before the line ``before``.

    :raises NotFound: there is no such conversation, or it is another contact's
    """
    return _contact_view(session, conversation_id, contact_id, _Lines(limit, before=before), at=at)


def contact_news(
    session: Session | ReadConnection,
    conversation_id: int,
    contact_id: int,
    *,
    after: int,
    at: datetime,
    limit: int = 200,
) -> ContactView:
    """The lines that were added, or look different, since revision ``after``. Nothing new is one statement.

    What is beyond ``limit`` comes with the next call: ``revision`` is then that of the last line given.

    :raises NotFound: there is no such conversation, or it is another contact's
    """
    return _contact_view(session, conversation_id, contact_id, _Lines(limit, after=after), at=at)


def unread_by_contact(session: Session, conversation_id: int, contact_id: int) -> int:
    """How many messages and forms of others its contact has not seen."""
    query = (
        select(func.count())
        .select_from(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Conversation.id == conversation_id, Conversation.contact_id == contact_id)
        .where(Message.number > Conversation.contact_seen_number)
        .where(Message.kind.in_(_FOR_THE_CONTACT), Message.author != CONTACT)
    )
    return session.scalar(query) or 0


def page(
    session: Session, conversation_id: int, *, at: datetime, before: int | None = None, limit: int = PAGE_SIZE
) -> AgentView:
    """The newest lines for agents, or the newest of those before the line ``before``. One statement.

    :raises NotFound: there is no such conversation
    """
    return _agent_view(session, conversation_id, _Lines(limit, before=before), at=at)


def messages_after(
    session: Session, conversation_id: int, revision: int, *, at: datetime, limit: int = 200
) -> AgentView:
    """The lines that were added, or look different, since this revision, for agents. One statement.

    What is beyond ``limit`` comes with the next call: ``revision`` is then that of the last line given.

    :raises NotFound: there is no such conversation
    """
    return _agent_view(session, conversation_id, _Lines(limit, after=revision), at=at)


@dataclass(frozen=True)
class _Lines:
    """Which lines are read: those changed after a revision, or the newest (before a number)."""

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
    session: Session | ReadConnection, conversation_id: int, contact_id: int, lines: _Lines, *, at: datetime
) -> ContactView:
    prepared = _FOR_THE_CONTACT_READ[lines.statement]
    first, rows, has_more = _read(session, prepared, lines, conversation_id=conversation_id, contact_id=contact_id)
    return ContactView(
        conversation_id=first.id,
        state=ConversationState(first.state),
        revision=_cursor(first, rows, lines, has_more=has_more),
        contact_seen_number=first.contact_seen_number,
        has_older=has_more and lines.after is None,
        lines=sorted((_contact_line(row, at) for row in rows), key=lambda line: line.number),
    )


def _agent_view(session: Session, conversation_id: int, lines: _Lines, *, at: datetime) -> AgentView:
    prepared = _FOR_AGENTS_READ[lines.statement]
    first, rows, has_more = _read(session, prepared, lines, conversation_id=conversation_id)
    return AgentView(
        conversation_id=first.id,
        state=ConversationState(first.state),
        assignee_id=first.assignee_id,
        revision=_cursor(first, rows, lines, has_more=has_more),
        contact_seen_number=first.contact_seen_number,
        has_older=has_more and lines.after is None,
        lines=sorted((_line(row, at) for row in rows), key=lambda line: line.number),
    )


def _read(
    session: Session | ReadConnection, prepared: CompiledStatement, lines: _Lines, **whose: int
) -> tuple[Any, list[Any], bool]:
    """The conversation (as the first row), its chosen lines, and whether there are more of them: one statement, so that
    revision and lines are of one moment.
    """
    bounds = {name: bound for name, bound in (("after", lines.after), ("before", lines.before)) if bound is not None}
    if max(*whose.values(), *bounds.values(), 0) > _ID_MAX:
        raise NotFound("There is no such conversation.")
    rows: list[Any] = [_Row._make(row) for row in prepared.all(session, **whose, **bounds, limit=lines.limit + 1)]
    if not rows:
        raise NotFound("There is no such conversation.")
    found = [row for row in rows if row.line_number is not None]
    return rows[0], found[: lines.limit], len(found) > lines.limit


def _cursor(first: Any, rows: list[Any], lines: _Lines, *, has_more: bool) -> int:
    """What the next poll asks after; never beyond what was given out."""
    is_cut = has_more and lines.after is not None
    return int(rows[-1].line_revision if is_cut else first.revision)


_COLUMNS = (
    *(_CONVERSATION.c[name] for name in ("id", "state", "assignee_id", "revision", "contact_seen_number")),
    *(_MESSAGE.c[name].label(f"line_{name}") for name in _LINE),
    _AGENT.c.name.label("author_name"),
    *form_cards.COLUMNS,
)
_Row = namedtuple("_Row", [column.name for column in _COLUMNS])  # type: ignore[misc]  # the columns name its fields
_AUTHOR = case(
    (_MESSAGE.c.author.startswith("agent:"), cast_to(func.substr(_MESSAGE.c.author, len("agent:") + 1), Integer))
)


def _reading(statement: _Statement, *whose: ColumnElement[bool], kinds: ColumnElement[bool]) -> CompiledStatement:
    condition, order = {
        _Statement.NEWS: (_MESSAGE.c.revision > bindparam("after"), _MESSAGE.c.revision),
        _Statement.NEWEST: (true(), _MESSAGE.c.number.desc()),
        _Statement.EARLIER: (_MESSAGE.c.number < bindparam("before"), _MESSAGE.c.number.desc()),
    }[statement]
    chosen = and_(_MESSAGE.c.conversation_id == _CONVERSATION.c.id, condition, kinds)
    lines = _CONVERSATION.outerjoin(_MESSAGE, chosen).outerjoin(_AGENT, _AGENT.c.id == _AUTHOR)
    source = form_cards.joined_to(lines, _MESSAGE.c.inserted_form_id)
    return CompiledStatement(
        select(*_COLUMNS).select_from(source).where(*whose).order_by(order).limit(bindparam("limit"))
    )


_THIS_ONE = _CONVERSATION.c.id == bindparam("conversation_id")
_THEIRS = _CONVERSATION.c.contact_id == bindparam("contact_id")
_SAID = _MESSAGE.c.kind.in_([literal_column(f"'{kind}'") for kind in _FOR_THE_CONTACT])
_FOR_AGENTS_READ = {each: _reading(each, _THIS_ONE, kinds=true()) for each in _Statement}
_FOR_THE_CONTACT_READ = {each: _reading(each, _THIS_ONE, _THEIRS, kinds=_SAID) for each in _Statement}


def _contact_line(row: Any, at: datetime) -> ContactLine:
    is_own = row.line_author == CONTACT
    return ContactLine(
        number=row.line_number,
        is_own=is_own,
        author_name=row.author_name or "",
        body=row.line_body,
        form=form_cards.of_row(row, at=at),
        client_key=row.line_client_key if is_own else None,
        created_at=row.line_created_at,
    )


def _line(row: Any, at: datetime) -> Line:
    return Line(
        number=row.line_number,
        kind=MessageKind(row.line_kind),
        author=row.line_author,
        body=row.line_body,
        form=form_cards.of_row(row, at=at),
        client_key=row.line_client_key,
        created_at=row.line_created_at,
    )
