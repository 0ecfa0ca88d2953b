"""Writes many events with their evidence, in a constant number of statements. Only ``core/consent`` writes here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.ledger import evidence as ledger_evidence
from app.core.ledger.events import Subject
from app.core.ledger.evidence import Evidence
from app.core.ledger.facts import Facts
from app.db import insert_rows, reserve_ids
from app.models import Action, ConsentEvent, ConsentEvidence


@dataclass(frozen=True)
class Line:
    """One event to be written, as the parameters of ``events.record``. Its evidence shows no words."""

    action: Action
    subject: Subject
    evidence: Evidence
    at: datetime
    facts: Facts | None = None


def record_all(session: Session, lines: Sequence[Line]) -> list[int]:
    """Write one event and its evidence for each line. Returns the ids of the events, in the order of the lines."""
    ids, recorded_at = reserve_ids(session, ConsentEvent, len(lines)), clock.now()
    events: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    for event_id, line in zip(ids, lines, strict=True):
        row = ledger_evidence.row_of(line.evidence, line.subject.destination)
        events.append(_event(event_id, line, row.hash, recorded_at))
        evidence.append({"event_id": event_id, **row.columns, "salt": row.salt, "erased_at": None})
    insert_rows(session, ConsentEvent, events)
    insert_rows(session, ConsentEvidence, evidence)
    return ids


def _event(event_id: int, line: Line, evidence_hash: bytes, recorded_at: datetime) -> dict[str, Any]:
    subject, evidence = line.subject, line.evidence
    return {
        "id": event_id,
        "contact_id": subject.contact_id,
        "subscription_type_id": subject.subscription_type_id,
        "action": line.action.value,
        "source": evidence.source.value,
        "actor": evidence.actor,
        "evidence_level": evidence.level.value,
        "destination_hash": subject.destination_hash,
        "evidence_hash": evidence_hash,
        "occurred_at": line.at,
        "is_persons_word": evidence.is_persons_word,
        "facts": line.facts,
        "recorded_at": recorded_at,
    }
