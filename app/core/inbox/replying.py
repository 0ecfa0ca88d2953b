"""An agent replies in a conversation: in the messenger, or by a text to the number that the person texted from."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import sms_text
from app.core.consent import eligibility, reach, suppressions
from app.core.conversations import backdating, lifecycle, messages, texts
from app.core.conversations import forms as conversation_forms
from app.core.conversations.appending import NewMessage
from app.core.errors import InvalidInput, InvalidState
from app.core.signing import keys_of
from app.core.sms import queueing
from app.core.sms.queueing import NewText
from app.models import Contact, Conversation, Message, MessageKind, Purpose

# Carriers take no longer texts.
SEGMENTS_MAX = 10


def reply(
    session: Session, conversation_id: int, new: NewMessage, form_id: int | None = None, *, at: datetime
) -> Message:
    """Post a message or a note. In a conversation by text, a message is queued as a text, and the gate is asked again
    when it is sent.

    :param form_id: a saved form to place after a message; not by text
    :raises InvalidInput: as ``conversations.forms.reply``; or the text is too long
    :raises NotAvailable: an earlier time for a text
    :raises InvalidState: as there; or ``suppressed``: the number may not be texted
    """
    conversation = lifecycle.find(session, conversation_id)
    if not texts.is_by_text(conversation) or new.kind != MessageKind.MESSAGE:
        return conversation_forms.reply(session, conversation_id, new, form_id, at=at)
    backdating.refuse_in_text(new.written_at)
    if form_id is not None:
        raise InvalidInput("A form cannot be sent in a text. Send a link to it.")
    if sms_text.pack(new.body).segments > SEGMENTS_MAX:
        raise InvalidInput("This is too long for a text.", field="body")
    number = number_to_text(session, conversation)
    message = messages.post(session, conversation_id, new, at=at)
    if not texts.sent_for(session, conversation_id, [message.number]):
        contact = session.get_one(Contact, conversation.contact_id)
        text = NewText(
            Purpose.REPLY,
            number,
            message.body,
            new.author,
            phone_country=contact.phone_country,
            contact_id=contact.id,
            conversation_id=conversation_id,
        )
        queueing.queue(session, text, at=at).message_number = message.number
        session.flush()
    return message


def number_to_text(session: Session, conversation: Conversation) -> str:
    """The number that a reply goes to.

    :raises InvalidState: ``suppressed``; ``blocked``, ``gdpr_optout``; or the number is not known any more
    """
    reach.refuse_closed(session.get_one(Contact, conversation.contact_id))
    number = texts.number_of(session, conversation.id)
    if number is None:
        raise InvalidState("The number that they texted from is not known any more.")
    phone_hash = keys_of(session).destination_hash(number)
    if eligibility.is_suppressed(session, phone_hash):
        if suppressions.under_review(session, phone_hash):
            raise InvalidState("This number is under review. Decide whether to keep or release it, and say why.")
        raise InvalidState("This number asked not to be texted. Only its holder can change that.", code="suppressed")
    return number
