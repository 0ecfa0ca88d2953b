"""Messages of a conversation: posted by agents and contacts, and seen by its contact."""

from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.conversations import appending, backdating
from app.core.conversations.appending import CONTACT, SYSTEM, NewMessage
from app.core.conversations.lifecycle import contact_of, reopen_locked
from app.core.errors import InvalidInput
from app.db import run
from app.models import Conversation, Message, MessageKind

_CONVERSATION = Conversation.__table__


def post(session: Session, conversation_id: int, new: NewMessage, *, at: datetime) -> Message:
    """Post a message or a note. A message of the contact reopens a closed conversation.

    Posting again with the same ``client_key`` changes nothing and returns the existing message. Another text, kind or
    author with the same key is another message.

    :raises InvalidInput: ``body`` is empty or longer than ``BODY_MAX``; ``client_key`` is malformed;
        ``written_at`` is refused (``backdating.checked``)
    :raises InvalidState: the contact is closed (``blocked``, ``gdpr_optout``), and this is not a note
    :raises NotFound: there is no such conversation
    """
    if new.kind not in {MessageKind.MESSAGE, MessageKind.NOTE} or (
        new.kind == MessageKind.NOTE and new.author == CONTACT
    ):
        raise InvalidInput("Only messages and notes are written.", field="kind")
    new = replace(new, body=appending.clean_body(new.body))
    conversation = appending.lock(session, conversation_id)
    if new.client_key is not None:
        sent = appending.find_sent(session, conversation, new.client_key)
        if sent and (sent.author, sent.kind, sent.body) != (new.author, new.kind, new.body):
            new = replace(new, client_key=appending.content_key(new.client_key, new.author, new.kind, new.body))
            sent = appending.find_sent(session, conversation, cast(str, new.client_key))
        if sent:
            return sent
    if new.kind == MessageKind.MESSAGE:
        reach.refuse_closed(contact_of(session, conversation))
    new = backdating.checked(session, conversation, new, at=at)
    if new.author == CONTACT:
        reopen_locked(session, conversation, actor=SYSTEM, at=at, written_at=new.written_at)
    return appending.append(session, conversation, new, at=at)


def mark_seen_by_contact(session: Session, conversation_id: int, number: int, *, at: datetime) -> None:
    """Record that the contact has seen every message up to this number. Never moves back or beyond the last message."""
    seen = (
        update(_CONVERSATION)
        .where(_CONVERSATION.c.id == conversation_id)
        .where(_CONVERSATION.c.contact_seen_number < number, _CONVERSATION.c.last_number >= number)
        .values(
            contact_seen_number=number,
            revision=_CONVERSATION.c.revision + 1,
            change_number=appending.change_stamp(session, at),
        )
    )
    run(session, seen)
