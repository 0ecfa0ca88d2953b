"""The inbox of those who work here: lists, counts, what was read, who is looking."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from app.core.conversations import messages as conversations
from app.core.forms import cards as form_cards
from app.core.forms.cards import FormCard
from app.db import dialect_insert, run
from app.models import (
    Agent,
    Contact,
    Conversation,
    ConversationPresence,
    ConversationRead,
    ConversationState,
    Message,
    MessageKind,
)

PAGE_SIZE = 40
COUNTED_MAX = 1000  # nobody needs to know exactly how many more there are
PRESENT_FOR = timedelta(seconds=40)
UNREAD_AMONG = 500  # the newest open conversations: nobody needs to know exactly how many more there are
_CONVERSATION = cast(Table, Conversation.__table__)
_MESSAGE = cast(Table, Message.__table__)
_CONTACT = cast(Table, Contact.__table__)
_READ = cast(Table, ConversationRead.__table__)


class Assigned(StrEnum):
    ALL = "all"
    ME = "me"
    NOBODY = "nobody"
    OTHERS = "others"


@dataclass(frozen=True)
class Row:
    """One conversation in a list, with the newest thing that was said in it.

    ``is_unread``: the contact did something that this agent has not had on the screen.
    """

    conversation_id: int
    state: ConversationState
    assignee_id: int | None
    updated_at: datetime
    last_contact_revision: int
    is_unread: bool
    public_id: str
    role: str
    name: str | None
    external_id: str | None
    email: str | None
    phone: str | None
    kind: MessageKind
    author: str
    body: str
    form: FormCard | None

    @property
    def key(self) -> tuple[datetime, int]:
        """Where the next page begins."""
        return self.updated_at, self.conversation_id

    @property
    def news_key(self) -> str:
        """What tells this news from what the contact does next: announced once."""
        return f"{self.conversation_id}.{self.last_contact_revision}"


@dataclass(frozen=True)
class Counts:
    """Open conversations, by whose they are, each counted up to ``COUNTED_MAX``; ``unread`` of mine and nobody's, among
    the newest ``UNREAD_AMONG``.
    """

    everyones: int
    mine: int
    nobodys: int
    others: int
    unread: int


def page(
    session: Session,
    agent_id: int,
    *,
    at: datetime,
    state: ConversationState = ConversationState.OPEN,
    assigned: Assigned = Assigned.ALL,
    before: tuple[datetime, int] | None = None,
    limit: int = PAGE_SIZE,
) -> list[Row]:
    """A page of the list, newest first, as one agent sees it. One statement.

    :param before: ``key`` of the last row of the page before
    """
    query = _rows(agent_id).where(_CONVERSATION.c.state == state.value, _assigned(assigned, agent_id))
    if before is not None:
        moment, conversation_id = before
        here = tuple_(_CONVERSATION.c.updated_at, _CONVERSATION.c.id)
        query = query.where(here < tuple_(literal(moment, _CONVERSATION.c.updated_at.type), literal(conversation_id)))
    newest = query.order_by(_CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc())
    return [_row(row, at) for row in run(session, newest.limit(limit))]


def rows_where(
    session: Session, agent_id: int, condition: ColumnElement[bool], *, at: datetime, limit: int = PAGE_SIZE
) -> list[Row]:
    """The conversations of which this holds, as one agent sees them, newest first.

    :param condition: on the table ``conversations``
    """
    query = _rows(agent_id).where(condition).order_by(_CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc())
    return [_row(row, at) for row in run(session, query.limit(limit))]


def counts(session: Session, agent_id: int) -> Counts:
    """How much is open. Two statements, which read as much of the indexes as they count, however much is open."""
    counted: Any = run(session, _COUNTS, {"agent_id": agent_id}).one()
    everyones, mine, nobodys, before, behind = counted
    return Counts(everyones, mine, nobodys, min(before + behind, COUNTED_MAX), _unread(session, agent_id))


def mark_read(session: Session, conversation_id: int, agent_id: int, revision: int) -> None:
    """This agent has had everything up to this revision on the screen. Never moves back."""
    key = {"conversation_id": conversation_id, "agent_id": agent_id}
    statement = dialect_insert(session, ConversationRead).values(revision=revision, **key)
    newer = statement.excluded.revision
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=[_READ.c.conversation_id, _READ.c.agent_id],
            set_={"revision": newer},
            where=_READ.c.revision < newer,
        ),
    )


def mark_present(session: Session, conversation_id: int, agent_id: int, *, at: datetime) -> None:
    """This agent has the conversation on the screen. The others are told who came, and who went without a word."""
    gone = delete(ConversationPresence).where(
        ConversationPresence.conversation_id == conversation_id, ConversationPresence.seen_at < at - PRESENT_FOR
    )
    is_changed = bool(cast(Any, session.execute(gone)).rowcount)
    is_changed |= session.get(ConversationPresence, (conversation_id, agent_id), populate_existing=True) is None
    statement = dialect_insert(session, ConversationPresence).values(
        conversation_id=conversation_id, agent_id=agent_id, seen_at=at
    )
    columns = [ConversationPresence.conversation_id, ConversationPresence.agent_id]
    run(session, statement.on_conflict_do_update(index_elements=columns, set_={"seen_at": at}))
    if is_changed:
        conversations.touch(session, conversations.hold(session, conversation_id), at=at)


def leave(session: Session, conversation_id: int, agent_id: int, *, at: datetime) -> None:
    """This agent looks elsewhere; others are told."""
    gone = delete(ConversationPresence).where(
        ConversationPresence.conversation_id == conversation_id, ConversationPresence.agent_id == agent_id
    )
    if cast(Any, session.execute(gone)).rowcount:
        conversations.touch(session, conversations.hold(session, conversation_id), at=at)


def other_viewers(session: Session, conversation_id: int, agent_id: int, *, at: datetime) -> list[Agent]:
    """The other agents who have the conversation on their screens."""
    query = (
        select(Agent)
        .join(ConversationPresence, ConversationPresence.agent_id == Agent.id)
        .where(ConversationPresence.conversation_id == conversation_id, Agent.id != agent_id)
        .where(ConversationPresence.seen_at >= at - PRESENT_FOR)
        .order_by(Agent.id)
    )
    return list(session.scalars(query))


def _rows(agent_id: int) -> Select[Any]:
    said = and_(
        _MESSAGE.c.conversation_id == _CONVERSATION.c.id, _MESSAGE.c.number == _CONVERSATION.c.last_message_number
    )
    read = and_(_READ.c.conversation_id == _CONVERSATION.c.id, _READ.c.agent_id == agent_id)
    who = _CONTACT.alias("who")
    source = _CONVERSATION.join(who, who.c.id == _CONVERSATION.c.contact_id).join(_MESSAGE, said).outerjoin(_READ, read)
    return select(
        _CONVERSATION.c.id,
        _CONVERSATION.c.state,
        _CONVERSATION.c.assignee_id,
        _CONVERSATION.c.updated_at,
        _CONVERSATION.c.last_contact_revision,
        (_CONVERSATION.c.last_contact_revision > func.coalesce(_READ.c.revision, 0)).label("is_unread"),
        *(who.c[name] for name in ("public_id", "role", "name", "external_id", "email", "phone")),
        *(_MESSAGE.c[name] for name in ("kind", "author", "body")),
        *form_cards.COLUMNS,
    ).select_from(form_cards.joined_to(source, _MESSAGE.c.inserted_form_id))


def _row(row: Any, at: datetime) -> Row:
    return Row(
        conversation_id=row.id,
        state=ConversationState(row.state),
        assignee_id=row.assignee_id,
        updated_at=row.updated_at,
        last_contact_revision=row.last_contact_revision,
        is_unread=bool(row.is_unread),
        public_id=row.public_id,
        role=row.role,
        name=row.name,
        external_id=row.external_id,
        email=row.email,
        phone=row.phone,
        kind=MessageKind(row.kind),
        author=row.author,
        body=row.body,
        form=form_cards.of_row(row, at=at),
    )


def _assigned(assigned: Assigned, agent_id: int) -> ColumnElement[bool]:
    column = _CONVERSATION.c.assignee_id
    match assigned:
        case Assigned.ME:
            return column == agent_id
        case Assigned.NOBODY:
            return column.is_(None)
        case Assigned.OTHERS:
            return column != agent_id
        case _:
            return true()


def _unread(session: Session, agent_id: int) -> int:
    newest = (
        select(_CONVERSATION.c.id, _CONVERSATION.c.assignee_id, _CONVERSATION.c.last_contact_revision)
        .where(_CONVERSATION.c.state == ConversationState.OPEN.value)
        .order_by(_CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc())
        .limit(UNREAD_AMONG)
        .subquery()
    )
    read = and_(_READ.c.conversation_id == newest.c.id, _READ.c.agent_id == agent_id)
    query = (
        select(func.count())
        .select_from(newest.outerjoin(_READ, read))
        .where(newest.c.last_contact_revision > func.coalesce(_READ.c.revision, 0))
        .where(or_(newest.c.assignee_id.is_(None), newest.c.assignee_id == agent_id))
    )
    return int(run(session, query).scalar_one())


def _counted(*whose: ColumnElement[bool]) -> ColumnElement[int]:
    some = select(_CONVERSATION.c.id).where(_CONVERSATION.c.state == ConversationState.OPEN.value, *whose)
    return select(func.count()).select_from(some.limit(COUNTED_MAX).subquery()).scalar_subquery()


_COUNTS = select(
    _counted(),
    _counted(_CONVERSATION.c.assignee_id == bindparam("agent_id")),
    _counted(_CONVERSATION.c.assignee_id.is_(None)),
    _counted(_CONVERSATION.c.assignee_id < bindparam("agent_id")),
    _counted(_CONVERSATION.c.assignee_id > bindparam("agent_id")),
)
