"""Undo an answer to a form within ten minutes: the consent becomes what it was before."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import locking, recording
from app.core.consent.locking import LockedContact
from app.core.conversations import forms as conversation_forms
from app.core.errors import InvalidState, NotFound
from app.core.ledger.evidence import Evidence
from app.models import Action, ConsentEvent, ConsentState, ConsentType, InsertedForm, SubscriptionType

WINDOW = timedelta(minutes=10)


def undo(
    session: Session, event_id: int, evidence: Evidence, *, at: datetime, within: timedelta | None = WINDOW
) -> bool:
    """Undo the event that an answer wrote. Returns whether the type goes to the contact all the same, without opt-in.

    A second undo writes nothing. The undo of a claim is a claim, too: no state changes. An inserted form can be
    answered again, and its card in the conversation changes. Flushes, does not commit.

    :param event_id: of an ``opt_in`` or a ``claim`` by a form; the caller has the proof that this person answered
    :param within: how long after the answer it can be undone; null: always
    :raises InvalidState: ``undo_too_late``: ten minutes are over; ``changed_since``: something else changed the
        consent, or the contact was merged or erased
    """
    event = session.get(ConsentEvent, event_id)
    form = session.get(InsertedForm, event.inserted_form_id or 0) if event else None
    subscription_type = session.get(SubscriptionType, event.subscription_type_id or 0) if event else None
    if event is None or event.contact_id is None or form is None or subscription_type is None:
        raise InvalidState("This event is not an answer to a form.", code="changed_since")
    contact = _locked(session, event.contact_id)
    session.refresh(form, with_for_update=True)
    current = consent.current(session, contact, subscription_type.id)
    is_undone = form.undone_at is not None and (current is None or current.state != ConsentState.OPTED_IN)
    if not is_undone:
        _refuse_late(event, at, within)
        evidence = evidence.of_inserted_form(form.id)
        if event.action == Action.CLAIM:
            recording.undo_claim(session, event, evidence, at=at)
        else:
            consent.undo(session, contact, subscription_type, event.id, evidence, at=at)
        if form.answered_at is not None:  # a claim never counted as an answer
            reopen(session, form, at=at)
    current = consent.current(session, contact, subscription_type.id)
    is_withdrawn = current is not None and current.state == ConsentState.OPTED_OUT
    return subscription_type.consent_type == ConsentType.OPT_OUT and not is_withdrawn


def reopen(session: Session, form: InsertedForm, *, at: datetime) -> None:
    """Let an inserted form count as not answered, and show that in its conversation.

    Flushes, does not commit.
    """
    form.answered_at, form.undone_at = None, at
    session.flush()
    if form.conversation_id is not None:
        conversation_forms.mark_changed(session, form.conversation_id, form.id, is_answered=True, at=at)


def _locked(session: Session, contact_id: int) -> LockedContact:
    try:
        return locking.lock(session, contact_id)
    except NotFound:
        raise InvalidState("This person was merged or erased.", code="changed_since") from None


def _refuse_late(event: ConsentEvent, at: datetime, within: timedelta | None) -> None:
    if within is not None and at - event.recorded_at > within:
        raise InvalidState("This can no longer be undone.", code="undo_too_late")
