"""Writes the changes of many consents of one subscription type, in a constant number of statements.

Only ``set_changes.py`` and ``set_undo.py`` import this module. They lock the contacts first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import Table, delete, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import clock, outbox
from app.core.ledger import event_sets
from app.core.ledger.event_sets import Line
from app.core.ledger.events import Subject
from app.core.ledger.evidence import Evidence
from app.core.ledger.facts import Facts
from app.db import insert_rows, run
from app.models import Action, Consent, ConsentState, Contact

_CONSENT = cast(Table, Consent.__table__)
_CONTACT = cast(Table, Contact.__table__)
_TOPICS = {Action.OPT_IN: "granular.subscribe", Action.OPT_OUT: "granular.unsubscribe"}


class State(NamedTuple):
    """A consent to be stored; its time and event are those of the change."""

    state: ConsentState
    destination: str | None
    destination_hash: str | None


@dataclass(frozen=True)
class Write:
    """The change of one contact.

    :param destination: of the event
    :param at: when they said so
    :param state: null: the contact was never asked
    """

    contact_id: int
    action: Action
    destination: str | None
    destination_hash: str | None
    evidence: Evidence
    at: datetime
    state: State | None
    facts: Facts | None = None


def write(session: Session, subscription_type_id: int, writes: Sequence[Write]) -> dict[int, int]:
    """Write states, events, evidence, outbox events and ``updated_at``. Returns the event of each contact."""
    if not writes:
        return {}
    ids = event_sets.record_all(session, [_line(each, subscription_type_id) for each in writes])
    events = {each.contact_id: event_id for each, event_id in zip(writes, ids, strict=True)}
    _store(session, subscription_type_id, writes, events)
    # The time of recording: clients that read by ``updated_at`` have read past older times.
    touched = update(_CONTACT).where(_CONTACT.c.id.in_(events)).values(updated_at=clock.now())
    run(session, touched)
    for action, topic in _TOPICS.items():
        of_topic = (each for each in writes if each.action == action)
        outbox.add_all(session, topic, (_published(each, subscription_type_id, events) for each in of_topic))
    return events


def _line(write: Write, subscription_type_id: int) -> Line:
    subject = Subject(write.contact_id, subscription_type_id, write.destination, write.destination_hash)
    return Line(write.action, subject, write.evidence, write.at, write.facts)


def _published(write: Write, subscription_type_id: int, events: dict[int, int]) -> outbox.New:
    payload = {
        "contact_id": write.contact_id,
        "subscription_type_id": subscription_type_id,
        "event_id": events[write.contact_id],
        "inserted_form_id": None,
    }
    return outbox.New(write.contact_id, payload, write.at)


def _store(session: Session, subscription_type_id: int, writes: Sequence[Write], events: dict[int, int]) -> None:
    rows = [
        {
            "contact_id": each.contact_id,
            "subscription_type_id": subscription_type_id,
            **each.state._asdict(),
            "changed_at": each.at,
            "event_id": events[each.contact_id],
        }
        for each in writes
        if each.state is not None
    ]
    insert_rows(session, Consent, rows, _replacing)
    if never_asked := [each.contact_id for each in writes if each.state is None]:
        of_type = delete(_CONSENT).where(_CONSENT.c.subscription_type_id == subscription_type_id)
        run(session, of_type.where(_CONSENT.c.contact_id.in_(never_asked)))


def _replacing(insert: postgresql.Insert) -> postgresql.Insert:
    changed = ("state", "destination", "destination_hash", "changed_at", "event_id")
    return insert.on_conflict_do_update(
        index_elements=[_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id],
        set_={name: insert.excluded[name] for name in changed},
    )
