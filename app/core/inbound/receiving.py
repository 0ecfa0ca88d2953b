"""A text comes in: it is stored, read, and acted on, in one transaction.

STOP, START, HELP and YES are keywords (``core/keywords.py``). An opt-out in other words holds the number for review.
Everything else is a message in a conversation of the inbox.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from app.core import keywords, outbox, phone, wording
from app.core.confirmations import replies
from app.core.consent import reach, suppressions
from app.core.contacts import records as contacts
from app.core.contacts.records import NewContact
from app.core.conversations import texts
from app.core.errors import DestinationRefused
from app.core.inbound import answers, holding, loops, starting, stopping
from app.core.inbound.received import Received, lock_newest_holder, newest_holder
from app.core.keywords import Kind, Reading
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.core.sms import number_facts
from app.core.sms_text import pack
from app.core.workspace import settings
from app.db import dialect_of, insert_or_ignore
from app.models import (
    Confirmation,
    ConfirmationState,
    Contact,
    ContactRole,
    Direction,
    EvidenceLevel,
    SmsMessage,
    SmsState,
    Source,
)

TOPIC = "sms.received"
_BODY_MAX = 5000
_QUOTED_MAX = 500
_SENDER_MAX = 16
_LEAD_KEY = "sms:{}"
_BY_CARRIER = {"STOP": Kind.STOP, "START": Kind.START, "HELP": Kind.HELP}


@dataclass(frozen=True)
class InboundText:
    """A text as a gateway delivered it.

    :param gateway_id: the gateway's id of it; the same id is the same text
    :param sender: E.164, or what the carrier gives; :param recipient: our number
    :param media: addresses of pictures and other files that came with it
    :param opt_out_type: ``STOP``, ``START`` or ``HELP`` where the carrier has read and answered it already
    """

    gateway: str
    gateway_id: str
    sender: str
    recipient: str
    body: str
    media: tuple[str, ...] = ()
    opt_out_type: str | None = None


def receive(session: Session, text: InboundText, *, at: datetime) -> SmsMessage:
    """Store a text and do what it asks for. The same text again changes nothing. Returns its row.

    Writes one ``sms.received`` outbox event. Flushes, does not commit.
    """
    number, country = _number(text.sender, settings.get(session).default_country)
    _lock_number(session, keys_of(session).destination_hash(number))
    message, is_new = _store(session, text, number, country, at=at)
    if not is_new:
        return message
    if suppressions.is_number(message.phone or "") and not loops.is_own(message):
        # Afterwards, because a reference locks the contact, and the suppression comes first.
        message.contact_id = _act(session, _read(session, message, text, at=at), at=at)
    else:
        message.keyword = Kind.MACHINE  # a short code or a name cannot be answered
    key = message.contact_id or outbox.ordering_key_of_number(message.phone_hash)
    outbox.add(session, [TOPIC], contact_id=key, payload={"sms_message_id": message.id}, at=at)
    session.flush()
    return message


def _lock_number(session: Session, phone_hash: str) -> None:
    """Let texts from one number be handled one after the other. SQLite has only one writer at a time."""
    if dialect_of(session) == "postgresql":
        key = int(phone_hash[:8], 16) - 2**31
        session.execute(sql("SELECT pg_advisory_xact_lock(4272, :key)"), {"key": key})


def _store(
    session: Session, text: InboundText, number: str, country: str | None, *, at: datetime
) -> tuple[SmsMessage, bool]:
    """The row of the text, and whether this call wrote it."""
    body = text.body.replace("\0", "")[:_BODY_MAX]
    packed = pack(body)
    values: dict[str, Any] = {
        "direction": Direction.INBOUND.value,
        "state": SmsState.RECEIVED.value,
        "phone": number[:_SENDER_MAX],
        "phone_hash": keys_of(session).destination_hash(number),
        "phone_country": country,
        "sender": text.recipient[:64],
        "body": body,
        "encoding": packed.encoding.value,
        "segments": packed.segments,
        "details": {"media": list(text.media)} if text.media else None,
        "gateway": text.gateway,
        "gateway_id": text.gateway_id,
        "priority": 0,
        "attempts": 0,
        "created_by": "contact",
        "created_at": at,
    }
    is_new = insert_or_ignore(session, SmsMessage, values)
    query = select(SmsMessage).where(
        SmsMessage.gateway == text.gateway,
        SmsMessage.direction == Direction.INBOUND.value,
        SmsMessage.gateway_id == text.gateway_id,
    )
    return session.scalars(query).one(), is_new


def _number(sender: str, region: str | None) -> tuple[str, str | None]:
    """The sender as contacts store numbers. Carriers may leave the ``+`` out, or write mobile numbers of their own
    country as people do there.

    :param region: the country of the workspace
    """
    as_given, digits = phone.normalize(sender), sender.strip()
    if as_given[1] is not None or not digits.isdigit():
        return as_given
    if (with_plus := phone.normalize(f"+{digits}"))[1] is not None:
        return with_plus
    try:
        read = phone.read(digits, region=region)
    except DestinationRefused:
        return as_given
    return read.e164, read.country


def _read(session: Session, message: SmsMessage, text: InboundText, *, at: datetime) -> Received:
    """What the text says."""
    holder = newest_holder(session, message.phone_hash)
    reading = keywords.classify(
        text.body,
        has_pending=_has_pending(session, message.phone_hash, at=at),
        has_question=starting.question(session, message.phone_hash, at=at) is not None,
        type_names=[each.name for each in stopping.sms_types(session)],
        brand=settings.get(session).name,
    )
    by_carrier = _BY_CARRIER.get(text.opt_out_type or "")
    source = Source.KEYWORD
    if by_carrier is not None and reading.kind not in {by_carrier, Kind.YES}:
        source = Source.CARRIER if by_carrier == Kind.STOP else Source.KEYWORD
        reading = Reading(by_carrier)
    quoted = message.body[:_QUOTED_MAX] if message.body else ""
    details = {"text": quoted, "to": text.recipient, "gateway": text.gateway, "gateway_id": text.gateway_id}
    evidence = Evidence(source, "contact", EvidenceLevel.MO_REPLY, note=quoted.strip() or None, details=details)
    locale = wording.negotiate(holder.locale if holder and holder.locale else keywords.language_of(text.body), "")
    carrier_says = text.opt_out_type if by_carrier else None
    return Received(message, reading, carrier_says, evidence, locale, holder.id if holder else None)


def _has_pending(session: Session, phone_hash: str, *, at: datetime) -> bool:
    pending = select(Confirmation.id).where(
        Confirmation.phone_hash == phone_hash,
        Confirmation.state == ConfirmationState.PENDING.value,
        Confirmation.expires_at > at,
    )
    return session.execute(pending.limit(1)).first() is not None


def _act(session: Session, received: Received, *, at: datetime) -> int | None:
    """Do what the text asks for. Returns the id of the contact that it is shown with."""
    received = _settled(session, received, at=at)
    kind, contact_id = received.reading.kind, received.contact_id
    received.message.keyword = None if kind == Kind.CONVERSATION else kind.value
    match kind:
        case Kind.STOP:
            stopping.stop(session, received, at=at)
        case Kind.START:
            starting.start(session, received, at=at)
        case Kind.ONLY:
            starting.keep_others(session, received, at=at)
        case Kind.HELP:
            answers.answer_help(session, received, at=at)
        case Kind.REVIEW | Kind.WRONG_NUMBER:
            holding.hold(session, received, at=at)
            contact_id = _converse(session, received, lock_newest_holder(session, received.phone_hash), at=at)
        case Kind.CONVERSATION:
            contact = lock_newest_holder(session, received.phone_hash) or _lead(session, received, at=at)
            contact_id = _converse(session, received, contact, at=at)
    if kind not in {Kind.MACHINE, Kind.WRONG_NUMBER}:
        number_facts.mark_verified(session, received.phone_hash, at)
    return contact_id


def _settled(session: Session, received: Received, *, at: datetime) -> Received:
    """The text with its final reading: YES, START, or a text that a page wrote, may confirm an opt-in that waits.

    YES is conversation if it confirms nothing.
    """
    kind = received.reading.kind
    if kind not in {Kind.YES, Kind.START, Kind.CONVERSATION}:
        return received
    if _confirms(session, received, at=at):
        return replace(received, reading=Reading(Kind.YES))
    if kind == Kind.START:
        return received
    is_machine = loops.is_repeated(session, received.message, at=at)
    return replace(received, reading=Reading(Kind.MACHINE if is_machine else Kind.CONVERSATION))


def _confirms(session: Session, received: Received, *, at: datetime) -> bool:
    phone_hash, evidence, body = received.phone_hash, received.evidence, received.message.body or ""
    if replies.confirm_by_nonce(session, phone_hash, body, evidence, at=at):
        return True
    is_answer = received.reading.kind in {Kind.YES, Kind.START}
    return is_answer and replies.confirm_by_reply(session, phone_hash, evidence, at=at)


def _converse(session: Session, received: Received, contact: Contact | None, *, at: datetime) -> int | None:
    """Show the text in a conversation of this locked contact, unless nothing is accepted from it. Returns its id."""
    if contact is None:
        return None
    if not reach.is_closed(contact):
        texts.add(session, contact.id, received.message, at=at)
    return contact.id


def _lead(session: Session, received: Received, *, at: datetime) -> Contact:
    """A lead for a number that no contact has; the public forms find it by the same key."""
    key = _LEAD_KEY.format(received.phone_hash)
    new = NewContact(ContactRole.LEAD, phone_number=received.phone, locale=received.locale)
    lead = contacts.create(session, new, at=at)
    known = select(Contact.id).where(Contact.lead_key == key)
    if session.execute(known.limit(1)).first() is None:
        lead.lead_key = key
    session.flush()
    return lead
