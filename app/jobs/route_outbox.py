"""Routes the outbox events that wait, every second: adds them to the daily counts and creates deliveries."""

import threading
from collections.abc import Callable

from sqlalchemy.exc import InterfaceError, OperationalError

from app import logs
from app.core import clock, outbox
from app.core.overview import counting
from app.core.sms import consent_pushes
from app.core.webhooks import routing
from app.db import CommitLost, Database, DatabaseBusy
from app.jobs import failures
from app.jobs.heartbeat import Heartbeat

EVERY_S = 1.0
# Events in one transaction. Small, because SQLite's other writers wait for it.
BATCH = 200
_log = logs.get_logger()


def run(
    database: Database,
    stopping: threading.Event,
    on_routed: Callable[[], None] = lambda: None,
    *,
    pushes_consents: bool = False,
) -> None:
    """Sweep every second until ``stopping`` is set. A failed sweep is logged and repeated after a second.

    The heartbeat is in the same loop, so that a worker whose sweep hangs counts as silent.

    :param on_routed: called after a sweep that routed something
    :param pushes_consents: consents are pushed to the gateway's carrier
    """
    heartbeat = Heartbeat(database)
    while not stopping.wait(EVERY_S):
        try:
            heartbeat.beat_if_due()
            if sweep_outbox(database, pushes_consents=pushes_consents):
                on_routed()
        except Exception as error:
            _log.exception("the sweep of the outbox failed")
            failures.record(database, "route_outbox", error)


def sweep_outbox(database: Database, *, pushes_consents: bool = False) -> int:
    """Route all events that are not routed yet. Returns how many.

    A batch is one transaction: its events are counted, get their deliveries and are marked as routed together. Workers
    take turns, so that deliveries are created in the order of events. Nothing is locked while no event waits. A batch
    that fails is routed event by event, and an event that fails alone is marked as failed.
    """
    routed = 0
    while _is_waiting(database):
        try:
            batch = _route(database, limit=BATCH, pushes_consents=pushes_consents)
        except Exception as error:
            if _is_temporary(error):
                raise
            batch = _route_one_by_one(database, limit=BATCH, pushes_consents=pushes_consents)
        if not batch:
            break
        routed += batch
    return routed


def _route(database: Database, *, limit: int, pushes_consents: bool, only: int | None = None) -> int:
    with database.unit_of_work() as session:
        outbox.lock_routing(session)
        batch, now = outbox.unrouted(session, limit=limit, only=only), clock.now()
        counting.count(session, batch)
        routing.route(session, batch, at=now)
        if pushes_consents:
            consent_pushes.queue(session, batch, at=now)
        outbox.mark_routed(session, batch, at=now)
    return len(batch)


def _route_one_by_one(database: Database, *, limit: int, pushes_consents: bool) -> int:
    with database.read_only() as session:
        ids = [event.id for event in outbox.unrouted(session, limit=limit)]
    for event_id in ids:
        try:
            _route(database, limit=1, pushes_consents=pushes_consents, only=event_id)
        except Exception as error:
            if _is_temporary(error):
                raise
            _log.exception("an event could not be routed and is set aside", event_id=event_id)
            with database.unit_of_work() as session:
                outbox.lock_routing(session)
                for event in outbox.unrouted(session, limit=1, only=event_id):
                    outbox.mark_failed(session, event, type(error).__name__, at=clock.now())
    return len(ids)


def _is_temporary(error: Exception) -> bool:
    """Whether the database or the machine caused the error, not the event."""
    return isinstance(error, DatabaseBusy | CommitLost | OperationalError | InterfaceError | OSError | MemoryError)


def _is_waiting(database: Database) -> bool:
    with database.read_only() as session:
        return outbox.is_waiting(session)
