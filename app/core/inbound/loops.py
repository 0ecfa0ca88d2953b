"""Whether a text is by a machine: then it is stored, and neither answered nor shown as conversation."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import phone
from app.models import Direction, SmsMessage

# The same text so many times within this time is a machine's. A person who writes STOP again is still understood.
_REPEATED_FROM = 4
_REPEATED_WITHIN = timedelta(minutes=10)


def is_own(message: SmsMessage) -> bool:
    """Whether the text came from the number that it was sent to: ours."""
    return message.sender is not None and phone.normalize(message.sender)[0] == message.phone


def is_repeated(session: Session, message: SmsMessage, *, at: datetime) -> bool:
    """Whether the same text has come from the number again and again."""
    same = select(func.count()).where(
        SmsMessage.phone_hash == message.phone_hash,
        SmsMessage.created_at > at - _REPEATED_WITHIN,
        SmsMessage.direction == Direction.INBOUND.value,
        SmsMessage.body == message.body,
    )
    return (session.scalar(same) or 0) >= _REPEATED_FROM
