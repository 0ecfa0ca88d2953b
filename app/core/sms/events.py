"""Outbox events about texts: ``sms.delivered`` and ``sms.failed``."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.core import outbox
from app.models import SmsMessage, SmsState

TOPICS = {SmsState.DELIVERED: "sms.delivered", SmsState.FAILED: "sms.failed"}


def publish(session: Session, messages: Iterable[SmsMessage], *, at: datetime) -> None:
    """Write one event for each text that has just been delivered, or failed. Others are left out."""
    by_topic: dict[str, list[outbox.New]] = {}
    for message in messages:
        if topic := TOPICS.get(SmsState(message.state)):
            by_topic.setdefault(topic, []).append(outbox.New(key_of(message), {"sms_message_id": message.id}, at))
    for topic, events in sorted(by_topic.items()):
        outbox.add_all(session, topic, events)


def key_of(message: SmsMessage) -> int:
    """The ordering key of events about a text: its contact, else its number."""
    return message.contact_id or outbox.ordering_key_of_number(message.phone_hash)
