"""What is swept out once an hour: records that have done their work."""

from datetime import datetime, timedelta

from app import logs
from app.core import clock, limits, outbox
from app.core.webhooks import deliveries
from app.db import Database

KEEP_ROUTED = timedelta(days=30)
_log = logs.get_logger()


def forget_old(database: Database) -> tuple[int, int, int]:
    """Delete rate counters whose window is over, outbox events routed 30 days ago and webhooks from before then.

    How many rows of each come back.
    """
    now = clock.now()
    with database.unit_of_work() as session:
        counters = limits.forget_expired(session, at=now)
    with database.unit_of_work() as session:
        events = outbox.forget(session, routed_before=now - KEEP_ROUTED)
    webhooks = 0
    while forgotten := _forget_webhooks(database, now - KEEP_ROUTED):
        webhooks += forgotten
    _log.info("housekeeping", rate_counters=counters, outbox_events=events, webhooks=webhooks)
    return counters, events, webhooks


def _forget_webhooks(database: Database, created_before: datetime) -> int:
    with database.unit_of_work() as session:
        return deliveries.forget(session, created_before=created_before)
