"""The sweep: every second, what waits in the tables is carried on. A lost wake-up costs a second, nothing else."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import date

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app import logs
from app.core import clock, outbox
from app.core.forms import daily_counts, insertion
from app.core.webhooks import routing
from app.db import Database
from app.models import OutboxEvent

EVERY_S = 1.0
# Small, because SQLite's writers wait while one batch is written.
BATCH = 200
_COUNTED = {"form.inserted": "inserted", "form.submitted": "submitted"}
_log = logs.get_logger()


def _nobody() -> None:
    """Nobody waits for what was routed."""


def run(database: Database, stopping: threading.Event, routed: Callable[[], None] = _nobody) -> None:
    """Sweep every second until ``stopping`` is set. A sweep that fails is logged, and the next one comes.

    :param routed: called whenever something was
    """
    while not stopping.wait(EVERY_S):
        try:
            if sweep_outbox(database):
                routed()
        except Exception:
            _log.exception("the sweep of the outbox failed")


def sweep_outbox(database: Database) -> int:
    """Route everything that waits in the outbox; how many events comes back.

    Each batch is one transaction: an event is marked as routed, counted and told, or none of it. Where several workers
    run, they take turns, so that deliveries come in the order of events. While nothing waits, nothing is locked.
    A batch that fails is gone through event by event, and one that fails alone is set aside.
    """
    routed = 0
    while _is_waiting(database):
        try:
            batch = _route(database, limit=BATCH)
        except Exception as problem:
            if _may_pass(problem):
                raise
            batch = _route_one_by_one(database, limit=BATCH)
        if not batch:
            break
        routed += batch
    return routed


def _route(database: Database, *, limit: int, only: int | None = None) -> int:
    with database.unit_of_work() as session:
        outbox.lock_routing(session)
        batch, now = outbox.unrouted(session, limit=limit, only=only), clock.now()
        _count_forms(session, batch)
        routing.route(session, batch, at=now)
        outbox.mark_routed(session, batch, at=now)
    return len(batch)


def _route_one_by_one(database: Database, *, limit: int) -> int:
    with database.read_only() as session:
        ids = [event.id for event in outbox.unrouted(session, limit=limit)]
    for event_id in ids:
        try:
            _route(database, limit=1, only=event_id)
        except Exception as problem:
            if _may_pass(problem):
                raise
            _log.exception("an event could not be told and is set aside", event_id=event_id)
            with database.unit_of_work() as session:
                outbox.lock_routing(session)
                for failing in outbox.unrouted(session, limit=1, only=event_id):
                    outbox.set_aside(session, failing, type(problem).__name__, at=clock.now())
    return len(ids)


def _may_pass(problem: Exception) -> bool:
    """Whether it is the database's or the machine's trouble, not the event's."""
    return isinstance(problem, OperationalError | InterfaceError | OSError | MemoryError)


def _is_waiting(database: Database) -> bool:
    with database.read_only() as session:
        return outbox.is_waiting(session)


def _count_forms(session: Session, events: list[OutboxEvent]) -> None:
    """Add what was inserted and submitted to the numbers of its form, on the day when it happened."""
    counted = [event for event in events if event.topic in _COUNTED]
    inserted_ids = {event.payload["inserted_form_id"] for event in counted} - {None}
    form_ids = insertion.form_ids_of(session, inserted_ids)
    numbers: dict[tuple[int, date], Counter[str]] = {}
    for event in counted:
        form_id = form_ids.get(event.payload["inserted_form_id"])
        if form_id is not None:
            numbers.setdefault((form_id, event.created_at.date()), Counter())[_COUNTED[event.topic]] += 1
    daily_counts.add_many(session, numbers)
