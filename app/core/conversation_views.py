"""What each side sees of a conversation: one page of lines, or what is new since a revision. Reading writes nothing.

The contact's side has functions and types of its own: notes and events are left out by the query itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, func, select, true
from sqlalchemy.orm import Session

from app.core import form_cards
from app.core.conversations import CONTACT
from app.core.errors import NotFound
from app.core.form_cards import FormCard
from app.db import run
from app.models import Agent, Conversation, ConversationState, Message, MessageKind

PAGE_SIZE = 50
_CONVERSATION = cast(Table, Conversation.__table__)
_MESSAGE = cast(Table, Message.__table__)
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
    query = select(Conversation).where(Conversation.contact_id == contact_id, Conversation.said_number > 0)
    return list(session.scalars(query.order_by(Conversation.id.desc()).limit(limit)))


def contact_page(
    session: Session,
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
    session: Session, conversation_id: int, contact_id: int, *, after: int, at: datetime, limit: int = 200
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


def agent_names(session: Session, authors: set[str]) -> dict[str, str]:
    """The names of the agents among these authors (``agent:3``), by author."""
    ids = [int(author[6:]) for author in authors if author.startswith("agent:") and author[6:].isdigit()]
    if not ids:
        return {}
    rows = session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids)))
    return {f"agent:{agent_id}": name for agent_id, name in rows}


@dataclass(frozen=True)
class _Lines:
    """Which lines are read: those changed after a revision, or the newest (before a number)."""

    limit: int
    after: int | None = None
    before: int | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        if self.after is not None:
            return _MESSAGE.c.revision > self.after
        return _MESSAGE.c.number < self.before if self.before is not None else true()

    @property
    def order(self) -> ColumnElement[Any]:
        return _MESSAGE.c.number.desc() if self.after is None else _MESSAGE.c.revision


def _contact_view(
    session: Session, conversation_id: int, contact_id: int, lines: _Lines, *, at: datetime
) -> ContactView:
    whose = and_(_CONVERSATION.c.id == conversation_id, _CONVERSATION.c.contact_id == contact_id)
    first, rows, has_more = _read(session, whose, lines, _MESSAGE.c.kind.in_(_FOR_THE_CONTACT))
    names = agent_names(session, {row.line_author for row in rows})
    return ContactView(
        conversation_id=first.id,
        state=ConversationState(first.state),
        revision=_cursor(first, rows, lines, has_more=has_more),
        contact_seen_number=first.contact_seen_number,
        has_older=has_more and lines.after is None,
        lines=sorted((_contact_line(row, names, at) for row in rows), key=lambda line: line.number),
    )


def _agent_view(session: Session, conversation_id: int, lines: _Lines, *, at: datetime) -> AgentView:
    first, rows, has_more = _read(session, _CONVERSATION.c.id == conversation_id, lines, true())
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
    session: Session, conversation: ColumnElement[bool], lines: _Lines, visible: ColumnElement[bool]
) -> tuple[Any, list[Any], bool]:
    """The conversation (as the first row), its chosen lines, and whether there are more of them: one statement, so that
    revision and lines are of one moment.
    """
    chosen = and_(_MESSAGE.c.conversation_id == _CONVERSATION.c.id, lines.condition, visible)
    query = (
        select(
            *(_CONVERSATION.c[name] for name in ("id", "state", "assignee_id", "revision", "contact_seen_number")),
            *(_MESSAGE.c[name].label(f"line_{name}") for name in _LINE),
            *form_cards.COLUMNS,
        )
        .select_from(form_cards.joined_to(_CONVERSATION.outerjoin(_MESSAGE, chosen), _MESSAGE.c.inserted_form_id))
        .where(conversation)
        .order_by(lines.order)
        .limit(lines.limit + 1)
    )
    rows = list(run(session, query).all())
    if not rows:
        raise NotFound("There is no such conversation.")
    found = [row for row in rows if row.line_number is not None]
    return rows[0], found[: lines.limit], len(found) > lines.limit


def _cursor(first: Any, rows: list[Any], lines: _Lines, *, has_more: bool) -> int:
    """What the next poll asks after; never beyond what was given out."""
    is_cut = has_more and lines.after is not None
    return int(rows[-1].line_revision if is_cut else first.revision)


def _contact_line(row: Any, names: dict[str, str], at: datetime) -> ContactLine:
    is_own = row.line_author == CONTACT
    return ContactLine(
        number=row.line_number,
        is_own=is_own,
        author_name=names.get(row.line_author, ""),
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
