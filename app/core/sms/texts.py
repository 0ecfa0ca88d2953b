"""Reads texts, for the API and for pages, and decides about those of which nobody knows whether they were sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidState, NotFound
from app.models import SmsMessage, SmsState

# Why an ``unknown`` text counts as failed: an agent decided so.
GIVEN_UP = "given_up"
_UNKNOWN = SmsMessage.state == SmsState.UNKNOWN.value


@dataclass(frozen=True)
class Filter:
    """Which texts. Null: all."""

    phone_hash: str | None = None
    contact_id: int | None = None


def find(session: Session, message_id: int) -> SmsMessage:
    """:raises NotFound: there is no such text"""
    found = session.get(SmsMessage, message_id)
    if found is None:
        raise NotFound("There is no such text.")
    return found


def page(session: Session, only: Filter, *, before: int | None, limit: int) -> list[SmsMessage]:
    """Texts in and out, newest first.

    :param before: the id of the last text of the page before
    """
    query = _filtered(only).order_by(SmsMessage.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(SmsMessage.id < before)))


def count(session: Session, only: Filter, *, most: int) -> int:
    """How many texts there are, counted up to ``most``."""
    found = _filtered(only).with_only_columns(SmsMessage.id).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def unknown(session: Session, *, limit: int) -> Sequence[SmsMessage]:
    """Texts of which nobody knows whether they were sent, newest first."""
    return session.scalars(select(SmsMessage).where(_UNKNOWN).order_by(SmsMessage.id.desc()).limit(limit)).all()


def count_unknown(session: Session) -> int:
    """How many texts are ``unknown``."""
    return session.scalar(select(func.count()).select_from(SmsMessage).where(_UNKNOWN)) or 0


def send_again(session: Session, message_id: int, *, actor: str, at: datetime) -> SmsMessage:
    """Send an ``unknown`` text once more, as a person decides: its receiver may get it twice. The gate is asked again.

    :raises NotFound: there is no such text
    :raises InvalidState: it is not unknown, or was erased
    """
    message = _lock_unknown(session, message_id)
    message.state, message.due_at, message.priority = SmsState.QUEUED, at, min(message.priority, 1)
    message.claimed_by = message.claimed_at = None
    audit.record(session, actor, "sms.sent_again", f"sms_message:{message.id}", {}, at=at)
    session.flush()
    return message


def give_up(session: Session, message_id: int, *, actor: str, at: datetime) -> SmsMessage:
    """Let an ``unknown`` text be: it counts as failed.

    :raises NotFound: there is no such text
    :raises InvalidState: it is not unknown
    """
    message = _lock_unknown(session, message_id)
    message.state, message.error_code, message.ended_at = SmsState.FAILED, GIVEN_UP, at
    audit.record(session, actor, "sms.given_up", f"sms_message:{message.id}", {}, at=at)
    session.flush()
    return message


def move(session: Session, from_contact_id: int, to_contact_id: int) -> None:
    """Give the texts of a contact to the one that it was merged into."""
    moved = update(SmsMessage).where(SmsMessage.contact_id == from_contact_id)
    session.execute(moved.values(contact_id=to_contact_id), execution_options={"synchronize_session": False})


def erase(session: Session, contact_id: int, *, at: datetime) -> None:
    """Delete numbers, bodies and media links of a contact's texts. What waited is never sent; the counts stay."""
    texts = update(SmsMessage).where(SmsMessage.contact_id == contact_id)
    options = {"synchronize_session": False}
    waiting = texts.where(SmsMessage.state.in_((SmsState.QUEUED.value, SmsState.UNKNOWN.value)))
    ended = {"state": SmsState.CANCELED.value, "ended_at": at}
    session.execute(waiting.values(**ended), execution_options=options)
    session.execute(texts.values(phone=None, body=None, details=None), execution_options=options)


def _filtered(only: Filter) -> Select[SmsMessage]:
    query = select(SmsMessage)
    if only.phone_hash is not None:
        query = query.where(SmsMessage.phone_hash == only.phone_hash)
    if only.contact_id is not None:
        query = query.where(SmsMessage.contact_id == only.contact_id)
    return query


def _lock_unknown(session: Session, message_id: int) -> SmsMessage:
    found = session.get(SmsMessage, message_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such text.")
    if found.state != SmsState.UNKNOWN or found.phone is None:
        raise InvalidState("It is known by now whether this text was sent.")
    return found
