"""Writes many events with their evidence, in a constant number of statements. Only ``core/consent`` writes here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from app.core import clock
from app.core.ledger import evidence as ledger_evidence
from app.core.ledger.evidence import COLUMNS, Evidence
from app.core.ledger.facts import Facts
from app.db import Same, insert_columns
from app.models import Action, ConsentEvent, ConsentEvidence


class Line(NamedTuple):
    """One event to be written, as the parameters of ``events.record``.

    :param evidence: those of one set differ in note and details only, and show no words
    """

    action: Action
    contact_id: int
    destination: str | None
    destination_hash: str | None
    evidence: Evidence
    at: datetime
    facts: Facts | None


def record_all(session: Session, subscription_type_id: int, lines: Sequence[Line], ids: Sequence[int]) -> None:
    """Write one event and its evidence for each line.

    :param ids: of the events, reserved, in the order of the lines
    """
    if not lines:
        return
    actions, contact_ids, destinations, destination_hashes, evidence, times, facts = zip(*lines, strict=True)
    rows = ledger_evidence.rows_of(evidence, destinations)
    events: dict[str, Sequence[Any] | Same] = {
        "id": ids,
        "contact_id": contact_ids,
        "subscription_type_id": Same(subscription_type_id),
        "action": actions,
        "source": Same(evidence[0].source.value),
        "actor": Same(evidence[0].actor),
        "evidence_level": Same(evidence[0].level.value),
        "destination_hash": destination_hashes,
        "evidence_hash": [row.hash for row in rows],
        "occurred_at": times,
        "is_persons_word": [each.is_persons_word for each in evidence],
        "facts": facts,
        "recorded_at": Same(clock.now()),
    }
    insert_columns(session, ConsentEvent, events, several_at_once=True)
    columns: dict[str, Sequence[Any] | Same] = {name: Same(rows[0].columns[name]) for name in COLUMNS}
    columns |= {name: [row.columns[name] for row in rows] for name in ("note", "details")}
    columns |= {"event_id": ids, "destination": destinations, "salt": [row.salt for row in rows]}
    insert_columns(session, ConsentEvidence, columns, several_at_once=True)
