"""Attach contacts to subscription types and detach them, as Intercom's API defines it.

Attached to an opt-in type, a contact is opted in; attached to an opt-out type, it is opted out. Detaching records the
type's default: opted out of an opt-in type, opted in to an opt-out type.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import locking, reach, recording
from app.core.consent.changes import Change
from app.core.consent.locking import LockedContact
from app.core.errors import InvalidInput, InvalidState, NotFound, named
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import SubscriptionTypeView
from app.models import Channel, ConsentState, ConsentType, TypeState


def attach(
    session: Session,
    public_id: str,
    subscription_type_id: int | None,
    consent_type: str,
    evidence: Evidence,
    *,
    at: datetime,
) -> SubscriptionTypeView:
    """Opt a contact in to an opt-in type, or out of an opt-out type. Returns the type. Repeating it changes nothing.

    An opt-in that was made in the past (``evidence.occurred_at``) counts for the number that the contact had then.

    :raises NotFound: there is no such contact or type, or the type is archived
    :raises InvalidInput: ``consent_type`` differs from the type's; or the contact opted out, and the note is missing
    :raises InvalidState: the type is a draft; the number is suppressed; the contact is closed (``blocked``,
        ``gdpr_optout``); or the consent changed after the reported time
    """
    with named("id"):
        subscription_type = _find_live(session, subscription_type_id)
    if consent_type != subscription_type.consent_type:
        raise InvalidInput(
            "This subscription type has the consent type “%(consent_type)s”. Send the same.",
            field="consent_type",
            consent_type=subscription_type.consent_type,
        )
    contact = locking.lock_by_public_id(session, public_id)
    change = _record_opt_in if subscription_type.consent_type == ConsentType.OPT_IN else _record_opt_out
    change(session, contact, subscription_type, evidence, at)
    return subscription_type


def detach(
    session: Session, public_id: str, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> SubscriptionTypeView:
    """Record the type's default: opted out of an opt-in type, opted in to an opt-out type. Returns the type.

    It is recorded for contacts that were never asked, too, except for an opt-in without a number or address.
    Errors as ``attach``.
    """
    subscription_type = _find_live(session, subscription_type_id)
    contact = locking.lock_by_public_id(session, public_id)
    if subscription_type.consent_type == ConsentType.OPT_OUT and not contact.destination(subscription_type.channel):
        current = consent.current(session, contact, subscription_type.id)
        if current is None or current.state == ConsentState.OPTED_IN:
            return subscription_type
    change = _record_opt_out if subscription_type.consent_type == ConsentType.OPT_IN else _record_opt_in
    change(session, contact, subscription_type, evidence, at)
    return subscription_type


def opt_in(
    session: Session, public_id: str, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> tuple[SubscriptionTypeView, Change]:
    """Opt a contact in to a type of either consent type, for its current number or address. Errors as ``attach``."""
    subscription_type = _find_live(session, subscription_type_id)
    return subscription_type, _record_opt_in(
        session, locking.lock_by_public_id(session, public_id), subscription_type, evidence, at
    )


def opt_out(
    session: Session, public_id: str, subscription_type_id: int, evidence: Evidence, *, at: datetime
) -> tuple[SubscriptionTypeView, Change]:
    """Opt a contact out of a type of any state and consent type.

    :raises NotFound: there is no such contact or type
    """
    subscription_type = subscription_types.view(session, subscription_type_id)
    return subscription_type, _record_opt_out(
        session, locking.lock_by_public_id(session, public_id), subscription_type, evidence, at
    )


def _record_opt_in(
    session: Session, contact: LockedContact, subscription_type: SubscriptionTypeView, evidence: Evidence, at: datetime
) -> Change:
    destination = contact.destination(subscription_type.channel)
    if evidence.occurred_at is not None and subscription_type.channel == Channel.SMS:
        destination = recording.number_at(session, contact.id, evidence.occurred_at, current=destination)
    if not destination:
        reach.refuse_closed(contact)
        if subscription_type.channel == Channel.SMS:
            raise InvalidState("This contact has no number to opt in. Add one first.", code="no_phone")
        raise InvalidState("This contact has no email address to opt in. Add one first.", code="no_email")
    return consent.opt_in(session, contact, subscription_type.id, destination, evidence, at=at)


def _record_opt_out(
    session: Session, contact: LockedContact, subscription_type: SubscriptionTypeView, evidence: Evidence, at: datetime
) -> Change:
    return consent.opt_out(
        session, contact, subscription_type.id, contact.destination(subscription_type.channel), evidence, at=at
    )


def _find_live(session: Session, subscription_type_id: int | None) -> SubscriptionTypeView:
    try:
        subscription_type = subscription_types.view(session, subscription_type_id or 0)
    except NotFound:
        raise NotFound("Resource Not Found") from None
    if subscription_type.state == TypeState.ARCHIVED:
        raise NotFound("Resource Not Found")
    if subscription_type.state == TypeState.DRAFT:
        raise InvalidState("This subscription type is a draft. Put it live first.")
    return subscription_type
