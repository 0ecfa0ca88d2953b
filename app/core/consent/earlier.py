"""The consent that a contact had before an event, read from the ledger."""

from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from app.core.consent.current import CurrentConsent
from app.models import Action, ConsentEvent, ConsentEvidence, ConsentState

_EVENT = cast(Table, ConsentEvent.__table__)
_EVIDENCE = cast(Table, ConsentEvidence.__table__)
_STATES = {Action.OPT_IN.value: ConsentState.OPTED_IN, Action.OPT_OUT.value: ConsentState.OPTED_OUT}
_COLUMNS = select(
    _EVENT.c.id,
    _EVENT.c.action,
    _EVENT.c.destination_hash,
    _EVENT.c.occurred_at,
    _EVENT.c.facts,
    _EVIDENCE.c.destination,
).select_from(_EVENT.outerjoin(_EVIDENCE, _EVIDENCE.c.event_id == _EVENT.c.id))


def find(session: Session, contact_id: int, subscription_type_id: int, event_id: int) -> CurrentConsent | None:
    """The consent before this event, with its own event; null when the contact was never asked.

    What a contact said that was merged into this one counts only where the merge recorded it for this one.
    """
    before = _COLUMNS.where(
        _EVENT.c.contact_id == contact_id,
        _EVENT.c.subscription_type_id == subscription_type_id,
        _EVENT.c.action.in_(_STATES),
        _EVENT.c.id < event_id,
    )
    row = session.execute(before.order_by(_EVENT.c.id.desc()).limit(1)).one_or_none()
    if row is not None and "undo_of" in (row.facts or {}):
        restored_id = row.facts["restored_event"]
        row = session.execute(_COLUMNS.where(_EVENT.c.id == restored_id)).one_or_none() if restored_id else None
    if row is None:
        return None
    return CurrentConsent(_STATES[row.action], row.destination, row.destination_hash, row.occurred_at, row.id)
