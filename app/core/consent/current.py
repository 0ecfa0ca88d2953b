"""The current consent of one contact for one subscription type."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from app.db import CompiledStatement
from app.models import Consent, ConsentState

_CONSENT = cast(Table, Consent.__table__)
_FIND = CompiledStatement(
    select(
        _CONSENT.c.state,
        _CONSENT.c.destination,
        _CONSENT.c.destination_hash,
        _CONSENT.c.changed_at,
        _CONSENT.c.event_id,
    ).where(
        _CONSENT.c.contact_id == bindparam("contact_id"),
        _CONSENT.c.subscription_type_id == bindparam("subscription_type_id"),
    )
)


@dataclass(frozen=True)
class CurrentConsent:
    """A state, the destination it was given for, when it last changed and by which event."""

    state: ConsentState
    destination: str | None
    destination_hash: str | None
    changed_at: datetime
    event_id: int


def find(session: Session, contact_id: int, subscription_type_id: int) -> CurrentConsent | None:
    """The consent; null when the contact was never asked."""
    row = _FIND.one(session, contact_id=contact_id, subscription_type_id=subscription_type_id)
    return CurrentConsent(ConsentState(row[0]), *row[1:]) if row else None
