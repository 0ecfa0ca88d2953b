"""STAND-IN of the branch ``inbound``, which replaces this file: stores a text and does nothing with it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.signing import keys_of
from app.models import Direction, SmsMessage, SmsState


@dataclass(frozen=True)
class InboundText:
    gateway: str
    gateway_id: str
    sender: str
    recipient: str
    body: str
    media: tuple[str, ...] = ()
    opt_out_type: str | None = None


def receive(session: Session, text: InboundText, *, at: datetime) -> SmsMessage:
    known = select(SmsMessage).where(
        SmsMessage.gateway == text.gateway,
        SmsMessage.direction == Direction.INBOUND,
        SmsMessage.gateway_id == text.gateway_id,
    )
    if (earlier := session.scalars(known).first()) is not None:
        return earlier
    message = SmsMessage(
        direction=Direction.INBOUND,
        state=SmsState.RECEIVED,
        phone=text.sender[:16],
        phone_hash=keys_of(session).destination_hash(text.sender),
        sender=text.recipient[:64],
        body=text.body,
        details={"media": list(text.media)} if text.media else None,
        gateway=text.gateway,
        gateway_id=text.gateway_id,
        created_by="gateway",
        created_at=at,
    )
    session.add(message)
    session.flush()
    return message
