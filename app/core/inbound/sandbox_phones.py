"""The phones of the sandbox: numbers with their texts, as the page of the simulator shows them. Only reads."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.inbound import receiving
from app.core.inbound.received import newest_holder
from app.core.inbound.receiving import InboundText
from app.core.signing import keys_of
from app.models import Contact, Direction, SmsMessage, SmsState

GATEWAY = "sandbox"
# The texts among which phones are looked for, the phones and people that are listed, and the texts of one phone.
_AMONG, _PHONES, _PEOPLE, _TEXTS = 500, 20, 20, 60
_ARRIVED = {SmsState.SENT, SmsState.DELIVERED}


@dataclass(frozen=True)
class Phone:
    """A number with its newest text (null: none yet) and the contact that has it (null: none)."""

    number: str
    newest: SmsMessage | None
    contact: Contact | None


@dataclass(frozen=True)
class PhoneText:
    """``is_own``: the phone wrote it. ``has_arrived``: else it waits, or was not sent."""

    text: SmsMessage
    is_own: bool
    has_arrived: bool


def phones(session: Session) -> list[Phone]:
    """The numbers that texted last, then the newest contacts with a number."""
    texts = session.scalars(
        select(SmsMessage).where(SmsMessage.phone.is_not(None)).order_by(SmsMessage.id.desc()).limit(_AMONG)
    )
    found: dict[str, Phone] = {}
    for text in texts:
        if text.phone and text.phone not in found and len(found) < _PHONES:
            found[text.phone] = Phone(text.phone, text, newest_holder(session, text.phone_hash))
    people = select(Contact).where(
        Contact.phone.startswith("+"), Contact.archived_at.is_(None), Contact.sms_block.is_(None)
    )
    for contact in session.scalars(people.order_by(Contact.id.desc()).limit(_PEOPLE)):
        found.setdefault(str(contact.phone), Phone(str(contact.phone), None, contact))
    return list(found.values())


def texts_of(session: Session, number: str) -> Sequence[PhoneText]:
    """The newest texts to and from a number, the oldest first."""
    query = select(SmsMessage).where(SmsMessage.phone_hash == keys_of(session).destination_hash(number))
    newest = session.scalars(query.order_by(SmsMessage.created_at.desc(), SmsMessage.id.desc()).limit(_TEXTS)).all()
    return [
        PhoneText(each, each.direction == Direction.INBOUND, each.state in _ARRIVED | {SmsState.RECEIVED})
        for each in reversed(newest)
    ]


def owner(session: Session, number: str) -> Contact | None:
    """The contact that has this number; of several, the one that its texts are shown with."""
    return newest_holder(session, keys_of(session).destination_hash(number))


def send(session: Session, typed: str, body: str, *, recipient: str, at: datetime) -> SmsMessage:
    """A text from a phone of the sandbox arrives.

    :param recipient: our number
    :raises DestinationRefused: the number cannot be read
    """
    number = phone.read_any_kind(typed, region=None).e164
    text = InboundText(GATEWAY, secrets.token_hex(16), number, recipient, body)
    return receiving.receive(session, text, at=at)
