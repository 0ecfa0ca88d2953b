"""What is swept out once an hour: records that have done their work."""

from datetime import timedelta

from app import logs
from app.core import clock, idempotency, limits, outbox
from app.db import Database

KEEP_ROUTED = timedelta(days=30)
_log = logs.get_logger()


def forget_old(database: Database) -> tuple[int, int]:
    """Delete rate counters whose window is over and outbox events routed 30 days ago; how many of each comes back.

    What calls with an Idempotency-Key were answered goes after a day.
    """
    now = clock.now()
    with database.unit_of_work() as session:
        counters = limits.forget_expired(session, at=now)
    with database.unit_of_work() as session:
        events = outbox.forget(session, routed_before=now - KEEP_ROUTED)
    with database.unit_of_work() as session:
        calls = idempotency.forget(session, at=now)
    _log.info("housekeeping", rate_counters=counters, outbox_events=events, idempotency_keys=calls)
    return counters, events
