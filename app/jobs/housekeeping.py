"""What is swept out once an hour: records that have done their work."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from app import logs
from app.core import clock, idempotency, outbox
from app.core import rate_limits as limits
from app.core.messenger import tokens as messenger_tokens
from app.core.webhooks import deliveries
from app.db import Database

KEEP_ROUTED = timedelta(days=30)
_log = logs.get_logger()


@dataclass(frozen=True)
class Forgotten:
    """How many rows of each kind were deleted."""

    rate_counters: int
    outbox_events: int
    webhooks: int
    messenger_tokens: int
    idempotency_keys: int


def forget_old(database: Database) -> Forgotten:
    """Delete what has done its work.

    Rate counters whose window is over, outbox events routed 30 days ago, webhooks from before then, tokens of visitors
    who are gone, what calls with an Idempotency-Key were answered a day ago.
    """
    now = clock.now()
    before = now - KEEP_ROUTED
    with database.unit_of_work() as session:
        counters = limits.forget_expired(session, at=now)
    with database.unit_of_work() as session:
        events = outbox.forget(session, routed_before=before)
    forgotten = Forgotten(
        counters,
        events,
        _in_batches(database, lambda session: deliveries.forget(session, created_before=before)),
        _in_batches(database, lambda session: messenger_tokens.delete_expired(session, at=now)),
        _in_batches(database, lambda session: idempotency.forget(session, at=now)),
    )
    _log.info("housekeeping", **asdict(forgotten))
    return forgotten


def _in_batches(database: Database, forget: Callable[[Session], int]) -> int:
    """In small transactions until nothing is left, so that nobody waits long."""
    forgotten = 0
    while True:
        with database.unit_of_work() as session:
            batch = forget(session)
        forgotten += batch
        if not batch:
            return forgotten
