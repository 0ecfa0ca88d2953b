"""An agent takes back an opt-out that they recorded a moment ago, for example by a slip of the hand."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import earlier, locking
from app.core.errors import InvalidState, NotFound
from app.core.ledger.evidence import reported_by
from app.models import Action, ConsentEvent, ConsentState, ConsentType, SubscriptionType

WINDOW = timedelta(seconds=10)


def may_take_back(event: ConsentEvent, *, actor: str, at: datetime) -> bool:
    """Whether this actor may take the event back without a note: their own opt-out, at most ``WINDOW`` ago."""
    return event.action == Action.OPT_OUT and event.actor == actor and at - event.recorded_at <= WINDOW


def take_back(session: Session, public_id: str, event_id: int, *, actor: str, at: datetime) -> SubscriptionType:
    """Restore the consent that a contact had before an opt-out, and return its type.

    Writes one event with the note ``undo of event N``.

    :raises NotFound: the contact has no such event; ``Merged``
    :raises InvalidState: ``undo_too_late``: it is too late, or another one recorded it; ``changed_since``: the contact
        said something since then, or was not subscribed with this number or address before
    """
    contact = locking.lock_by_public_id(session, public_id)
    event = session.get(ConsentEvent, event_id)
    if event is None or event.contact_id != contact.id or event.subscription_type_id is None:
        raise NotFound("There is no such event.")
    if not may_take_back(event, actor=actor, at=at):
        raise InvalidState(
            "It is too late to undo this. Switch it on again, and say how consent was given.", code="undo_too_late"
        )
    subscription_type = session.get_one(SubscriptionType, event.subscription_type_id)
    before = earlier.find(session, contact.id, subscription_type.id, event_id)
    is_default = before is None and subscription_type.consent_type == ConsentType.OPT_OUT
    was_opted_in = before is not None and before.state == ConsentState.OPTED_IN
    if not (is_default or (was_opted_in and before and before.destination_hash == event.destination_hash)):
        raise InvalidState("They were not subscribed before, so there is nothing to undo.", code="changed_since")
    evidence = reported_by(actor, f"undo of event {event_id}")
    consent.undo(session, contact, subscription_type, event_id, evidence, at=at)
    return subscription_type
