"""Withdraw a consent on the form that recorded it: at any time, in one step."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.errors import InvalidState, NotFound
from app.core.forms.form_view import FormView
from app.core.ledger.evidence import Evidence
from app.core.submissions import answers, undo
from app.models import InsertedForm


def withdraw(session: Session, view: FormView, evidence: Evidence, *, at: datetime) -> bool:
    """Withdraw the consent that this form is about. Returns whether the type goes to the contact all the same.

    A known user is opted out. An unverified person takes back what this form recorded and nothing else: a number that
    others may have typed, too, is not opted out for them. The inserted form can be answered again, and its card in the
    conversation changes. A repetition writes nothing. Flushes, does not commit.

    :param view: the form, read in this session
    :raises InvalidState: ``changed_since``: the contact was merged or erased, or of an unverified person: something
        else opted them in since then
    Source: GDPR art. 7(3)
    """
    inserted_form_id = view.insertion.id if view.insertion else None
    if view.is_unverified:
        return _take_back(session, inserted_form_id, evidence, at=at)
    if view.respondent is None:
        return False
    try:
        contact = locking.lock(session, view.respondent.contact_id)
    except NotFound:
        raise InvalidState("This person was merged or erased.", code="changed_since") from None
    if inserted_form_id is not None:
        evidence = evidence.of_inserted_form(inserted_form_id)
    destination = contact.destination(view.form.channel)
    change = consent.opt_out(session, contact, view.form.subscription_type_id, destination, evidence, at=at)
    if change.is_new and inserted_form_id is not None:
        undo.reopen(session, session.get_one(InsertedForm, inserted_form_id, with_for_update=True), at=at)
    return False


def _take_back(session: Session, inserted_form_id: int | None, evidence: Evidence, *, at: datetime) -> bool:
    event_id = answers.event_of(session, inserted_form_id) if inserted_form_id is not None else None
    return event_id is not None and undo.undo(session, event_id, evidence, at=at, within=None)
