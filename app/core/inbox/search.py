"""Search of the inbox: by contact, and by words in messages."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, Text, column, func, or_, select, table
from sqlalchemy.orm import Session

from app.core.contacts import finding, text_sql, typed_search
from app.core.inbox.lists import InboxRow, rows_where
from app.db import dialect_of, without_marks
from app.models import Contact, Conversation, Message, MessageKind

FOUND_MAX = 50
# SQLite finds parts of names among the contacts of the newest conversations. Text that is too short for its index of
# three letters is searched in the newest messages only.
SEARCHED_CONVERSATIONS, SEARCHED_MESSAGES = 20_000, 5_000
_INDEXED_LETTERS = 3
_CONTACT, _MESSAGE = Contact.__table__, Message.__table__
_INDEX = table("message_search", column("rowid", BigInteger), column("message_search", Text))


def search(session: Session, agent_id: int, typed: str, *, region: str | None, at: datetime) -> list[InboxRow]:
    """Conversations, open and closed, whose contact has this number, address, external id or part of a name, or whose
    messages contain these words; newest first, at most ``FOUND_MAX``.

    In messages, PostgreSQL finds words by their beginnings. SQLite finds any part of three letters or more, shorter
    parts among the newest ``SEARCHED_MESSAGES`` messages, and names among the ``SEARCHED_CONVERSATIONS`` newest. Of
    messages that match, the newest ``SEARCHED_MESSAGES`` are looked at.
    """
    wanted = " ".join(typed.replace("\0", "").split())
    if not wanted:
        return []
    known = [contact.id for contact in finding.find_exactly(session, wanted, region=region)]
    searched = _word_search if dialect_of(session) == "postgresql" else _substring_search
    contacts_by_name, conversations_by_text = searched(wanted)
    ids = list(session.scalars(conversations_by_text))
    named = list(session.scalars(contacts_by_name))
    found = or_(Conversation.id.in_(ids), Conversation.contact_id.in_([*known, *named]))
    return rows_where(session, agent_id, found, at=at, limit=FOUND_MAX)


def _word_search(wanted: str) -> tuple[Select[Any], Select[Any]]:
    """PostgreSQL: contacts and conversations by the beginning of each word, by the indexes of words."""
    named = select(Contact.id).where(
        typed_search.has_words(_CONTACT.c.name, wanted), Contact.id.in_(select(Conversation.contact_id))
    )
    messages = select(Message.id, Message.conversation_id).where(
        typed_search.has_words(_MESSAGE.c.body, wanted), Message.kind != MessageKind.EVENT.value
    )
    return named.limit(FOUND_MAX), _conversations_of(messages.order_by(Message.id.desc()).limit(SEARCHED_MESSAGES))


def _substring_search(wanted: str) -> tuple[Select[Any], Select[Any]]:
    """SQLite: any part of a name, and any part of a message by its index of three letters in a row."""
    recent = select(Conversation.contact_id).order_by(Conversation.id.desc()).limit(SEARCHED_CONVERSATIONS)
    named = select(Contact.id).where(text_sql.contains(_CONTACT.c.name, wanted), Contact.id.in_(recent))
    messages = select(Message.id, Message.conversation_id)
    plain = without_marks(wanted) or wanted
    if len(plain) >= _INDEXED_LETTERS:
        phrase = '"' + plain.replace('"', '""') + '"'
        indexed = select(_INDEX.c.rowid).where(_INDEX.c.message_search.op("MATCH")(phrase))
        newest = indexed.order_by(_INDEX.c.rowid.desc()).limit(SEARCHED_MESSAGES)
        return named.limit(FOUND_MAX), _conversations_of(messages.where(Message.id.in_(newest)))
    latest = select(func.max(Message.id)).scalar_subquery()
    messages = messages.where(
        Message.id > latest - SEARCHED_MESSAGES,
        text_sql.contains(_MESSAGE.c.body, wanted),
        Message.kind != MessageKind.EVENT.value,
    )
    return named.limit(FOUND_MAX), _conversations_of(messages)


def _conversations_of(messages: Select[int, int]) -> Select[Any]:
    """The conversations of these messages, the newest message first: a long conversation counts once."""
    found = messages.subquery()
    newest = func.max(found.c.id).desc()
    return select(found.c.conversation_id).group_by(found.c.conversation_id).order_by(newest).limit(FOUND_MAX)
