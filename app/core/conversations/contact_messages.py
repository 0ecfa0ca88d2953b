"""What a contact writes, by the way that people wait on: the next line of an open conversation, in four statements.

Whatever is out of the ordinary (no open conversation, a changed text under a key, a blocked contact) goes by
``conversations``, whose rules these are.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Executable, Integer, Table, and_, bindparam, case, or_, select, update
from sqlalchemy.orm import Session

from app.core.conversations import messages as conversations
from app.core.conversations.messages import CONTACT
from app.core.errors import NotFound
from app.db import CompiledStatement, inserting
from app.models import Contact, Conversation, ConversationState, Message, MessageKind

_CONTACT = cast(Table, Contact.__table__)
_CONVERSATION = cast(Table, Conversation.__table__)
_MESSAGE = cast(Table, Message.__table__)


@dataclass(frozen=True)
class Said:
    """A message that stands: where, its number there, and since when."""

    conversation_id: int
    number: int
    at: datetime


def write(session: Session, contact_id: int, *, body: str, client_key: str, at: datetime) -> Said:
    """Write into the contact's open conversation in which something happened last; one is made when there is none.

    The contact's row is held meanwhile. Said again with the same key, the message that stands comes back.

    :raises InvalidInput: ``body`` is empty or too long; ``client_key`` is no key
    :raises InvalidState: the contact is blocked
    :raises NotFound: there is no such contact
    """
    conversations.refuse_odd_key(client_key)
    body = conversations.checked_body(body)
    contact = _HOLD.one(session, contact_id=contact_id)
    if contact is None:
        raise NotFound("There is no such contact.")
    found = _FIND.one(session, contact_id=contact_id, client_key=client_key)
    if found is None or contact[0] is not None:
        return _out_of_the_ordinary(session, contact_id, body, client_key, at=at)
    conversation_id, number, *said, created_at = found
    if number is None:
        return _append(session, conversation_id, body, client_key, at=at)
    if said != [CONTACT, MessageKind.MESSAGE.value, body]:
        return _out_of_the_ordinary(session, contact_id, body, client_key, at=at)
    return Said(conversation_id, number, created_at)


def _out_of_the_ordinary(session: Session, contact_id: int, body: str, client_key: str, *, at: datetime) -> Said:
    conversation = conversations.open_for(session, contact_id, at=at, client_key=client_key)
    said = conversations.say(session, conversation.id, author=CONTACT, body=body, client_key=client_key, at=at)
    return Said(said.conversation_id, said.number, said.created_at)


def _append(session: Session, conversation_id: int, body: str, client_key: str, *, at: datetime) -> Said:
    number, revision = _ADVANCE.one(
        session, conversation_id=conversation_id, at=at, now_us=conversations.microseconds(at)
    )
    _KEEP.run(
        session,
        conversation_id=conversation_id,
        number=number,
        revision=revision,
        kind=MessageKind.MESSAGE.value,
        author=CONTACT,
        body=body,
        client_key=client_key,
        created_at=at,
    )
    return Said(conversation_id, number, at)


def _advance(dialect: str) -> Executable:
    """The next number and revision of a conversation, which is held from then on."""
    number, revision = _CONVERSATION.c.last_number + 1, _CONVERSATION.c.revision + 1
    now_us = bindparam("now_us", type_=Integer)
    return (
        update(_CONVERSATION)
        .where(_CONVERSATION.c.id == bindparam("conversation_id"))
        .values(
            last_number=number,
            last_message_number=number,
            revision=revision,
            last_contact_revision=revision,
            change_number=conversations.change_stamp_of(dialect, now_us),
            updated_at=bindparam("at"),
        )
        .returning(_CONVERSATION.c.last_number, _CONVERSATION.c.revision)
    )


_HOLD = CompiledStatement(
    select(_CONTACT.c.blocked_at).where(_CONTACT.c.id == bindparam("contact_id")).with_for_update()
)
_WITH_KEY = and_(_MESSAGE.c.conversation_id == _CONVERSATION.c.id, _MESSAGE.c.client_key == bindparam("client_key"))
_FIND = CompiledStatement(
    select(_CONVERSATION.c.id, *(_MESSAGE.c[name] for name in ("number", "author", "kind", "body", "created_at")))
    .select_from(_CONVERSATION.outerjoin(_MESSAGE, _WITH_KEY))
    .where(
        _CONVERSATION.c.contact_id == bindparam("contact_id"),
        or_(_CONVERSATION.c.state == ConversationState.OPEN.value, _MESSAGE.c.number.is_not(None)),
    )
    .order_by(
        case((_MESSAGE.c.number.is_(None), 1), else_=0), _CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc()
    )
    .limit(1)
)
_ADVANCE = CompiledStatement(_advance)
_COLUMNS = ("conversation_id", "number", "revision", "kind", "author", "body", "client_key", "created_at")
_KEEP = CompiledStatement(lambda dialect: inserting(dialect, Message, _COLUMNS))
