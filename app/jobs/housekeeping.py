"""What is swept out once an hour: records that have done their work."""

from datetime import timedelta

from app import logs
from app.core import clock, limits, messenger_tokens, outbox
from app.db import Database

KEEP_ROUTED = timedelta(days=30)
_log = logs.get_logger()


def forget_old(database: Database) -> tuple[int, int, int]:
    """Delete what has done its work; how many of each comes back.

    Rate counters whose window is over, outbox events routed 30 days ago, tokens of visitors who are gone.
    """
    now = clock.now()
    with database.unit_of_work() as session:
        counters = limits.forget_expired(session, at=now)
    with database.unit_of_work() as session:
        events = outbox.forget(session, routed_before=now - KEEP_ROUTED)
    tokens = _forget_tokens(database)
    _log.info("housekeeping", rate_counters=counters, outbox_events=events, messenger_tokens=tokens)
    return counters, events, tokens


def _forget_tokens(database: Database) -> int:
    """In small transactions, so that nobody waits long."""
    forgotten = 0
    while True:
        with database.unit_of_work() as session:
            batch = messenger_tokens.forget(session, at=clock.now())
        forgotten += batch
        if not batch:
            return forgotten
