"""Puts single texts into the queue. The worker asks the gate and sends them (``jobs/send_sms.py``)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core import sms_text
from app.core.signing import keys_of
from app.models import Direction, Purpose, SmsMessage, SmsState

# Answers that a person waits for go first, campaigns last.
_PRIORITIES = {Purpose.MESSAGE: 1, Purpose.TEST: 1, Purpose.WELCOME: 1, Purpose.REPLY: 1, Purpose.CAMPAIGN: 2}


@dataclass(frozen=True)
class NewText:
    """A text to send.

    :param phone: E.164
    :param body: the whole text, with everything that is appended to it
    :param expires_at: it is never sent after this time
    """

    purpose: Purpose
    phone: str
    body: str
    created_by: str
    phone_country: str | None = None
    contact_id: int | None = None
    subscription_type_id: int | None = None
    conversation_id: int | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)


def queue(session: Session, text: NewText, *, at: datetime) -> SmsMessage:
    """Put one text into the queue, in the transaction of its cause. Flushes, so that it has an id."""
    packed = sms_text.pack(text.body)
    message = SmsMessage(
        direction=Direction.OUTBOUND,
        purpose=text.purpose,
        state=SmsState.QUEUED,
        phone=text.phone,
        phone_hash=keys_of(session).destination_hash(text.phone),
        phone_country=text.phone_country,
        contact_id=text.contact_id,
        subscription_type_id=text.subscription_type_id,
        conversation_id=text.conversation_id,
        body=text.body,
        encoding=packed.encoding,
        segments=packed.segments,
        priority=_PRIORITIES.get(text.purpose, 0),
        due_at=text.due_at or at,
        expires_at=text.expires_at,
        details=text.details or None,
        created_by=text.created_by,
        created_at=at,
    )
    session.add(message)
    session.flush()
    return message
