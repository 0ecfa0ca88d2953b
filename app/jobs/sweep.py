"""The sweep: every second, what waits in the tables is carried on. A lost wake-up costs a second, nothing else."""

import threading
from collections import Counter
from datetime import date

from sqlalchemy.orm import Session

from app import logs
from app.core import clock, optin_forms, outbox
from app.db import Database
from app.models import OutboxEvent

EVERY_S = 1.0
# Small, because SQLite's writers wait while one batch is written.
BATCH = 200
_COUNTED = {"form.inserted": "inserted", "form.submitted": "submitted"}
_log = logs.get_logger()


def run(database: Database, stopping: threading.Event) -> None:
    """Sweep every second until ``stopping`` is set. A sweep that fails is logged, and the next one comes."""
    while not stopping.wait(EVERY_S):
        try:
            sweep_outbox(database)
        except Exception:
            _log.exception("the sweep of the outbox failed")


def sweep_outbox(database: Database) -> int:
    """Route everything that waits in the outbox; how many events comes back.

    Each batch is one transaction: an event is marked as routed and counted, or neither. Where several workers run, each
    takes what no other one holds. While nothing waits, nothing is locked.
    """
    routed = 0
    while _is_waiting(database):
        with database.unit_of_work() as session:
            batch = outbox.unrouted(session, limit=BATCH)
            _count_forms(session, batch)
            outbox.mark_routed(session, batch, at=clock.now())
        if not batch:
            break
        routed += len(batch)
    return routed


def _is_waiting(database: Database) -> bool:
    with database.read_only() as session:
        return outbox.is_waiting(session)


def _count_forms(session: Session, events: list[OutboxEvent]) -> None:
    """Add what was inserted and submitted to the numbers of its form, on the day when it happened."""
    counted = [event for event in events if event.topic in _COUNTED]
    inserted_ids = {event.payload["inserted_form_id"] for event in counted} - {None}
    form_ids = optin_forms.forms_of(session, inserted_ids)
    numbers: dict[tuple[int, date], Counter[str]] = {}
    for event in counted:
        form_id = form_ids.get(event.payload["inserted_form_id"])
        if form_id is not None:
            numbers.setdefault((form_id, event.created_at.date()), Counter())[_COUNTED[event.topic]] += 1
    optin_forms.tally_many(session, numbers)
