"""Writes the changes of many consents of one subscription type, in a constant number of statements.

Only ``set_changes.py`` and ``set_undo.py`` import this module. They lock the contacts first.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import clock, outbox
from app.core.ledger import event_sets
from app.core.ledger.event_sets import Line
from app.core.ledger.evidence import Evidence
from app.core.ledger.facts import Facts
from app.db import CompiledStatement, Same, dialect_of, insert_columns, is_in, run
from app.models import Action, Consent, ConsentState, Contact

_CONSENT = Consent.__table__
_CONTACT = Contact.__table__
_TOPICS = {Action.OPT_IN: "granular.subscribe", Action.OPT_OUT: "granular.unsubscribe"}
_MARK_UPDATED = update(_CONTACT).values(updated_at=bindparam("at"))
_MARK_ALL = CompiledStatement(lambda dialect: _MARK_UPDATED.where(is_in(dialect, _CONTACT.c.id, "contact_ids")))
_MARK_EACH = CompiledStatement(_MARK_UPDATED.where(_CONTACT.c.id == bindparam("contact_id")))


class State(NamedTuple):
    """A consent to be stored; its time and event are those of the change."""

    state: ConsentState
    destination: str | None
    destination_hash: str | None


class Write(NamedTuple):
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


def write(
    session: Session,
    subscription_type_id: int,
    writes: Sequence[Write],
    event_ids: Sequence[int],
    created: Collection[int] = (),
) -> dict[int, int]:
    """Write states, events, evidence, outbox events and ``updated_at``. Returns the event of each contact.

    :param event_ids: of the events, reserved
    :param created: contacts whose ``updated_at`` is left as it is, because this transaction has inserted them
    """
    if not writes:
        return {}
    lines = [
        Line(each.action, each.contact_id, each.destination, each.destination_hash, each.evidence, each.at, each.facts)
        for each in writes
    ]
    event_sets.record_all(session, subscription_type_id, lines, event_ids)
    events = dict(zip((each.contact_id for each in writes), event_ids, strict=True))
    _store(session, subscription_type_id, writes, events)
    if earlier := [each for each in events if each not in created]:
        _mark_updated(session, earlier)
    for action, topic in _TOPICS.items():
        of_topic = (each for each in writes if each.action == action)
        outbox.add_all(session, topic, (_published(each, subscription_type_id, events) for each in of_topic))
    return events


def _mark_updated(session: Session, contact_ids: Sequence[int]) -> None:
    """The time of recording: clients that read by ``updated_at`` have read past older times.

    SQLite updates them one by one: an UPDATE of many rows writes each page into a file before it changes it, to be able
    to take the statement back.
    """
    now = clock.now()
    if dialect_of(session) == "sqlite":
        _MARK_EACH.run_all(session, {"contact_id": contact_ids, "at": repeat(now)})
    else:
        _MARK_ALL.run_later(session, contact_ids=contact_ids, at=now)


def _published(write: Write, subscription_type_id: int, events: Mapping[int, int]) -> outbox.New:
    payload = {
        "contact_id": write.contact_id,
        "subscription_type_id": subscription_type_id,
        "event_id": events[write.contact_id],
        "inserted_form_id": None,
    }
    return outbox.New(write.contact_id, payload, write.at)


def _store(session: Session, subscription_type_id: int, writes: Sequence[Write], events: Mapping[int, int]) -> None:
    stored = [each for each in writes if each.state is not None]
    states = [each.state for each in stored if each.state is not None]
    columns: dict[str, Sequence[Any] | Same] = {
        "contact_id": [each.contact_id for each in stored],
        "subscription_type_id": Same(subscription_type_id),
        "state": [each.state.value for each in states],
        "destination": [each.destination for each in states],
        "destination_hash": [each.destination_hash for each in states],
        "changed_at": [each.at for each in stored],
        "event_id": [events[each.contact_id] for each in stored],
    }
    insert_columns(session, Consent, columns, _replacing, several_at_once=True)
    if never_asked := [each.contact_id for each in writes if each.state is None]:
        of_type = delete(_CONSENT).where(_CONSENT.c.subscription_type_id == subscription_type_id)
        run(session, of_type.where(_CONSENT.c.contact_id.in_(never_asked)))


def _replacing(insert: postgresql.Insert) -> postgresql.Insert:
    changed = ("state", "destination", "destination_hash", "changed_at", "event_id")
    return insert.on_conflict_do_update(
        index_elements=[_CONSENT.c.contact_id, _CONSENT.c.subscription_type_id],
        set_={name: insert.excluded[name] for name in changed},
    )
