"""Attaching and detaching, as Intercom's API means it, by way of the one door.

An attachment is an explicit preference: attached to a type that asks first, the contact is in; attached to a type that
everybody gets, the contact is out. Detaching returns to what holds for those who said nothing, and is recorded so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent.changes import Change
from app.core.errors import InvalidInput, InvalidState, Merged, NotFound
from app.core.ledger.evidence import Evidence
from app.core.signing import is_public_id
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import Shown
from app.db import CompiledStatement
from app.models import Channel, ConsentState, ConsentType, Contact, TypeState

_CONTACT = cast(Table, Contact.__table__)
_HOLD = CompiledStatement(
    select(
        _CONTACT.c.id,
        _CONTACT.c.phone,
        _CONTACT.c.email,
        _CONTACT.c.merged_into_id,
        _CONTACT.c.erased_at,
    )
    .where(_CONTACT.c.public_id == bindparam("public_id"))
    .with_for_update()
)


@dataclass(frozen=True)
class _Held:
    contact_id: int
    phone: str | None
    email: str | None

    def destination(self, kind: Shown) -> str | None:
        return self.phone if kind.channel == Channel.SMS else self.email


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
    held = _hold(session, public_id)
    change = _opt_in if kind.consent_type == ConsentType.OPT_IN else _opt_out
    change(session, held, kind, evidence, at)
    return kind


def detach(
    session: Session, public_id: str, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> Shown:
    """Return a contact to what holds for those who said nothing: out of a type that asks first, in to the other kind.

    The type comes back. Errors as ``attach``; also of a contact that never said anything it is recorded, unless that
    were a yes and there is no number or address that it could be for.
    """
    kind = _offered(session, subscription_type_id)
    held = _hold(session, public_id)
    if kind.consent_type == ConsentType.OPT_OUT and not held.destination(kind):
        standing = consent.held(session, held.contact_id, kind.id)
        if standing is None or standing.state == ConsentState.OPTED_IN:
            return kind
    change = _opt_out if kind.consent_type == ConsentType.OPT_IN else _opt_in
    change(session, held, kind, evidence, at)
    return kind


def opt_in(
    session: Session, public_id: str, subscription_type_id: int | None, evidence: Evidence, *, at: datetime
) -> tuple[Shown, Change]:
    """Record that a contact said yes to a type of either kind, for the number or address that they have now.

    Errors as ``attach``.
    """
    kind = _offered(session, subscription_type_id)
    return kind, _opt_in(session, _hold(session, public_id), kind, evidence, at)


def opt_out(
    session: Session, public_id: str, subscription_type_id: int, evidence: Evidence, *, at: datetime
) -> tuple[Shown, Change]:
    """Record that a contact opted out of a type, whatever its state and consent type.

    :raises NotFound: there is no such contact or type
    """
    kind = subscription_types.shown(session, subscription_type_id)
    return kind, _opt_out(session, _hold(session, public_id), kind, evidence, at)


def _opt_in(session: Session, held: _Held, kind: Shown, evidence: Evidence, at: datetime) -> Change:
    destination = held.destination(kind)
    if not destination:
        has_not = "number" if kind.channel == Channel.SMS else "address"
        raise InvalidState(
            f"This contact has no {has_not} to say yes for. Give it one first.",
            code="no_phone" if kind.channel == Channel.SMS else "no_email",
        )
    standing = consent.held(session, held.contact_id, kind.id)
    return consent.opt_in(session, held.contact_id, kind.id, destination, evidence, standing=standing, at=at)


def _opt_out(session: Session, held: _Held, kind: Shown, evidence: Evidence, at: datetime) -> Change:
    standing = consent.held(session, held.contact_id, kind.id)
    destination = held.destination(kind)
    return consent.opt_out(session, held.contact_id, kind.id, destination, evidence, standing=standing, at=at)


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


def _hold(session: Session, public_id: str) -> _Held:
    row = _HOLD.one(session, public_id=public_id) if is_public_id(public_id) else None
    if row is None or row[4] is not None:
        raise NotFound("User Not Found")
    if row[3] is not None:
        into = session.get_one(Contact, row[3])
        raise Merged("This contact was merged into another one.", into=into.public_id)
    return _Held(*row[:3])
