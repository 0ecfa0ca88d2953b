"""The inbox of agents: its lists and counts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, literal, or_, select, true, tuple_
from sqlalchemy.orm import Session

from app.core.forms import cards as form_cards
from app.core.forms.cards import FormCard
from app.db import run
from app.models import (
    Contact,
    Conversation,
    ConversationChannel,
    ConversationRead,
    ConversationState,
    Message,
    MessageKind,
)

PAGE_SIZE = 40
COUNTED_MAX = 1000  # counting stops here; pages show "1,000+"
UNREAD_AMONG = 500  # unread conversations are counted among this many newest open ones
_CONVERSATION = Conversation.__table__
_MESSAGE = Message.__table__
_CONTACT = Contact.__table__
_READ = ConversationRead.__table__
_CONTACT_COLUMNS = (
    *("public_id", "role", "name", "external_id", "email"),
    *("phone", "phone_country", "time_zone", "created_at", "erased_at"),
)
_LIST_CONTACT = _CONTACT.alias("who")  # an alias, because the form's card joins contacts too


class Assigned(StrEnum):
    ALL = "all"
    ME = "me"
    NOBODY = "nobody"
    OTHERS = "others"


@dataclass(frozen=True)
class InboxList:
    """Which list, and which page of it.

    :param assigned: a group, or the id of one agent
    :param before: ``key`` of the last row of the page before
    """

    state: ConversationState = ConversationState.OPEN
    assigned: Assigned | int = Assigned.ALL
    before: tuple[datetime, int] | None = None
    limit: int = PAGE_SIZE


@dataclass(frozen=True)
class InboxRow:
    """One conversation in a list, with its newest message.

    ``is_unread``: the contact did something since this agent last read the conversation. ``created_at`` is of the
    contact.
    """

    conversation_id: int
    channel: ConversationChannel
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
    phone_country: str | None
    time_zone: str | None
    created_at: datetime
    erased_at: datetime | None
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
        """Identifies the contact's last action, so that a page announces it once."""
        return f"{self.conversation_id}.{self.last_contact_revision}"


@dataclass(frozen=True)
class OpenCounts:
    """How many conversations are open, by assignee, each counted up to ``COUNTED_MAX``.

    ``unread``: those of this agent or of no one, among the newest ``UNREAD_AMONG``.
    """

    all: int
    mine: int
    unassigned: int
    others: int
    unread: int


def page(session: Session, agent_id: int, wanted: InboxList, *, at: datetime) -> list[InboxRow]:
    """One page of a list, newest first, as one agent sees it. One statement."""
    query = _ROWS.where(_CONVERSATION.c.state == wanted.state.value, _assigned(wanted.assigned, agent_id))
    if wanted.before is not None:
        moment, conversation_id = wanted.before
        key = tuple_(_CONVERSATION.c.updated_at, _CONVERSATION.c.id)
        query = query.where(key < tuple_(literal(moment, _CONVERSATION.c.updated_at.type), literal(conversation_id)))
    return [_row(row, at) for row in run(session, query.limit(wanted.limit), {"agent_id": agent_id})]


def rows_where(
    session: Session, agent_id: int, condition: ColumnElement[bool], *, at: datetime, limit: int = PAGE_SIZE
) -> list[InboxRow]:
    """The conversations that meet a condition, newest first, as one agent sees them.

    :param condition: on the table ``conversations``
    """
    query = _ROWS.where(condition).limit(limit)
    return [_row(row, at) for row in run(session, query, {"agent_id": agent_id})]


def rows_of(session: Session, agent_id: int, conversation_ids: list[int], *, at: datetime) -> list[InboxRow]:
    """These conversations, newest first, as one agent sees them; at most ``PAGE_SIZE``."""
    if not conversation_ids:
        return []
    return rows_where(session, agent_id, _CONVERSATION.c.id.in_(conversation_ids), at=at)


def counts(session: Session, agent_id: int) -> OpenCounts:
    """How many conversations are open. Two statements, whose cost does not grow with the number of conversations."""
    counted: Any = run(session, _COUNTS, {"agent_id": agent_id}).one()
    everything, mine, unassigned, others_below, others_above = counted
    unread = int(run(session, _UNREAD, {"agent_id": agent_id}).scalar_one())
    return OpenCounts(everything, mine, unassigned, min(others_below + others_above, COUNTED_MAX), unread)


_NEWEST_MESSAGE = and_(
    _MESSAGE.c.conversation_id == _CONVERSATION.c.id, _MESSAGE.c.number == _CONVERSATION.c.last_message_number
)
_READ_BY_AGENT = and_(_READ.c.conversation_id == _CONVERSATION.c.id, _READ.c.agent_id == bindparam("agent_id"))
_ROWS = (
    select(
        _CONVERSATION.c.id,
        _CONVERSATION.c.channel,
        _CONVERSATION.c.state,
        _CONVERSATION.c.assignee_id,
        _CONVERSATION.c.updated_at,
        _CONVERSATION.c.last_contact_revision,
        (_CONVERSATION.c.last_contact_revision > func.coalesce(_READ.c.revision, 0)).label("is_unread"),
        *(_LIST_CONTACT.c[name] for name in _CONTACT_COLUMNS),
        *(_MESSAGE.c[name] for name in ("kind", "author", "body")),
        *form_cards.COLUMNS,
    )
    .select_from(
        form_cards.joined_to(
            _CONVERSATION.join(_LIST_CONTACT, _LIST_CONTACT.c.id == _CONVERSATION.c.contact_id)
            .join(_MESSAGE, _NEWEST_MESSAGE)
            .outerjoin(_READ, _READ_BY_AGENT),
            _MESSAGE.c.inserted_form_id,
        )
    )
    .order_by(_CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc())
)


def _row(row: Any, at: datetime) -> InboxRow:
    return InboxRow(
        conversation_id=row.id,
        channel=ConversationChannel(row.channel),
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
        phone_country=row.phone_country,
        time_zone=row.time_zone,
        created_at=row.created_at,
        erased_at=row.erased_at,
        kind=MessageKind(row.kind),
        author=row.author,
        body=row.body,
        form=form_cards.of_row(row, at=at),
    )


def _assigned(assigned: Assigned | int, agent_id: int) -> ColumnElement[bool]:
    column = _CONVERSATION.c.assignee_id
    match assigned:
        case int():
            return column == assigned
        case Assigned.ME:
            return column == agent_id
        case Assigned.NOBODY:
            return column.is_(None)
        case Assigned.OTHERS:
            return column != agent_id
        case _:
            return true()


def _counted(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    some = select(_CONVERSATION.c.id).where(_CONVERSATION.c.state == ConversationState.OPEN.value, *conditions)
    return select(func.count()).select_from(some.limit(COUNTED_MAX).subquery()).scalar_subquery()


_COUNTS = select(
    _counted(),
    _counted(_CONVERSATION.c.assignee_id == bindparam("agent_id")),
    _counted(_CONVERSATION.c.assignee_id.is_(None)),
    _counted(_CONVERSATION.c.assignee_id < bindparam("agent_id")),
    _counted(_CONVERSATION.c.assignee_id > bindparam("agent_id")),
)
_NEWEST_OPEN = (
    select(_CONVERSATION.c.id, _CONVERSATION.c.assignee_id, _CONVERSATION.c.last_contact_revision)
    .where(_CONVERSATION.c.state == ConversationState.OPEN.value)
    .order_by(_CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc())
    .limit(UNREAD_AMONG)
    .subquery()
)
_UNREAD = (
    select(func.count())
    .select_from(
        _NEWEST_OPEN.outerjoin(
            _READ, and_(_READ.c.conversation_id == _NEWEST_OPEN.c.id, _READ.c.agent_id == bindparam("agent_id"))
        )
    )
    .where(_NEWEST_OPEN.c.last_contact_revision > func.coalesce(_READ.c.revision, 0))
    .where(or_(_NEWEST_OPEN.c.assignee_id.is_(None), _NEWEST_OPEN.c.assignee_id == bindparam("agent_id")))
)
