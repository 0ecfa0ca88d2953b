"""The search of the inbox: by who it is with, and by what was said."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import Session

from app.core import contacts, inbox
from app.db import dialect_of
from app.models import Contact, Conversation, Message, MessageKind

FOUND_MAX = 50
SEARCHED_MESSAGES = 100_000  # SQLite has no index for words in texts: the newest lines are read
_WORDS = text("'simple'")


def search(session: Session, agent_id: int, typed: str, *, region: str | None, at: datetime) -> list[inbox.Row]:
    """Conversations, open and closed, with a contact who has this number, address, external id or part of a name, or
    in which these words were said; newest first, at most ``FOUND_MAX``.

    On PostgreSQL words are found by their beginnings; on SQLite any part is, among the newest lines.
    """
    wanted = " ".join(typed.replace("\0", "").split())
    if not wanted:
        return []
    known = [contact.id for contact in contacts.look_up(session, wanted, region=region)]
    searched = _word_search if dialect_of(session) == "postgresql" else _substring_search
    named, said = searched(wanted)
    ids = list(session.scalars(said))
    whose = list(session.scalars(named))
    found = or_(Conversation.id.in_(ids), Conversation.contact_id.in_([*known, *whose]))
    return inbox.rows_where(session, agent_id, found, at=at, limit=FOUND_MAX)


def _word_search(wanted: str) -> tuple[Select[Any], Select[Any]]:
    """PostgreSQL: each word by its beginning, over the indexes of words."""
    words = ["".join(each for each in word if each.isalnum()) for word in wanted.split()]
    query = func.to_tsquery(_WORDS, " & ".join(f"{word}:*" for word in words if word))
    named = select(Contact.id).where(
        func.to_tsvector(_WORDS, Contact.name).op("@@")(query), Contact.id.in_(select(Conversation.contact_id))
    )
    said = select(Message.conversation_id).where(
        func.to_tsvector(_WORDS, Message.body).op("@@")(query), Message.kind != MessageKind.EVENT.value
    )
    return named.limit(FOUND_MAX), said.order_by(Message.id.desc()).limit(FOUND_MAX * 4)


def _substring_search(wanted: str) -> tuple[Select[Any], Select[Any]]:
    """SQLite: any part of a name, and of what was said lately."""
    newest = select(func.max(Message.id)).scalar_subquery()
    named = select(Contact.id).where(
        Contact.name.icontains(wanted, autoescape=True), Contact.id.in_(select(Conversation.contact_id))
    )
    said = select(Message.conversation_id).where(
        Message.id > newest - SEARCHED_MESSAGES,
        Message.body.icontains(wanted, autoescape=True),
        Message.kind != MessageKind.EVENT.value,
    )
    return named.limit(FOUND_MAX), said.order_by(Message.id.desc()).limit(FOUND_MAX * 4)
