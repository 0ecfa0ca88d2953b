"""Attaching and detaching, as Intercom's API means it, by way of the one door.

An attachment is an explicit preference: attached to a type that asks first, the contact is in; attached to a type that
everybody gets, the contact is out. Detaching returns to what holds for those who said nothing, and is recorded so.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.consent.changes import Change
from app.core.consent.locking import LockedContact
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import Shown
from app.models import Channel, ConsentState, ConsentType, TypeState


def attach(
    session: Session,
    public_id: str,
    subscription_type_id: int | None,
    consent_type: str,
    evidence: Evidence,
    *,
    at: datetime,
) -> Shown:
    """Opt a contact in to a type that asks first, or out of one that everybody gets. Again changes nothing.

    The type comes back.

    :param at: when the contact said so; not before what they said last
    :raises NotFound: there is no such contact or type, or the type is archived
    :raises InvalidInput: ``consent_type`` is not the type's own; they opted out, and nobody says how they asked again
    :raises InvalidState: the type is a draft; the number asked not to be texted; they said something else since
    """
    kind = _offered(session, subscription_type_id)
    if consent_type != kind.consent_type:
        raise InvalidInput(
            f"This subscription type is “{kind.consent_type}”: attach to it with that.", field="consent_type"
        )
    contact = locking.lock_by_public_id(session, public_id)
    change = _opt_in if kind.consent_type == ConsentType.OPT_IN else _opt_out
    change(session, contact, kind, evidence, at)
    return kind


def detach(
    session: Session, public_id: str, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> Shown:
    """Return a contact to what holds for those who said nothing: out of a type that asks first, in to the other kind.

    The type comes back. Errors as ``attach``; also of a contact that never said anything it is recorded, unless that
    were a yes and there is no number or address that it could be for.
    """
    kind = _offered(session, subscription_type_id)
    contact = locking.lock_by_public_id(session, public_id)
    if kind.consent_type == ConsentType.OPT_OUT and not contact.destination(kind.channel):
        current = consent.current(session, contact, kind.id)
        if current is None or current.state == ConsentState.OPTED_IN:
            return kind
    change = _opt_out if kind.consent_type == ConsentType.OPT_IN else _opt_in
    change(session, contact, kind, evidence, at)
    return kind


def opt_in(
    session: Session, public_id: str, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> tuple[Shown, Change]:
    """Record that a contact said yes to a type of either kind, for the number or address that they have now.

    Errors as ``attach``.
    """
    kind = _offered(session, subscription_type_id)
    return kind, _opt_in(session, locking.lock_by_public_id(session, public_id), kind, evidence, at)


def opt_out(
    session: Session, public_id: str, subscription_type_id: int, evidence: Evidence, *, at: datetime
) -> tuple[Shown, Change]:
    """Record that a contact opted out of a type, whatever its state and consent type.

    :raises NotFound: there is no such contact or type
    """
    kind = subscription_types.shown(session, subscription_type_id)
    return kind, _opt_out(session, locking.lock_by_public_id(session, public_id), kind, evidence, at)


def _opt_in(session: Session, contact: LockedContact, kind: Shown, evidence: Evidence, at: datetime) -> Change:
    destination = contact.destination(kind.channel)
    if not destination:
        has_not = "number" if kind.channel == Channel.SMS else "address"
        raise InvalidState(
            f"This contact has no {has_not} to say yes for. Give it one first.",
            code="no_phone" if kind.channel == Channel.SMS else "no_email",
        )
    return consent.opt_in(session, contact, kind.id, destination, evidence, at=at)


def _opt_out(session: Session, contact: LockedContact, kind: Shown, evidence: Evidence, at: datetime) -> Change:
    return consent.opt_out(session, contact, kind.id, contact.destination(kind.channel), evidence, at=at)


def _offered(session: Session, subscription_type_id: int | None) -> Shown:
    try:
        kind = subscription_types.shown(session, subscription_type_id or 0)
    except NotFound:
        raise NotFound("Resource Not Found") from None
    if kind.state == TypeState.ARCHIVED:
        raise NotFound("Resource Not Found")
    if kind.state == TypeState.DRAFT:
        raise InvalidState("This subscription type is a draft. Put it live first.")
    return kind
