"""Fast path for messages from contacts: locks the contact and appends to its open conversation in three statements.

PostgreSQL executes the last two as one.

All other cases (no open conversation, a used key, a closed contact) go through ``messages.post``.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, literal_column, select, true
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.conversations import appending, lifecycle, messages
from app.core.conversations.appending import CONTACT, IN_MESSENGER, NewMessage
from app.core.errors import NotFound
from app.db import ChangeAndInsert, CompiledStatement
from app.models import BotRule, BotTrigger, Contact, Conversation, ConversationState, Message

_CONTACT = Contact.__table__
_CONVERSATION = Conversation.__table__
_MESSAGE = Message.__table__
_RULE = BotRule.__table__


@dataclass(frozen=True)
class PostedMessage:
    """A stored message: its conversation, its number there, and when it was stored.

    ``may_be_answered``: it is new, and there are rules of bots that answer words.
    """

    conversation_id: int
    number: int
    at: datetime
    may_be_answered: bool = False


class Writer(NamedTuple):
    """A contact whose row is locked until the transaction ends, with ``WRITER_COLUMNS``.

    ``has_word_rules``: there are rules of bots that answer words.
    """

    contact_id: int
    blocked_at: datetime | None
    gdpr_optin: bool | None
    has_word_rules: bool


def lock(session: Session, contact_id: int) -> Writer:
    """Lock the contact that writes.

    :raises NotFound: there is no such contact
    """
    row = _LOCK.one(session, contact_id=contact_id)
    if row is None:
        raise NotFound("There is no such contact.")
    return Writer(*row)


def post(session: Session, writer: Writer, *, body: str, client_key: str, at: datetime) -> PostedMessage:
    """Post to the contact's open conversation that changed last; start one if there is none.

    Posting again with the same key returns the existing message.

    :raises InvalidInput: ``body`` is empty or too long; ``client_key`` is malformed
    :raises InvalidState: the contact is closed (``blocked``, ``gdpr_optout``)
    """
    appending.check_client_key(client_key)
    new = NewMessage(CONTACT, appending.clean_body(body), client_key=client_key)
    posted = None if reach.is_closed(writer) else _append(session, writer.contact_id, new, at=at)
    if posted is None:
        conversation = lifecycle.find_or_start(session, writer.contact_id, at=at, client_key=client_key)
        message = messages.post(session, conversation.id, new, at=at)
        posted = PostedMessage(message.conversation_id, message.number, message.created_at)
    return replace(posted, may_be_answered=True) if writer.has_word_rules and posted.at == at else posted


def _append(session: Session, contact_id: int, new: NewMessage, *, at: datetime) -> PostedMessage | None:
    """Append to the open conversation that changed last. Null: there is none, or the key was used already."""
    values = appending.advanced(author=new.author, kind=new.kind, at=at) | vars(new) | {"kind": new.kind.value}
    appended = _APPEND.one(session, contact_id=contact_id, created_at=at, **values)
    return PostedMessage(appended[0], appended[1], at) if appended else None


_WORD_RULES = select(_RULE.c.id).where(
    _RULE.c.trigger == literal_column(f"'{BotTrigger.WORDS}'"), _RULE.c.is_on == true()
)
WRITER_COLUMNS = (_CONTACT.c.id, _CONTACT.c.blocked_at, _CONTACT.c.gdpr_optin, _WORD_RULES.exists())
_LOCK = CompiledStatement(select(*WRITER_COLUMNS).where(_CONTACT.c.id == bindparam("contact_id")).with_for_update())
_OF_WRITER = and_(_CONVERSATION.c.contact_id == bindparam("contact_id"), IN_MESSENGER)
_NEWEST_OPEN = (
    select(_CONVERSATION.c.id)
    .where(_OF_WRITER, _CONVERSATION.c.state != ConversationState.CLOSED.value)
    .order_by(_CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc())
    .limit(1)
    .correlate(None)
    .scalar_subquery()
)
_SENT = (
    select(_MESSAGE.c.id)
    .join(_CONVERSATION, _CONVERSATION.c.id == _MESSAGE.c.conversation_id)
    .where(_OF_WRITER, _MESSAGE.c.client_key == bindparam("client_key"))
    .correlate(None)
    .exists()
)


def _advance_open(dialect: str) -> Any:
    columns = _CONVERSATION.c
    is_found = (columns.id == _NEWEST_OPEN, columns.state != ConversationState.CLOSED.value, ~_SENT)
    return appending.advance_statement(dialect).where(*is_found)


_TAKEN = ("conversation_id", "number", "revision")
_APPEND = ChangeAndInsert(
    _advance_open, Message, (*_TAKEN, "kind", "author", "body", "client_key", "created_at"), taken=_TAKEN
)
