"""Confirm an opt-in: from then on there is a consent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.confirmations import codes, pretending, stored_evidence, welcome
from app.core.confirmations.pretending import Asked
from app.core.consent import changes as consent
from app.core.consent import locking, pending, reach
from app.core.consent.locking import LockedContact
from app.core.contacts import leads
from app.core.conversations import forms as conversation_forms
from app.core.destinations import Destination
from app.core.errors import NotFound
from app.core.forms import opting_in
from app.core.forms.form_view import Texting, is_offered
from app.core.forms.opting_in import Answered
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.core.sms import number_facts
from app.models import (
    Channel,
    Confirmation,
    ConfirmationState,
    Contact,
    EvidenceLevel,
    InsertedForm,
    OptInForm,
    SubscriptionType,
    Suppression,
    VerifyNumber,
)

EXPIRED_MAX = 100


class Result(StrEnum):
    """``wrong``: not this code, there are tries left. ``failed``: there are none, or the opt-in cannot count now."""

    CONFIRMED = "confirmed"
    WRONG = "wrong"
    FAILED = "failed"
    EXPIRED = "expired"


_PRETENDED = {
    ConfirmationState.PENDING: Result.WRONG,
    ConfirmationState.EXPIRED: Result.EXPIRED,
    ConfirmationState.FAILED: Result.FAILED,
}


@dataclass(frozen=True)
class Confirmed:
    """What became of a confirmation. ``event_id``: the opt-in; null where they were opted in before."""

    result: Result
    event_id: int | None = None


def enter_code(
    session: Session, asked: Asked, typed: str, evidence: Evidence, *, texting: Texting, at: datetime
) -> Confirmed:
    """Confirm by the code that a text brought. A repetition after that returns the same. Flushes, does not commit.

    A wrong code costs one of five tries; the caller commits then, too. What is no code at all costs none.

    :param evidence: of this request: IP address and user agent
    """
    found = _locked(session, Confirmation.token == asked.token, at=at)
    if found is None:
        return Confirmed(_PRETENDED[pretending.enter_code(session, asked, typed, at=at)])
    if found.row.state == ConfirmationState.CONFIRMED:
        return Confirmed(Result.CONFIRMED, found.row.event_id)
    if found.row.state != ConfirmationState.PENDING or found.row.method != VerifyNumber.CODE:
        is_expired = found.row.state == ConfirmationState.EXPIRED
        return Confirmed(Result.EXPIRED if is_expired else Result.FAILED)
    if codes.read_code(typed) is None:
        return Confirmed(Result.WRONG)
    if not codes.is_code(keys_of(session), asked.token, typed, found.row.code_hash):
        return _wrong(session, found, at=at)
    if not confirm(session, found, evidence, EvidenceLevel.OTP, texting=texting, at=at):
        return Confirmed(Result.FAILED)
    return Confirmed(Result.CONFIRMED, found.row.event_id)


@dataclass(frozen=True)
class Locked:
    """A confirmation with its contact, both locked. ``contact``: null: it was merged, erased, or is out of reach."""

    row: Confirmation
    contact: LockedContact | None


def lock(session: Session, confirmation_id: int, *, at: datetime) -> Locked | None:
    """Lock a confirmation, its contact first. One whose time is over ends. Null: there is none with this id."""
    return _locked(session, Confirmation.id == confirmation_id, at=at)


def _locked(session: Session, which: Any, *, at: datetime) -> Locked | None:
    contact_id = session.scalars(select(Confirmation.contact_id).where(which)).one_or_none()
    if contact_id is None:
        return None
    try:
        contact: LockedContact | None = locking.lock(session, contact_id)
    except NotFound:
        contact = None
    query = select(Confirmation).where(which).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).one()
    if row.state == ConfirmationState.PENDING and row.expires_at <= at:
        end(session, row, ConfirmationState.EXPIRED, at=at)
    return Locked(row, contact)


def confirm(
    session: Session, found: Locked, act: Evidence, level: EvidenceLevel, *, texting: Texting, at: datetime
) -> bool:
    """Record the opt-in with the texts that the form showed, and that it was confirmed. Returns whether it counts.

    It does not any more, and ends, if the person opted out or stopped our texts since, the number of the contact is
    another one, or the form is closed. Someone who was opted in before has no new event. Flushes, does not commit.
    """
    row, stored = found.row, dict(found.row.evidence or {})
    saved = stored.pop("saved", None)
    stored.pop("is_asked", None)
    answer = stored_evidence.load(stored)
    evidence = stored_evidence.confirmed(answer, act, level, method=row.method, answered_at=row.created_at)
    contact = _answerable(session, found, saved, evidence, at=at)
    if contact is None:
        end(session, row, ConfirmationState.CANCELED, at=at)
        return False
    number, form = str(row.phone), session.get_one(InsertedForm, row.inserted_form_id, with_for_update=True)
    answered = Answered(row.subscription_type_id, number, form.id, is_first=form.answered_at is None)
    change = opting_in.record(session, contact, answered, evidence, at=at)
    number_facts.mark_verified(session, row.phone_hash, at)
    country = row.phone_country
    end(session, row, ConfirmationState.CONFIRMED, at=at)
    row.event_id = change.event_id if change.is_new else None
    form.answered_at, form.undone_at, form.submitted_destination_hash = at, None, row.phone_hash
    session.flush()
    if form.conversation_id is not None:
        conversation_forms.mark_changed(session, form.conversation_id, form.id, is_answered=True, at=at)
    if change.is_new:
        destination = Destination(number, row.phone_hash, country)
        new = welcome.NewOptIn(contact.id, row.subscription_type_id, destination, row.locale)
        welcome.greet(session, new, texting, at=at)
    return True


def end(session: Session, row: Confirmation, state: ConfirmationState, *, at: datetime) -> None:
    """End a locked confirmation, and show that in the conversation of its form. Flushes, does not commit."""
    form_ids = pending.end(session, Confirmation.id == row.id, state, at=at)
    session.refresh(row)
    if state == ConfirmationState.CONFIRMED:
        return  # the opt-in changes the card
    for form_id in form_ids:
        form = session.get_one(InsertedForm, form_id, populate_existing=True)
        if form.conversation_id is not None:
            conversation_forms.mark_changed(session, form.conversation_id, form.id, is_answered=False, at=at)


def expire_some(session: Session, *, at: datetime) -> int:
    """End confirmations whose time is over, at most ``EXPIRED_MAX``; returns how many. Flushes, does not commit."""
    ids = pending.expired(session, at=at, limit=EXPIRED_MAX)
    for each in ids:
        lock(session, each, at=at)
    return len(ids)


def _wrong(session: Session, found: Locked, *, at: datetime) -> Confirmed:
    found.row.tries_left -= 1
    session.flush()
    if found.row.tries_left > 0:
        return Confirmed(Result.WRONG)
    end(session, found.row, ConfirmationState.FAILED, at=at)
    return Confirmed(Result.FAILED)


def _answerable(
    session: Session, found: Locked, saved: str | None, evidence: Evidence, *, at: datetime
) -> LockedContact | None:
    """The contact with the number that is confirmed; null where the opt-in does not count any more."""
    row, contact = found.row, found.contact
    if contact is None or reach.is_closed(contact) or not _is_open(session, row):
        return None
    opted_out_at = consent.opted_out_at(session, contact, row.subscription_type_id)
    if opted_out_at is not None and opted_out_at >= row.created_at:
        return None
    is_suppressed = session.get(Suppression, row.phone_hash) is not None
    if is_suppressed and row.method != VerifyNumber.SMS_LINK:
        return None
    if contact.phone == row.phone:
        return contact
    return _with_number(session, row, contact, saved, evidence, at=at)


def _with_number(
    session: Session, row: Confirmation, contact: LockedContact, saved: str | None, evidence: Evidence, *, at: datetime
) -> LockedContact | None:
    """The contact, after saving the number that it confirmed; null where another number was saved meanwhile."""
    if contact.phone != saved or row.phone is None:
        return None
    destination = Destination(row.phone, row.phone_hash, row.phone_country)
    if saved is not None:
        return leads.replace_number(session, contact.id, saved, destination, evidence, at=at)
    return leads.save_destination(session, contact.id, Channel.SMS, destination, instead_of=None, at=at)


def _is_open(session: Session, row: Confirmation) -> bool:
    """Whether the form and its type are still offered, and the contact still answers forms."""
    found = session.execute(
        select(OptInForm.archived_at, SubscriptionType.state, InsertedForm.withdrawn_at, Contact.archived_at)
        .select_from(InsertedForm)
        .join(OptInForm, OptInForm.id == InsertedForm.form_id)
        .join(SubscriptionType, SubscriptionType.id == row.subscription_type_id)
        .join(Contact, Contact.id == row.contact_id)
        .where(InsertedForm.id == row.inserted_form_id)
    ).one_or_none()
    if found is None or found[2] is not None or found[3] is not None:
        return False
    return is_offered(archived_at=found[0], type_state=found[1])
