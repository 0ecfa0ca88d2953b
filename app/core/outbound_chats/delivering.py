"""Outbound chats at a visit: each waiting one is written into the conversation of the contact, once.

A conversation that begins with one is in no list of the inbox until the contact or an agent writes in it: a chat to ten
thousand people does not bury the conversations that wait for an answer.

The rules are asked again: who opted in, was blocked or has no messenger any more since gets nothing. The contact's row
is locked, so two tabs, or two processes, do not deliver one chat twice.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.orm import Session

from app.core import message_template
from app.core.consent import locking
from app.core.conversations import forms, lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.errors import AssentError
from app.core.outbound_chats import audience, drafts
from app.core.outbound_chats.lifecycle import form_of, may_deliver
from app.db import run
from app.models import (
    ChatOutcome,
    Contact,
    ConversationState,
    OptInForm,
    OutboundChat,
    OutboundChatRecipient,
)

# At one visit. Who is a recipient of more gets the others at the next ones.
MOST_AT_A_VISIT = 3
ERASED, EMPTY, REFUSED = "erased", "empty", "refused"
_WAITING = (
    select(OutboundChatRecipient.outbound_chat_id)
    .where(
        OutboundChatRecipient.contact_id == bindparam("contact_id"),
        # as part of the statement's text, so that the partial index is used
        OutboundChatRecipient.outcome == literal_column(f"'{ChatOutcome.WAITING.value}'"),
    )
    .order_by(OutboundChatRecipient.outbound_chat_id)
)
_IS_WAITING = _WAITING.limit(1)


def is_waiting(session: Session, contact_id: int) -> bool:
    """Whether an outbound chat waits for this contact. One read of an index; writes nothing."""
    return run(session, _IS_WAITING, {"contact_id": contact_id}).first() is not None


def deliver(session: Session, contact_id: int, *, at: datetime) -> int:
    """Write what waits for a contact into their conversation. Returns how many outbound chats were delivered.

    What is not delivered any more gets its reason. Flushes, does not commit.
    """
    contact = locking.lock_contact(session, contact_id)
    delivered = 0
    for chat in _waiting(session, contact_id, at):
        recipient = session.get_one(OutboundChatRecipient, (chat.id, contact_id), populate_existing=True)
        recipient.changed_at = at
        form = form_of(session, chat)
        reason = _reason(session, contact, form)
        if reason is None:
            reason = _write(session, chat, recipient, contact, form)
        if reason is not None:
            recipient.outcome, recipient.reason = ChatOutcome.SKIPPED.value, reason
        delivered += reason is None
        session.flush()
        if delivered == MOST_AT_A_VISIT:
            break
    return delivered


def text_for(body: str, contact: Contact | None) -> str:
    """The message that a contact gets, with their values; null: an example without any known value.

    :raises InvalidInput: the text has a variable that cannot be read
    """
    template = message_template.parse(body)
    if contact is None:
        return template.with_fallbacks().strip()
    values = message_template.values_of(
        name=contact.name, email=contact.email, phone=contact.phone, attributes=contact.custom_attributes
    )
    return template.fill(values).strip()


def _waiting(session: Session, contact_id: int, at: datetime) -> Sequence[OutboundChat]:
    """The running outbound chats that wait for a contact, locked so that a stop waits for what is written here."""
    ids = run(session, _WAITING, {"contact_id": contact_id}).scalars().all()
    if not ids:
        return []
    chats = select(OutboundChat).where(OutboundChat.id.in_(ids)).order_by(OutboundChat.id)
    locked = chats.with_for_update(read=True).execution_options(populate_existing=True)
    return [chat for chat in session.scalars(locked) if may_deliver(chat, at=at)]


def _reason(session: Session, contact: Contact, form: OptInForm | None) -> str | None:
    """Why this contact does not get it now."""
    if contact.erased_at is not None or contact.merged_into_id is not None:
        return ERASED
    if not audience.is_form_offered(session, form):
        return audience.FORM_NOT_OFFERED
    return audience.first_reason(session, contact, form)


def _write(
    session: Session, chat: OutboundChat, recipient: OutboundChatRecipient, contact: Contact, form: OptInForm | None
) -> str | None:
    """Write the message and the form. Returns null, or why neither was written."""
    at, author, key = recipient.changed_at, drafts.author(chat.id), f"outbound-{chat.id}"
    if not (body := text_for(chat.body, contact)):
        return EMPTY
    try:
        with session.begin_nested():
            conversation = lifecycle.find_or_start(session, contact.id, at=at, client_key=key)
            if not conversation.last_number:
                conversation.state = ConversationState.OUTBOUND
            message = messages.post(session, conversation.id, NewMessage(author, body, client_key=key), at=at)
            placed = None
            if form is not None:
                placed = forms.insert_saved(session, conversation.id, form.id, actor=author, at=at, client_key=key)
    except AssentError:
        return REFUSED
    recipient.outcome, recipient.reason = ChatOutcome.DELIVERED.value, None
    recipient.conversation_id, recipient.message_number = conversation.id, message.number
    recipient.inserted_form_id = placed.inserted_form_id if placed is not None else None
    return None
