"""Ends opt-ins that wait for the holder of the number to confirm them (``core/confirmations``)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from app.models import Confirmation, ConfirmationState, InsertedForm, Purpose, SmsMessage

_OPTIONS: dict[str, Any] = {"synchronize_session": False}
# What a confirmation keeps only while it waits.
CLEARED: dict[str, Any] = dict.fromkeys(("phone", "code_hash", "nonce", "evidence", "next_send_at"))
_IS_PENDING = Confirmation.state == ConfirmationState.PENDING.value


def end(session: Session, which: ColumnElement[bool], state: ConfirmationState, *, at: datetime) -> list[int]:
    """End the pending confirmations that match: clear what they kept, and the codes in their texts.

    Their inserted forms can be answered again. Returns the ids of those forms. Flushes, does not commit.
    """
    ended = update(Confirmation).where(which, _IS_PENDING).values(**CLEARED, state=state.value, ended_at=at)
    found = session.execute(
        ended.returning(
            Confirmation.inserted_form_id, Confirmation.contact_id, Confirmation.phone_hash, Confirmation.created_at
        ),
        execution_options=_OPTIONS,
    ).all()
    form_ids = sorted({row.inserted_form_id for row in found if row.inserted_form_id is not None})
    reopened = update(InsertedForm).where(InsertedForm.id.in_(form_ids)).values(confirming_at=None)
    session.execute(reopened, execution_options=_OPTIONS)
    for row in found:
        hide_codes(session, row.phone_hash, since=row.created_at)
    return form_ids


def hide_codes(session: Session, phone_hash: str, *, since: datetime) -> None:
    """Remove the text of messages with codes to this number, which are of no use any more."""
    of_number = update(SmsMessage).where(
        SmsMessage.phone_hash == phone_hash,
        SmsMessage.created_at >= since,
        SmsMessage.purpose == Purpose.CODE.value,
        SmsMessage.body.is_not(None),
    )
    session.execute(of_number.values(body=None), execution_options=_OPTIONS)


def end_of_contact(session: Session, contact_id: int, *, at: datetime) -> None:
    """Cancel what this contact has not confirmed: it is erased, or becomes part of another contact."""
    end(session, Confirmation.contact_id == contact_id, ConfirmationState.CANCELED, at=at)


def end_of_form(session: Session, inserted_form_id: int, *, at: datetime) -> None:
    """Cancel what waits for this form, because the form is withdrawn."""
    end(session, Confirmation.inserted_form_id == inserted_form_id, ConfirmationState.CANCELED, at=at)


def expired(session: Session, *, at: datetime, limit: int) -> list[int]:
    """The ids of pending confirmations whose time is over, the oldest first."""
    query = select(Confirmation.id).where(_IS_PENDING, Confirmation.expires_at <= at)
    return list(session.scalars(query.order_by(Confirmation.id).limit(limit)))


def delete_old(session: Session, *, before: datetime, limit: int) -> int:
    """Delete confirmations that ended before this time; returns how many."""
    ids = list(
        session.scalars(select(Confirmation.id).where(Confirmation.created_at < before, ~_IS_PENDING).limit(limit))
    )
    session.execute(delete(Confirmation).where(Confirmation.id.in_(ids)), execution_options=_OPTIONS)
    return len(ids)
