"""The consent that a contact had before an event, read from the ledger."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent.current import CurrentConsent
from app.core.ledger import facts
from app.db import run
from app.models import Action, ConsentEvent, ConsentEvidence, ConsentState

_EVENT = ConsentEvent.__table__
_EVIDENCE = ConsentEvidence.__table__
_STATES = {Action.OPT_IN.value: ConsentState.OPTED_IN, Action.OPT_OUT.value: ConsentState.OPTED_OUT}


class Change(NamedTuple):
    """One change of a consent, as its event and evidence tell. ``destination`` is null where that was erased.

    :param replaced: of an opt-out: the opt-outs of its destinations that it replaced, as its facts name them
    """

    event_id: int
    state: ConsentState
    destination: str | None
    destination_hash: str | None
    occurred_at: datetime
    is_persons_word: bool
    replaced: tuple[tuple[str, datetime, int], ...] = ()


def find(session: Session, contact_id: int, subscription_type_id: int, event_id: int) -> CurrentConsent | None:
    """The consent before this event, with its own event; null when the contact was never asked.

    What a contact said that was merged into this one counts only where the merge recorded it for this one.
    """
    _, before = find_all(session, subscription_type_id, {contact_id: event_id})[contact_id]
    if before is None:
        return None
    return CurrentConsent(
        before.state, before.destination, before.destination_hash, before.occurred_at, before.event_id
    )


def find_all(
    session: Session, subscription_type_id: int, event_ids: Mapping[int, int]
) -> dict[int, tuple[Change, Change | None]]:
    """For one event of each contact: what it changed, and the consent before it (null: never asked), in one statement.

    :param event_ids: by contact
    """
    query = (
        select(
            _EVENT.c.contact_id,
            _EVENT.c.facts,
            _EVENT.c.id,
            _EVENT.c.action,
            _EVIDENCE.c.destination,
            _EVENT.c.destination_hash,
            _EVENT.c.occurred_at,
            _EVENT.c.is_persons_word,
        )
        .select_from(_EVENT.outerjoin(_EVIDENCE, _EVIDENCE.c.event_id == _EVENT.c.id))
        .where(
            _EVENT.c.contact_id.in_(event_ids),
            _EVENT.c.subscription_type_id == subscription_type_id,
            _EVENT.c.action.in_(_STATES),
        )
        .order_by(_EVENT.c.contact_id, _EVENT.c.id)
    )
    rows: Iterable[Any] = run(session, query)
    found: dict[int, tuple[Change, Change | None]] = {}
    seen: dict[int, Change] = {}
    state: dict[int, Change | None] = {}  # of each contact, after the events that were read
    for row in rows:
        contact_id, known = row.contact_id, facts.of(row)
        change = Change(row.id, _STATES[row.action], row[4], row[5], row[6], row[7], known.replaced)
        if change.event_id == event_ids[contact_id]:
            found[contact_id] = change, state.get(contact_id)
        seen[change.event_id] = change
        is_undo = known.undo_of is not None
        state[contact_id] = seen.get(known.restored_event or 0) if is_undo else change
    return found
