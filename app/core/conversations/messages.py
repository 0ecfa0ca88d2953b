"""Messages of a conversation: posted by agents and contacts, forms placed in it, what its contact has seen."""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.conversations import appending
from app.core.conversations.appending import CONTACT, SYSTEM, LockedConversation, NewMessage
from app.core.conversations.lifecycle import contact_of, reopen_locked
from app.core.errors import InvalidInput, InvalidState
from app.db import run
from app.models import Conversation, InsertedForm, Message, MessageKind

BODY_MAX = 5000
_CONVERSATION = cast(Table, Conversation.__table__)
_MESSAGE = cast(Table, Message.__table__)


def post(session: Session, conversation_id: int, new: NewMessage, *, at: datetime) -> Message:
    """Post a message or a note. A message of the contact reopens a closed conversation.

    Posting again with the same ``client_key`` changes nothing and returns the existing message. Another text, kind or
    author with the same key is another message.

    :raises InvalidInput: ``body`` is empty or longer than ``BODY_MAX``; ``client_key`` is malformed
    :raises InvalidState: the contact is blocked, and this is not a note
    :raises NotFound: there is no such conversation
    """
    if new.kind not in {MessageKind.MESSAGE, MessageKind.NOTE} or (
        new.kind == MessageKind.NOTE and new.author == CONTACT
    ):
        raise InvalidInput("Only messages and notes are written.", field="kind")
    new = replace(new, body=clean_body(new.body))
    conversation = appending.lock(session, conversation_id)
    if new.client_key is not None:
        sent = appending.find_sent(session, conversation, new.client_key)
        if sent and (sent.author, sent.kind, sent.body) != (new.author, new.kind, new.body):
            new = replace(new, client_key=appending.content_key(new.client_key, new.author, new.kind, new.body))
            sent = appending.find_sent(session, conversation, cast(str, new.client_key))
        if sent:
            return sent
    if new.kind == MessageKind.MESSAGE:
        reach.refuse_blocked(contact_of(session, conversation))
    if new.author == CONTACT:
        reopen_locked(session, conversation, actor=SYSTEM, at=at)
    return appending.append(session, conversation, new, at=at)


def post_form(
    session: Session,
    conversation: LockedConversation,
    inserted: InsertedForm,
    *,
    author: str,
    at: datetime,
    client_key: str | None = None,
) -> Message:
    """Place an inserted form (``forms.insert_for``) in a conversation, and reopen it if it is closed.

    :param client_key: as for ``post``; the caller has checked that no message has it
    :raises InvalidState: it was inserted for another contact, or is in a conversation already; the contact is blocked
    """
    if inserted.conversation_id is not None or inserted.contact_id != conversation.contact_id:
        raise InvalidState("This form was inserted for somebody else.")
    reach.refuse_blocked(contact_of(session, conversation))
    inserted.conversation_id = conversation.id
    reopen_locked(session, conversation, actor=author, at=at)
    new = NewMessage(author, "", MessageKind.FORM, client_key, inserted.id)
    return appending.append(session, conversation, new, at=at)


def mark_form_changed(
    session: Session, conversation_id: int, inserted_form_id: int, *, is_answered: bool, at: datetime
) -> None:
    """Give a form's card a new revision, so that the polls of both sides fetch it again. Two statements.

    An answer counts as news from the contact: agents see it unread, and the conversation moves to the top.
    """
    values: dict[str, Any] = {
        "revision": _CONVERSATION.c.revision + 1,
        "change_number": appending.change_stamp(session, at),
    }
    if is_answered:
        values |= {"last_contact_revision": _CONVERSATION.c.revision + 1, "updated_at": at}
    changed = update(_CONVERSATION).where(_CONVERSATION.c.id == conversation_id).values(**values)
    revision = run(session, changed.returning(_CONVERSATION.c.revision)).scalar_one_or_none()
    card = update(_MESSAGE).where(_MESSAGE.c.inserted_form_id == inserted_form_id).values(revision=revision)
    if revision is not None:
        run(session, card)


def mark_seen_by_contact(session: Session, conversation_id: int, number: int, *, at: datetime) -> None:
    """Note that the contact has seen every message up to this number. Never moves back or beyond the last message."""
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


def clean_body(typed: str) -> str:
    """The text as it is stored: without surrounding white space.

    :raises InvalidInput: it is empty or longer than ``BODY_MAX``
    """
    encodable = typed.encode("utf-8", "replace").decode()  # half of a surrogate pair can be typed, but not stored
    body = encodable.replace("\0", "").replace("\r\n", "\n").strip()
    if not body:
        raise InvalidInput("Write something first.", field="body")
    if len(body) > BODY_MAX:
        raise InvalidInput(f"Write at most {BODY_MAX:,} characters.", field="body")
    return body
