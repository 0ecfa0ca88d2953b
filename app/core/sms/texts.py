"""Reads texts, for the API and for pages, and decides about those that may or may not have been sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, func, literal, select, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import InvalidState, NotFound
from app.models import Contact, SmsMessage, SmsState
from app.schemas.sms_message import ShownText

# Why an ``unknown`` text counts as failed: an agent decided so.
GIVEN_UP = "given_up"
# As part of the statement's text, so that the partial index is used.
_UNKNOWN = SmsMessage.state == literal(SmsState.UNKNOWN.value, literal_execute=True)
IS_ANY_UNKNOWN: ColumnElement[int] = case((select(SmsMessage.id).where(_UNKNOWN).exists(), 1), else_=0)
"""1 where a text is unknown, else 0."""


@dataclass(frozen=True)
class Filter:
    """Which texts. Null: all."""

    phone_hash: str | None = None
    contact_id: int | None = None


def shown(session: Session, message_id: int) -> ShownText:
    """:raises NotFound: there is no such text"""
    found = session.get(SmsMessage, message_id)
    if found is None:
        raise NotFound("There is no such text.")
    return _with_contacts(session, [found])[0]


def page(session: Session, only: Filter, *, before: int | None, limit: int) -> list[ShownText]:
    """Texts in and out, newest first.

    :param before: the id of the last text of the page before
    """
    query = _filtered(only).order_by(SmsMessage.id.desc()).limit(limit)
    found = session.scalars(query if before is None else query.where(SmsMessage.id < before)).all()
    return _with_contacts(session, found)


def count(session: Session, only: Filter, *, most: int) -> int:
    """How many texts there are, counted up to ``most``."""
    found = _filtered(only).with_only_columns(SmsMessage.id).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def unknown(session: Session, *, limit: int) -> Sequence[SmsMessage]:
    """Texts that may or may not have been sent, newest first."""
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
    """Clear numbers, bodies and media links of a contact's texts. What waited is never sent; the counts stay."""
    texts = update(SmsMessage).where(SmsMessage.contact_id == contact_id)
    options = {"synchronize_session": False}
    waiting = texts.where(SmsMessage.state.in_((SmsState.QUEUED.value, SmsState.UNKNOWN.value)))
    ended = {"state": SmsState.CANCELED.value, "ended_at": at}
    session.execute(waiting.values(**ended), execution_options=options)
    _clear(session, SmsMessage.contact_id == contact_id)


def erase_number(session: Session, phone_hash: str) -> None:
    """Delete the number and the bodies of all texts to and from a number that no contact has any more."""
    _clear(session, SmsMessage.phone_hash == phone_hash)


def _clear(session: Session, which: ColumnElement[bool]) -> None:
    emptied = update(SmsMessage).where(which).values(phone=None, body=None, details=None)
    session.execute(emptied, execution_options={"synchronize_session": False})


def _with_contacts(session: Session, found: Sequence[SmsMessage]) -> list[ShownText]:
    ids = {each.contact_id for each in found if each.contact_id is not None}
    rows = session.execute(select(Contact.id, Contact.public_id).where(Contact.id.in_(ids)))
    contacts = {row[0]: row[1] for row in rows}
    return [ShownText(each, contacts.get(each.contact_id or 0)) for each in found]


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
        raise InvalidState("It is already known whether this text was sent.")
    return found
