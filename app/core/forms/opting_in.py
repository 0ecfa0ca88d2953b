"""Records the opt-in that follows from an answer to a form, immediately or after the confirmation."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core import outbox
from app.core.consent import changes as consent
from app.core.consent.changes import Change
from app.core.consent.locking import LockedContact
from app.core.ledger.evidence import Evidence


@dataclass(frozen=True)
class Answered:
    """An answer of an inserted form. ``is_first``: the form was not answered before."""

    subscription_type_id: int
    destination: str
    inserted_form_id: int
    is_first: bool


def record(session: Session, contact: LockedContact, answered: Answered, evidence: Evidence, *, at: datetime) -> Change:
    """Record the opt-in, and publish the form's first answer also where the contact had opted in already.

    Flushes, does not commit. Errors as ``consent.changes.opt_in``.
    """
    if answered.is_first:
        contact.later_topics = ("form.submitted",)
    of_form = evidence.of_inserted_form(answered.inserted_form_id)
    type_id = answered.subscription_type_id
    change = consent.opt_in(session, contact, type_id, answered.destination, of_form, at=at)
    topics = contact.topics if change.is_claim else (*contact.topics, *contact.later_topics)
    if not change.is_new and topics:
        outbox.add(
            session,
            topics,
            contact_id=contact.id,
            payload={
                "contact_id": contact.id,
                "subscription_type_id": type_id,
                "event_id": change.event_id,
                "inserted_form_id": answered.inserted_form_id,
            },
            at=at,
        )
    return change
