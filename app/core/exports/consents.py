"""Consents as records of an export: each state that is stored, also those given for an earlier number."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import current_destination
from app.db import run
from app.models import Consent, ConsentEvent, ConsentState, Contact, SubscriptionType

_CONTACT = Contact.__table__
_CONSENT = Consent.__table__
_TYPE = SubscriptionType.__table__
_EVENT = ConsentEvent.__table__
HEADINGS = (
    *("contact_id", "external_id", "subscription_type_id", "subscription_type", "channel", "state", "is_current"),
    *("destination", "changed_at", "event_id", "source", "evidence_level"),
)


def read(session: Session, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The consents of these contacts as JSON values; times are datetimes.

    ``is_current``: the consent counts, because it is an opt-out or was given for the number or address of today.
    """
    query = (
        select(
            _CONTACT.c.public_id,
            _CONTACT.c.external_id,
            _CONTACT.c.phone_hash,
            _CONTACT.c.email_hash,
            _TYPE.c.id.label("type_id"),
            _TYPE.c.name,
            _TYPE.c.channel,
            _CONSENT.c.state,
            _CONSENT.c.destination,
            _CONSENT.c.destination_hash,
            _CONSENT.c.changed_at,
            _CONSENT.c.event_id,
            _EVENT.c.source,
            _EVENT.c.evidence_level,
        )
        .join_from(_CONSENT, _CONTACT, _CONTACT.c.id == _CONSENT.c.contact_id)
        .join(_TYPE, _TYPE.c.id == _CONSENT.c.subscription_type_id)
        .join(_EVENT, _EVENT.c.id == _CONSENT.c.event_id)
        .where(_CONSENT.c.contact_id.in_(ids))
        .order_by(_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id)
    )
    return [_record(row) for row in run(session, query)]


def _record(row: Any) -> dict[str, Any]:
    current = current_destination.hash_of(row, row.channel)
    is_current = row.state == ConsentState.OPTED_OUT or current_destination.is_opted_in(
        row.state, row.destination_hash, current
    )
    values = (
        *(row.public_id, row.external_id, str(row.type_id), row.name, row.channel, row.state, is_current),
        *(row.destination, row.changed_at, str(row.event_id), row.source, row.evidence_level),
    )
    return dict(zip(HEADINGS, values, strict=True))
