"""Answers to forms that ask to confirm the number: the opt-in waits for the confirmation."""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core.confirmations import starting
from app.core.consent import changes as consent
from app.core.consent import locking, reach
from app.core.consent.locking import LockedContact
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.contacts.records import NewContact
from app.core.conversations import forms as conversation_forms
from app.core.errors import NotFound
from app.core.forms.form_view import INSERTED_BY_PAGE, Insertion, State
from app.core.forms.insertion import EXPIRES_IN
from app.core.signing import random_token
from app.core.submissions.outcome import Answer, Outcome
from app.db import insert_or_ignore, run
from app.models import Channel, ContactRole, InsertedForm

_INSERTED_FORM = InsertedForm.__table__


def over_limit(session: Session, answer: Answer) -> int | None:
    """Count the text that this answer would cause. Returns the seconds to wait when there were too many."""
    return starting.refused(session, answer.view, answer.destination, answer.evidence, at=answer.at)


def waiting(session: Session, answer: Answer, inserted_form_id: int) -> Outcome | None:
    """The outcome of an answer that was sent twice: what it waits for already; null: nothing waits."""
    if not answer.view.is_to_confirm:
        return None
    token = starting.waiting_for(session, inserted_form_id, answer.destination.hash, at=answer.at)
    return _outcome(answer, token) if token else None


def nothing(answer: Answer) -> Outcome:
    """The outcome for the number of a person who refused everything: as for others, but nothing is stored or sent."""
    return _outcome(answer, random_token())


def begin(session: Session, answer: Answer, state: State) -> Outcome | None:
    """Record that this answer waits to be confirmed, and queue its text. The number is saved once it is confirmed.

    Null when another transaction came first: the form was answered or withdrawn, or the saved number changed.
    """
    contact = _contact(session, answer)
    if contact is None:
        return None
    insertion = answer.view.insertion
    if insertion is not None and (waits := waiting(session, answer, insertion.id)):
        return waits
    opted_out_at = consent.opted_out_at(session, contact, answer.view.form.subscription_type_id)
    if opted_out_at is not None and opted_out_at >= answer.shown.at:
        return Outcome(state, "shown_again")
    inserted_form_id = (
        _record_public(session, answer, contact)
        if insertion is None
        else _record_inserted(session, answer, insertion, contact)
    )
    if inserted_form_id is None:
        if "contact.created" in contact.topics:
            leads.undo_lead(session, contact)
        return None
    for topic in contact.topics:
        contacts.publish(session, topic, contact.id, at=answer.at)
    waiting_answer = starting.Answer(
        answer.view, answer.destination, answer.evidence, answer.shown.locale, inserted_form_id, contact.phone
    )
    token = starting.start(session, contact, waiting_answer, at=answer.at)
    if insertion is not None and insertion.conversation_id is not None:
        conversation_forms.mark_changed(
            session, insertion.conversation_id, insertion.id, is_answered=True, at=answer.at
        )
    return _outcome(answer, token)


def _outcome(answer: Answer, token: str) -> Outcome:
    return Outcome(State.CONFIRM, None, answer.destination, confirmation=token)


def _contact(session: Session, answer: Answer) -> LockedContact | None:
    """The contact that answers, locked, with the number that it has saved; a lead for an unknown person.

    Null when the saved number changed since the page was read, or the contact may no longer answer.
    """
    view = answer.view
    if view.respondent is not None:
        return _known(session, view.respondent.contact_id, view.saved)
    if view.user_id is not None:
        new = NewContact(ContactRole.USER, external_id=view.user_id, locale=answer.shown.locale)
        created = contacts.create(session, new, at=answer.at)
        return _known(session, created.id, None)
    return leads.lead_for(session, Channel.SMS, answer.destination, locale=answer.shown.locale, at=answer.at)


def _known(session: Session, contact_id: int, saved: str | None) -> LockedContact | None:
    try:
        contact = locking.lock_contact(session, contact_id)
    except NotFound:
        return None
    if contact.phone != saved or reach.is_out_of_reach(contact):
        return None
    return locking.lock(session, contact_id)


def _record_public(session: Session, answer: Answer, contact: LockedContact) -> int | None:
    """Store the render of a public form as an inserted form. Null when it was answered before."""
    values = {
        "token": answer.shown.nonce,
        "form_id": answer.view.form.id,
        "version_id": answer.shown.version_id,
        "contact_id": contact.id,
        "inserted_by": INSERTED_BY_PAGE,
        "origin": answer.shown.origin,
        "submitted_destination_hash": answer.destination.hash,
        "created_at": answer.shown.at,
        "expires_at": answer.at + EXPIRES_IN,
        "seen_at": answer.at,
        "confirming_at": answer.at,
    }
    if not insert_or_ignore(session, InsertedForm, values):
        return None
    return session.scalars(select(InsertedForm.id).where(InsertedForm.token == answer.shown.nonce)).one()


def _record_inserted(session: Session, answer: Answer, insertion: Insertion, contact: LockedContact) -> int | None:
    """Store that an inserted form waits. Null when another transaction answered or withdrew it first."""
    table = _INSERTED_FORM
    is_open = table.c.answered_at.is_(None) if insertion.answered_at is None else table.c.answered_at.is_not(None)
    waits = (
        update(table)
        .where(table.c.id == insertion.id, table.c.withdrawn_at.is_(None), is_open)
        .values(
            confirming_at=answer.at,
            seen_at=func.coalesce(table.c.seen_at, answer.at),
            submitted_destination_hash=answer.destination.hash,
            contact_id=contact.id,
        )
    )
    changed: Any = run(session, waits)
    return insertion.id if changed.rowcount else None
