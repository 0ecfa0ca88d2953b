"""Conversations by text: what people text lands in them, and messages of agents are sent as texts.

They are separate conversations: the messenger never shows them, because who has a number need not be who is signed
in.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.conversations import appending, lifecycle, messages
from app.core.conversations.appending import CONTACT, SYSTEM, NewMessage
from app.models import Conversation, ConversationChannel, Direction, Message, MessageKind, SmsMessage

# What is shown where a text had only pictures.
_ONLY_MEDIA = "[MMS]"


def add(session: Session, contact_id: int, text: SmsMessage, *, at: datetime) -> Message:
    """Show a text that came in, in the contact's open conversation by text that changed last, or in a new one.

    Links to pictures are added as a note. Sets the conversation of the text.

    :raises InvalidState: the contact is closed (``blocked``, ``gdpr_optout``)
    """
    conversation = lifecycle.find_or_start(session, contact_id, at=at, channel=ConversationChannel.SMS)
    body = (text.body or "").strip()[: appending.BODY_MAX] or _ONLY_MEDIA
    message = messages.post(session, conversation.id, NewMessage(CONTACT, body), at=at)
    text.conversation_id, text.message_number = conversation.id, message.number
    media = (text.details or {}).get("media")
    if media:
        note = NewMessage(SYSTEM, "\n".join(media)[: appending.BODY_MAX], MessageKind.NOTE)
        messages.post(session, conversation.id, note, at=at)
    session.flush()
    return message


def is_by_text(conversation: Conversation) -> bool:
    return conversation.channel == ConversationChannel.SMS


def number_of(session: Session, conversation_id: int) -> str | None:
    """The number that the person last texted from; null after an erasure."""
    query = select(SmsMessage.phone).where(
        SmsMessage.conversation_id == conversation_id, SmsMessage.direction == Direction.INBOUND.value
    )
    return session.scalar(query.order_by(SmsMessage.id.desc()).limit(1))


def sent_for(session: Session, conversation_id: int, numbers: Collection[int]) -> dict[int, SmsMessage]:
    """The texts that messages of a conversation were sent as, by the number of the message."""
    query = select(SmsMessage).where(
        SmsMessage.conversation_id == conversation_id,
        SmsMessage.message_number.in_(numbers),
        SmsMessage.direction == Direction.OUTBOUND.value,
    )
    return {each.message_number: each for each in session.scalars(query) if each.message_number is not None}
