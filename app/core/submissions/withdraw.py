"""Withdraw a consent on the form that recorded it: at any time, in one step."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.consent.locking import LockedContact
from app.core.errors import InvalidState, NotFound
from app.core.forms.form_view import FormView
from app.core.ledger.evidence import Evidence
from app.core.submissions import answers, undo
from app.models import Action, ConsentEvent, ConsentState, InsertedForm


def withdraw(session: Session, view: FormView, evidence: Evidence, *, at: datetime) -> None:
    """Withdraw the consent that this form is about.

    A known user is opted out. An unverified person takes back what this form recorded and nothing else, because others
    may have typed the same number. The inserted form can be answered again, and its card in the conversation changes. A
    repetition writes nothing. Flushes, does not commit.

    :param view: the form, read in this session
    :raises InvalidState: ``changed_since``: the contact was merged or erased, or of an unverified person: something
        else opted them in since then
    Source: GDPR art. 7(3)
    """
    inserted_form_id = view.insertion.id if view.insertion else None
    if inserted_form_id is not None:
        evidence = evidence.of_inserted_form(inserted_form_id)
    contact = _contact(session, view, inserted_form_id, evidence, at=at)
    if contact is None:
        return
    destination = contact.destination(view.form.channel)
    change = consent.opt_out(session, contact, view.form.subscription_type_id, destination, evidence, at=at)
    if change.is_new and inserted_form_id is not None:
        undo.reopen(session, session.get_one(InsertedForm, inserted_form_id, with_for_update=True), at=at)


def _contact(
    session: Session, view: FormView, inserted_form_id: int | None, evidence: Evidence, *, at: datetime
) -> LockedContact | None:
    """The contact to opt out, locked; null when there is nothing to withdraw."""
    if not view.is_unverified:
        return _locked(session, view.respondent.contact_id) if view.respondent else None
    event_id = answers.event_of(session, inserted_form_id) if inserted_form_id is not None else None
    return _own_contact(session, view, event_id, evidence, at=at) if event_id is not None else None


def _own_contact(
    session: Session, view: FormView, event_id: int, evidence: Evidence, *, at: datetime
) -> LockedContact | None:
    """The contact that an unverified answer opted in, locked; null when it does not count now.

    A claim is taken back.
    """
    event = session.get_one(ConsentEvent, event_id)
    if event.action == Action.CLAIM or event.contact_id is None:
        undo.undo(session, event_id, evidence, at=at, within=None)
        return None
    contact = _locked(session, event.contact_id)
    current = consent.current(session, contact, view.form.subscription_type_id)
    if current is None or current.state != ConsentState.OPTED_IN:
        return None
    if current.event_id != event_id:
        raise InvalidState("This consent changed since then.", code="changed_since")
    return contact


def _locked(session: Session, contact_id: int) -> LockedContact:
    try:
        return locking.lock(session, contact_id)
    except NotFound:
        raise InvalidState("This person was merged or erased.", code="changed_since") from None
