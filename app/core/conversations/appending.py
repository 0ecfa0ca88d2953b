"""Appending to a conversation: locks its row and gives out the next message number and revision.

Every writer locks the conversation's row first. Numbers and revisions are therefore given out, and become visible, in
order: a poll by revision misses no message.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType, cast

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Executable,
    Integer,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.core.errors import InvalidInput, NotFound
from app.db import CompiledStatement, dialect_of
from app.models import Conversation, ConversationChannel, ConversationState, Message, MessageKind

CONTACT, SYSTEM = "contact", "system"
BOT, OUTBOUND = "bot", "outbound"
"""Kinds of authors that write without an agent: ``bot:3`` is a rule of bots, ``outbound:4`` an outbound chat."""
_AUTOMATIC = {BOT, OUTBOUND, SYSTEM}
BODY_MAX = 5000
ID_MAX = 2**63 - 1
_CLIENT_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONVERSATION = Conversation.__table__
IN_MESSENGER: ColumnElement[bool] = _CONVERSATION.c.channel == literal_column(f"'{ConversationChannel.MESSENGER}'")
"""Conversations that the contact sees in the messenger. Those by text are never shown there: who has the number need
not be who is signed in.
"""
_OTHERS = _CONVERSATION.alias("others")  # an alias, so that an UPDATE does not correlate it

LockedConversation = NewType("LockedConversation", Conversation)
"""A conversation whose row is locked until the transaction ends. Only ``lock`` makes one."""


@dataclass(frozen=True)
class NewMessage:
    """What is appended to a conversation.

    :param author: ``contact``, ``agent:3``, ``bot:3`` (a rule), ``outbound:4`` (an outbound chat) or ``system``
    :param client_key: random (1 to 64 letters, digits, ``_``, ``-``), chosen by the sender, so that sending the same
        message again adds nothing
    :param written_at: when it was written, where that was long before it is recorded (``backdating.py``)
    """

    author: str
    body: str
    kind: MessageKind = MessageKind.MESSAGE
    client_key: str | None = None
    inserted_form_id: int | None = None
    written_at: datetime | None = None


def lock(session: Session, conversation_id: int) -> LockedConversation:
    """Lock a conversation's row until the transaction ends, and return its current state.

    :raises NotFound: there is no such conversation
    """
    conversation = None
    if 0 < conversation_id <= ID_MAX:
        query = select(Conversation).where(Conversation.id == conversation_id).with_for_update()
        conversation = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return LockedConversation(conversation)


def append(session: Session, conversation: LockedConversation, new: NewMessage, *, at: datetime) -> Message:
    """Write the next message of a conversation. Two statements.

    The conversation moves to the top of the lists. A message of the contact makes it unread for agents. What a person
    writes or does in the conversation of an outbound chat opens it.
    """
    session.flush()
    updated_at = max(conversation.updated_at, new.written_at) if new.written_at else at
    values = advanced(author=new.author, kind=new.kind, at=at) | {"at": updated_at}
    _, number, revision = _ADVANCE.one(session, conversation_id=conversation.id, **values)
    changed: dict[str, Any] = {"last_number": number, "revision": revision, "updated_at": updated_at}
    if new.kind != MessageKind.EVENT:
        changed["last_message_number"] = number
    if new.author == CONTACT:
        changed["last_contact_revision"] = revision
    if conversation.state == ConversationState.OUTBOUND and _opens(new.author):
        changed["state"] = ConversationState.OPEN.value
    for name, value in changed.items():
        set_committed_value(conversation, name, value)
    message = Message(
        conversation_id=conversation.id,
        number=number,
        revision=revision,
        kind=new.kind,
        author=new.author,
        body=new.body,
        inserted_form_id=new.inserted_form_id,
        client_key=new.client_key,
        created_at=new.written_at or at,
    )
    session.add(message)
    session.flush()
    return message


def advanced(*, author: str, kind: MessageKind, at: datetime) -> dict[str, Any]:
    """The parameters of ``advance_statement``."""
    return {
        "is_event": kind == MessageKind.EVENT,
        "is_from_contact": author == CONTACT,
        "opens": _opens(author),
        "at": at,
        "now_us": _microseconds(at),
    }


def touch(session: Session, conversation: LockedConversation, *, at: datetime) -> int:
    """Give the conversation a new revision, so that polls see that it changed. Returns the revision."""
    conversation.revision += 1
    conversation.change_number = cast(Any, change_stamp(session, at))
    return conversation.revision


def find_sent(session: Session, conversation: LockedConversation, client_key: str) -> Message | None:
    """The message that was sent with this key.

    :raises InvalidInput: the key is malformed
    """
    check_client_key(client_key)
    query = select(Message).where(Message.conversation_id == conversation.id, Message.client_key == client_key)
    return session.scalars(query).one_or_none()


def check_client_key(client_key: str) -> None:
    """:raises InvalidInput: the key is malformed"""
    if not _CLIENT_KEY.fullmatch(client_key):
        raise InvalidInput("A key is 1 to 64 letters, digits, hyphens and underscores.", field="client_key")


def clean_body(typed: str) -> str:
    """The text as it is stored: without surrounding white space.

    :raises InvalidInput: it is empty or longer than ``BODY_MAX``
    """
    encodable = typed.encode("utf-8", "replace").decode()  # half of a surrogate pair can be typed, but not stored
    body = encodable.replace("\0", "").replace("\r\n", "\n").strip()
    if not body:
        raise InvalidInput("Write something first.", field="body")
    if len(body) > BODY_MAX:
        raise InvalidInput("Write at most %(most)s characters.", field="body", most=BODY_MAX)
    return body


def content_key(client_key: str, *content: object) -> str:
    """Idempotency key for this content: resending it from one page is ignored, different content is accepted.

    A page keeps its key when a response is lost and when the browser goes back to it; its content may change.

    :raises InvalidInput: the key is malformed
    """
    check_client_key(client_key)
    return hashlib.sha256(repr((client_key, *map(str, content))).encode()).hexdigest()[:40]


def change_stamp(session: Session, at: datetime) -> ColumnElement[int]:
    """The value for ``conversations.change_number``."""
    return _change_stamp(dialect_of(session), literal(_microseconds(at)))


def _change_stamp(dialect: str, now_us: ColumnElement[int]) -> ColumnElement[int]:
    """PostgreSQL: the number of the transaction. SQLite, which has one writer at a time: microseconds, but always more
    than the highest number given out, so that deleting the newest row does not repeat a number.
    """
    if dialect == "postgresql":
        return literal_column("pg_current_xact_id()::text::bigint")
    newest = select(func.max(_OTHERS.c.change_number)).scalar_subquery()
    return func.max(now_us, func.coalesce(newest, 0) + 1)


def _opens(author: str) -> bool:
    """Whether the author is a person, or a system that works for one: the contact, an agent or an API client."""
    return author.partition(":")[0] not in _AUTOMATIC


def _microseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def advance_statement(dialect: str) -> Any:
    """The UPDATE of ``advance`` without its condition, for those that insert the message with it."""
    columns = _CONVERSATION.c
    number, revision = columns.last_number + 1, columns.revision + 1
    is_event, is_from_contact, opens = (
        bindparam(name, type_=Boolean) for name in ("is_event", "is_from_contact", "opens")
    )
    is_outbound = columns.state == literal_column(f"'{ConversationState.OUTBOUND}'")
    return (
        update(_CONVERSATION)
        .values(
            last_number=number,
            last_message_number=case((is_event, columns.last_message_number), else_=number),
            revision=revision,
            state=case((and_(is_outbound, opens), literal_column(f"'{ConversationState.OPEN}'")), else_=columns.state),
            last_contact_revision=case((is_from_contact, revision), else_=columns.last_contact_revision),
            change_number=_change_stamp(dialect, bindparam("now_us", type_=Integer)),
            updated_at=bindparam("at"),
        )
        .returning(columns.id, columns.last_number, columns.revision)
    )


def _advance(dialect: str) -> Executable:
    found: Executable = advance_statement(dialect).where(_CONVERSATION.c.id == bindparam("conversation_id"))
    return found


_ADVANCE = CompiledStatement(_advance)
