"""The current consent of one contact for one subscription type."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.eligibility import OBSTACLES, Obstacles
from app.db import CompiledStatement
from app.models import Consent, ConsentState, Contact, DestinationOptOut

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_OPT_OUT = DestinationOptOut.__table__
_REPEATED_AT = (
    select(func.max(_OPT_OUT.c.created_at))
    .where(
        _OPT_OUT.c.contact_id == _CONSENT.c.contact_id,
        _OPT_OUT.c.subscription_type_id == _CONSENT.c.subscription_type_id,
    )
    .correlate(_CONSENT)
    .scalar_subquery()
)
_COLUMNS = (
    _CONSENT.c.state,
    _CONSENT.c.destination,
    _CONSENT.c.destination_hash,
    _CONSENT.c.changed_at,
    _CONSENT.c.event_id,
    case((_CONSENT.c.state == ConsentState.OPTED_OUT.value, _REPEATED_AT)),
)
_OF_TYPE = _CONSENT.c.subscription_type_id == bindparam("subscription_type_id")
_FIND = CompiledStatement(select(*_COLUMNS).where(_CONSENT.c.contact_id == bindparam("contact_id"), _OF_TYPE))
_FIND_WITH_OBSTACLES = CompiledStatement(
    select(*OBSTACLES, *_COLUMNS)
    .select_from(_CONTACT.outerjoin(_CONSENT, and_(_CONSENT.c.contact_id == _CONTACT.c.id, _OF_TYPE)))
    .where(_CONTACT.c.id == bindparam("contact_id"))
)


@dataclass(frozen=True)
class CurrentConsent:
    """A state, the destination it was given for, when it last changed and by which event.

    :param repeated_at: when the opt-out of a destination was last recorded, repetitions included; null for an opt-in
    """

    state: ConsentState
    destination: str | None
    destination_hash: str | None
    changed_at: datetime
    event_id: int
    repeated_at: datetime | None = None

    @property
    def given_hash(self) -> str | None:
        """The hash of the destination that a consent was given for; null when it is withdrawn."""
        return self.destination_hash if self.state == ConsentState.OPTED_IN else None


def find(session: Session, contact_id: int, subscription_type_id: int) -> CurrentConsent | None:
    """The consent; null when the contact was never asked."""
    row = _FIND.one(session, contact_id=contact_id, subscription_type_id=subscription_type_id)
    return CurrentConsent(ConsentState(row[0]), *row[1:]) if row else None


def find_with_obstacles(session: Session, key: DestinationKey) -> tuple[CurrentConsent | None, Obstacles]:
    """As ``find``, with what speaks against an opt-in for this destination; in one statement."""
    is_suppressed, opted_out_at, state, *more = _FIND_WITH_OBSTACLES.one(session, **vars(key))
    found = CurrentConsent(ConsentState(state), *more) if state else None
    return found, Obstacles(bool(is_suppressed), opted_out_at)
