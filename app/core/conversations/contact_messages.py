"""Fast path for messages from contacts: locks the contact and appends to its open conversation in four statements.

PostgreSQL executes the last two as one.

All other cases (no open conversation, another text with a used key, a closed contact) go through ``messages.post``.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, bindparam, case, literal_column, or_, select, true
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.conversations import appending, lifecycle, messages
from app.core.conversations.appending import CONTACT, IN_MESSENGER, NewMessage
from app.core.errors import NotFound
from app.db import ChangeAndInsert, CompiledStatement
from app.models import BotRule, BotTrigger, Contact, Conversation, ConversationState, Message, MessageKind

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
    body, contact_id = appending.clean_body(body), writer.contact_id
    found = None if reach.is_closed(writer) else _FIND.one(session, contact_id=contact_id, client_key=client_key)
    if found is None:
        posted = _post_slowly(session, contact_id, body, client_key, at=at)
    else:
        conversation_id, number, *sent, created_at = found
        if number is None:
            posted = _append(session, conversation_id, body, client_key, at=at)
        elif sent != [CONTACT, MessageKind.MESSAGE.value, body]:
            posted = _post_slowly(session, contact_id, body, client_key, at=at)
        else:
            posted = PostedMessage(conversation_id, number, created_at)
    return replace(posted, may_be_answered=True) if writer.has_word_rules and posted.at == at else posted


def _post_slowly(session: Session, contact_id: int, body: str, client_key: str, *, at: datetime) -> PostedMessage:
    conversation = lifecycle.find_or_start(session, contact_id, at=at, client_key=client_key)
    new = NewMessage(CONTACT, body, client_key=client_key)
    message = messages.post(session, conversation.id, new, at=at)
    return PostedMessage(message.conversation_id, message.number, message.created_at)


def _append(session: Session, conversation_id: int, body: str, client_key: str, *, at: datetime) -> PostedMessage:
    kind = MessageKind.MESSAGE
    number, _ = _APPEND.one(
        session,
        **appending.advanced(conversation_id, author=CONTACT, kind=kind, at=at),
        kind=kind.value,
        author=CONTACT,
        body=body,
        client_key=client_key,
        created_at=at,
    )
    return PostedMessage(conversation_id, number, at)


_WORD_RULES = select(_RULE.c.id).where(
    _RULE.c.trigger == literal_column(f"'{BotTrigger.WORDS}'"), _RULE.c.is_on == true()
)
WRITER_COLUMNS = (_CONTACT.c.id, _CONTACT.c.blocked_at, _CONTACT.c.gdpr_optin, _WORD_RULES.exists())
_LOCK = CompiledStatement(select(*WRITER_COLUMNS).where(_CONTACT.c.id == bindparam("contact_id")).with_for_update())
_WITH_KEY = and_(_MESSAGE.c.conversation_id == _CONVERSATION.c.id, _MESSAGE.c.client_key == bindparam("client_key"))
_FIND = CompiledStatement(
    select(_CONVERSATION.c.id, *(_MESSAGE.c[name] for name in ("number", "author", "kind", "body", "created_at")))
    .select_from(_CONVERSATION.outerjoin(_MESSAGE, _WITH_KEY))
    .where(
        _CONVERSATION.c.contact_id == bindparam("contact_id"),
        IN_MESSENGER,
        or_(_CONVERSATION.c.state != ConversationState.CLOSED.value, _MESSAGE.c.number.is_not(None)),
    )
    .order_by(
        case((_MESSAGE.c.number.is_(None), 1), else_=0), _CONVERSATION.c.updated_at.desc(), _CONVERSATION.c.id.desc()
    )
    .limit(1)
)
_COLUMNS = ("conversation_id", "number", "revision", "kind", "author", "body", "client_key", "created_at")
_APPEND = ChangeAndInsert(appending.advance_statement, Message, _COLUMNS, taken=("number", "revision"))
