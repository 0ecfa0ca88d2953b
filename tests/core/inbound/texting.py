"""A phone that texts us, for tests."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.inbound import receiving
from app.core.inbound.receiving import InboundText
from app.core.sms import queueing
from app.core.sms.queueing import NewText
from app.models import Contact, Direction, Purpose, SmsMessage, SubscriptionType
from tests import make
from tests.make import NOON

OURS = "+442079460000"
_ids = count(1)


def send(
    session: Session, body: str, *, sender: str = make.SAMS_NUMBER, at: datetime = NOON, **values: Any
) -> SmsMessage:
    """A text arrives."""
    values = {"gateway": "sandbox", "gateway_id": f"in-{next(_ids)}", "recipient": OURS} | values
    return receiving.receive(session, InboundText(sender=sender, body=body, **values), at=at)


def answers(session: Session, sender: str = make.SAMS_NUMBER) -> list[tuple[str, str]]:
    """The purpose and the body of each text that was queued for a number, in their order."""
    query = select(SmsMessage).where(SmsMessage.phone == sender, SmsMessage.direction == Direction.OUTBOUND.value)
    return [(str(each.purpose), str(each.body)) for each in session.scalars(query.order_by(SmsMessage.id))]


def queued(session: Session, contact: Contact, subscription_type: SubscriptionType, *, at: datetime) -> SmsMessage:
    """A text of a subscription type to a contact."""
    text = NewText(
        Purpose.MESSAGE,
        str(contact.phone),
        "Hello",
        "agent:1",
        contact_id=contact.id,
        subscription_type_id=subscription_type.id,
    )
    return queueing.queue(session, text, at=at)
