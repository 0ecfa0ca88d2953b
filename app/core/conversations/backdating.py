"""Conversations that are moved here from another product: their messages have the times at which they were written.

What reads changes goes by revisions and change numbers, which are of the time of recording, and misses none of them.
"""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.conversations.appending import LockedConversation, NewMessage
from app.core.errors import InvalidInput, NotAvailable
from app.models import Message

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def backdate(conversation: LockedConversation, written_at: datetime | None) -> None:
    """Give a conversation that was started in this transaction an earlier time. Null changes nothing."""
    if written_at is not None:
        conversation.created_at = conversation.updated_at = written_at


def checked(session: Session, conversation: LockedConversation, new: NewMessage, *, at: datetime) -> NewMessage:
    """The message, not earlier than the newest one of its conversation, which may be of the same second.

    :raises InvalidInput: it was written before 2000, in the future, or before the newest one: messages keep the order
        in which they are added
    """
    if new.written_at is None:
        return new
    if not _EARLIEST <= new.written_at <= at:
        raise InvalidInput("Give a time since 2000 that is not in the future.", field="created_at")
    newest = session.scalar(
        select(Message.created_at).where(
            Message.conversation_id == conversation.id, Message.number == conversation.last_number
        )
    )
    if newest is None or new.written_at >= newest:
        return new
    if new.written_at < newest.replace(microsecond=0):
        raise InvalidInput(
            "The conversation has a newer part already. Add the parts in the order of their times.", field="created_at"
        )
    return replace(new, written_at=newest)


def refuse_in_text(written_at: datetime | None) -> None:
    """:raises NotAvailable: an earlier time is given for a text that is about to be sent"""
    if written_at is not None:
        raise NotAvailable("A text is sent now. It cannot have an earlier time.", field="created_at")
