"""One text to one contact, by the API: through the gate when it is queued, and again when it is sent."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core import audit
from app.core.consent import eligibility
from app.core.errors import InvalidInput, InvalidState
from app.core.sms import queueing
from app.core.sms.queueing import NewText
from app.core.typed_text import visible
from app.models import Channel, Contact, Purpose, SmsMessage, SubscriptionType

BODY_MAX = 1600  # what gateways take


def queue_to(
    session: Session, contact: Contact, subscription_type: SubscriptionType, body: str, *, actor: str, at: datetime
) -> SmsMessage:
    """Queue one text to a locked contact. Writes one audit entry.

    :raises InvalidInput: the type is for emails, or the text is too long or has nothing to read
    :raises InvalidState: the contact is not reached; the code is the first reason, such as ``not_opted_in``
    """
    if subscription_type.channel != Channel.SMS:
        raise InvalidInput("This subscription type is for emails.", field="subscription_type_id")
    if not visible(body):
        raise InvalidInput("Write something first.", field="body")
    if len(body) > BODY_MAX:
        raise InvalidInput("Use at most %(most)s characters.", field="body", most=BODY_MAX)
    status = eligibility.status(session, contact, subscription_type)
    if status.reasons:
        raise InvalidState("This contact must not be texted about this subscription type.", code=status.reasons[0])
    text = NewText(
        Purpose.MESSAGE,
        contact.phone or "",
        body,
        actor,
        phone_country=contact.phone_country,
        contact_id=contact.id,
        subscription_type_id=subscription_type.id,
    )
    message = queueing.queue(session, text, at=at)
    audit.record(session, actor, "sms.queued", f"sms_message:{message.id}", {"contact_id": contact.id}, at=at)
    return message
