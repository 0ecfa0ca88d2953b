"""Periodic tasks: delete expired records, give up late webhook deliveries."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from app import logs
from app.core import clock, idempotency, outbox, rate_limits
from app.core.accounts import sessions as account_sessions
from app.core.bulk import files as bulk_files
from app.core.bulk import jobs as bulk_jobs
from app.core.confirmations import confirming
from app.core.consent import pending
from app.core.forms import daily_counts
from app.core.inbox import waiting
from app.core.messenger import tokens as messenger_tokens
from app.core.problems import failures, workers
from app.core.site import counts as site_counts
from app.core.site import sample_rows, snippets
from app.core.webhooks import deliveries
from app.db import Database

KEEP_ROUTED = timedelta(days=30)
# A day has ended in every time zone, and what happened in it is counted.
_COUNTS_END = timedelta(days=2)
_log = logs.get_logger()


@dataclass(frozen=True)
class Deleted:
    """How many rows of each table were deleted."""

    rate_counters: int
    outbox_events: int
    webhooks: int
    messenger_tokens: int
    idempotency_keys: int
    agent_sessions: int
    snippet_origins: int
    site_samples: int
    site_counts: int
    agent_notices: int
    failures: int
    workers: int
    job_files: int
    bulk_job_items: int
    bulk_job_drafts: int
    confirmations: int


def delete_expired(database: Database) -> Deleted:
    """Delete expired records in small transactions.

    These are rate counters after their window, outbox events 30 days after they were routed, webhook messages 30 days
    after their creation, tokens of visitors who did not return, idempotency keys after a day, sessions of agents
    after 30 days, origins of snippets after 90, notices of mails to agents and failures after 30, what pages of
    websites sent after 30, and workers that ended a day ago; files of bulk jobs, their drafts and dry runs after 30
    days, and their items 30 days after the job ended; confirmations 30 days after they began.
    """
    now = clock.now()
    before = now - KEEP_ROUTED
    with database.unit_of_work() as session:
        counters = rate_limits.purge_expired(session, at=now)
    with database.unit_of_work() as session:
        events = outbox.purge_expired(session, routed_before=before)
    deleted = Deleted(
        rate_counters=counters,
        outbox_events=events,
        webhooks=_in_batches(database, lambda session: deliveries.purge_expired(session, created_before=before)),
        messenger_tokens=_in_batches(database, lambda session: messenger_tokens.delete_expired(session, at=now)),
        idempotency_keys=_in_batches(database, lambda session: idempotency.purge_expired(session, at=now)),
        agent_sessions=_in_batches(database, lambda session: account_sessions.delete_expired(session, at=now)),
        snippet_origins=_in_batches(database, lambda session: snippets.delete_old(session, at=now)),
        site_samples=_in_batches(database, lambda session: sample_rows.delete_old(session, at=now)),
        site_counts=_in_batches(database, lambda session: site_counts.delete_old(session, at=now)),
        agent_notices=_in_batches(database, lambda session: waiting.delete_old(session, at=now)),
        failures=_in_batches(database, lambda session: failures.delete_old(session, at=now)),
        workers=_in_batches(database, lambda session: workers.delete_old(session, at=now)),
        job_files=_in_batches(database, lambda session: bulk_files.delete_old(session, at=now)),
        bulk_job_items=_in_batches(database, lambda session: bulk_jobs.delete_old_items(session, at=now, limit=1000)),
        bulk_job_drafts=_in_batches(database, lambda session: bulk_jobs.delete_old_drafts(session, at=now)),
        confirmations=_in_batches(database, lambda session: pending.delete_old(session, before=before, limit=1000)),
    )
    _log.info("expired records deleted", **asdict(deleted))
    return deleted


def merge_form_counts(database: Database) -> int:
    """Merge the shards of the daily counts of forms, of all days that ended; returns how many rows went."""
    before = (clock.now() - _COUNTS_END).date()
    return _in_batches(database, lambda session: daily_counts.merge_shards(session, before=before))


def expire_confirmations(database: Database) -> int:
    """End opt-ins that were not confirmed in time, in small transactions; returns how many."""
    return _in_batches(database, lambda session: confirming.expire_some(session, at=clock.now()))


def fail_late_webhooks(database: Database) -> int:
    """Give up every delivery that is not done after three days, in small transactions; returns how many.

    What a clock that was ahead let wait for years is due first.
    """
    with database.read_only() as session:
        is_any_ahead = deliveries.is_any_ahead(session, at=clock.now())
    if is_any_ahead:
        with database.unit_of_work() as session:
            deliveries.set_back(session, at=clock.now())
    failed = 0
    while True:
        at = clock.now()
        with database.read_only() as session:
            ids = deliveries.late(session, at=at)
        if not ids:
            return failed
        with database.unit_of_work() as session:
            deliveries.give_up(session, ids, at=at)
        failed += len(ids)


def _in_batches(database: Database, delete: Callable[[Session], int]) -> int:
    """Call ``delete`` until it deletes nothing, each time in a new transaction, so that other writers wait briefly."""
    deleted = 0
    while True:
        with database.unit_of_work() as session:
            batch = delete(session)
        deleted += batch
        if not batch:
            return deleted
