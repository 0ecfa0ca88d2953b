"""The life of a bulk job: created, claimed by a worker, run in chunks, canceled, undone.

What a chunk does depends on the kind of job: ``app/jobs/run_bulk_jobs.py`` has the table. Jobs that change contacts run
one after the other, in the order of their creation, so two of them never change one contact at the same time. Jobs that
only read run one after the other beside them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from app.core import audit, leases
from app.core.errors import InvalidState, NotFound
from app.db import run
from app.models import BulkJob, BulkJobItem, JobFile, JobKind, JobState
from app.models.bulk import UNFINISHED as UNFINISHED  # exported: other modules import it from here

UNDO_WITHIN = timedelta(days=30)
# A part of a job claims it again with each chunk (``core/leases.py``).
LEASE = timedelta(seconds=15)
ATTEMPTS_MAX = 5
_UNDOABLE = frozenset(
    {JobKind.SUBSCRIBE, JobKind.UNSUBSCRIBE, JobKind.TAG, JobKind.UNTAG, JobKind.ARCHIVE, JobKind.IMPORT}
)
_READING = frozenset({JobKind.EXPORT, JobKind.COUNT, JobKind.IMPORT_CHECK})
CHANGED, UNCHANGED = "changed", "unchanged"


def create(
    session: Session,
    kind: JobKind,
    parameters: Mapping[str, Any],
    *,
    actor: str,
    at: datetime,
    subscription_type_id: int | None = None,
) -> BulkJob:
    """Create a job as a draft. ``start`` hands it to the worker.

    :param parameters: JSON values; ``dry_run`` that is true makes it a job that only reads
    """
    job = BulkJob(
        kind=kind,
        state=JobState.DRAFT,
        is_reading=kind in _READING or bool(parameters.get("dry_run")),
        subscription_type_id=subscription_type_id,
        parameters=dict(parameters),
        created_by=actor,
        created_at=at,
    )
    session.add(job)
    session.flush()
    return job


def start(session: Session, job: BulkJob, *, at: datetime) -> None:
    """Hand a draft to the worker. What changes contacts is audited, as ``bulk_job.started``.

    :raises InvalidState: it was started before
    """
    if job.state != JobState.DRAFT:
        raise InvalidState("This job was started before.")
    job.state = JobState.QUEUED
    if not job.is_reading:
        audit.record(session, job.created_by, "bulk_job.started", f"bulk_job:{job.id}", {"kind": job.kind}, at=at)
    session.flush()


def find(session: Session, job_id: int) -> BulkJob:
    """:raises NotFound: there is no such job"""
    job = session.get(BulkJob, job_id)
    if job is None:
        raise NotFound("Resource Not Found")
    return job


def newest(session: Session, *, before_id: int | None = None, limit: int) -> list[BulkJob]:
    """The newest jobs without drafts, dry runs and counts.

    :param before_id: only jobs that were created before this one
    """
    shown = select(BulkJob).where(
        BulkJob.state != JobState.DRAFT, or_(~BulkJob.is_reading, BulkJob.kind == JobKind.EXPORT)
    )
    shown = shown.where(BulkJob.id < before_id) if before_id is not None else shown
    return list(session.scalars(shown.order_by(BulkJob.id.desc()).limit(limit)))


def may_undo(job: BulkJob, *, at: datetime) -> bool:
    """Whether a job can be undone: it changed something, and ended at most 30 days ago.

    What a failed job did can be undone, too; an undo that failed is run again (``retry``).
    """
    is_failed = job.state == JobState.FAILED and job.undo is None
    is_finished = (job.state in {JobState.DONE, JobState.CANCELED} or is_failed) and job.finished_at is not None
    return is_finished and not job.is_reading and job.kind in _UNDOABLE and at < _ended_at(job) + UNDO_WITHIN


def request_undo(session: Session, job: BulkJob, *, actor: str, at: datetime) -> None:
    """Ask for an undo of a locked job; the worker runs it like the job itself. Audited as ``bulk_job.undone``.

    :raises InvalidState: it cannot be undone (``may_undo``)
    """
    if not may_undo(job, at=at):
        raise InvalidState("Only a job that changed contacts and ended in the last 30 days can be undone.")
    job.state, job.position, job.claimed_by, job.claimed_at = JobState.UNDOING, {}, None, None
    job.undo = {"done": 0, "changed": 0, "unchanged": 0, "skipped": {}, "by": actor}
    audit.record(session, actor, "bulk_job.undone", f"bulk_job:{job.id}", {"kind": job.kind}, at=at)
    session.flush()


def request_cancel(session: Session, job: BulkJob, *, actor: str, at: datetime) -> None:
    """Ask a locked job to stop after its chunk. What is done stays. Audited as ``bulk_job.canceled``.

    :raises InvalidState: it is not waiting or running
    """
    if job.state not in {JobState.DRAFT, JobState.QUEUED, JobState.RUNNING}:
        raise InvalidState("Only a job that waits or runs can be canceled.")
    if not job.is_cancel_requested:
        job.is_cancel_requested = True
        audit.record(session, actor, "bulk_job.canceled", f"bulk_job:{job.id}", {"kind": job.kind}, at=at)
    if job.state != JobState.RUNNING:
        finish(job, JobState.CANCELED, at=at)
    session.flush()


def retry(session: Session, job: BulkJob, *, actor: str, at: datetime) -> None:
    """Hand a locked job that failed, or its undo, to the worker again. It goes on where it was.

    Audited as ``bulk_job.retried``. :raises InvalidState: it did not fail
    """
    if job.state != JobState.FAILED:
        raise InvalidState("Only a job that failed can be tried again.")
    job.state = JobState.QUEUED if job.undo is None else JobState.UNDOING
    job.attempts, job.claimed_by, job.claimed_at = 0, None, None
    audit.record(session, actor, "bulk_job.retried", f"bulk_job:{job.id}", {"kind": job.kind}, at=at)
    session.flush()


def waiting(session: Session, *, at: datetime) -> list[int]:
    """The jobs to run now that no worker works on: at most one that changes contacts and one that only reads."""
    return [row.id for row in _running(session, at=at).values() if not leases.holds(row.claimed_at, LEASE, at=at)]


def waits_for(session: Session, job: BulkJob, *, at: datetime) -> BulkJob | None:
    """The job that must end before this one, or its undo, can run; null when it need not wait, or has ended."""
    if job.state not in UNFINISHED:
        return None
    runs = _running(session, at=at)[job.is_reading]
    return None if runs.id == job.id else find(session, runs.id)


def count_unfinished(session: Session) -> tuple[int, int]:
    """How many jobs wait, and how many run, undos included."""
    of_state = select(BulkJob.state, func.count()).where(BulkJob.state.in_(UNFINISHED)).group_by(BulkJob.state)
    counts = {row[0]: int(row[1]) for row in session.execute(of_state)}
    queued = counts.pop(JobState.QUEUED, 0)
    return queued, sum(counts.values())


def _running(session: Session, *, at: datetime) -> dict[bool, Any]:
    """By ``is_reading`` the job whose turn it is: the one that a worker works on, else the oldest."""
    unfinished = select(BulkJob.id, BulkJob.is_reading, BulkJob.claimed_at).where(BulkJob.state.in_(UNFINISHED))
    found: dict[bool, Any] = {}
    for row in session.execute(unfinished.order_by(BulkJob.id)):
        before = found.setdefault(row.is_reading, row)
        if leases.holds(row.claimed_at, LEASE, at=at) and not leases.holds(before.claimed_at, LEASE, at=at):
            found[row.is_reading] = row
    return found


def claim(session: Session, job_id: int, part: str, *, at: datetime) -> bool:
    """Claim a job for one part of its work; false where another part has it."""
    is_free = or_(leases.is_free(BulkJob.claimed_at, LEASE, at=at), BulkJob.claimed_by == part)
    claiming = update(BulkJob).where(BulkJob.id == job_id, BulkJob.state.in_(UNFINISHED), is_free)
    return run(session, claiming.values(claimed_by=part, claimed_at=at)).rowcount == 1


def lock(session: Session, job_id: int) -> BulkJob:
    """A job, locked, as it is now. :raises NotFound: there is no such job"""
    query = select(BulkJob).where(BulkJob.id == job_id).with_for_update()
    job = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if job is None:
        raise NotFound("Resource Not Found")
    return job


def add_outcomes(job: BulkJob, outcomes: Mapping[str, int]) -> None:
    """Add a chunk's outcomes to the counts of the job, or of its undo while that runs.

    :param outcomes: how many were ``changed``, ``unchanged``, or skipped for each reason
    """
    is_undo = job.state == JobState.UNDOING
    before = job.undo or {} if is_undo else {name: getattr(job, name) for name in ("done", *_COUNTS, "skipped")}
    skipped = dict(before["skipped"])
    for reason, number in outcomes.items():
        if reason not in _COUNTS and number:
            skipped[reason] = skipped.get(reason, 0) + number
    counts = {name: before[name] + outcomes.get(name, 0) for name in _COUNTS}
    counts["done"] = before["done"] + sum(outcomes.values())
    if is_undo:
        job.undo = {**before, **counts, "skipped": skipped}
        return
    job.done, job.changed, job.unchanged = counts["done"], counts[CHANGED], counts[UNCHANGED]
    job.skipped = skipped


_COUNTS = (CHANGED, UNCHANGED)


def finish(job: BulkJob, state: JobState, *, at: datetime) -> None:
    """End a job. The end of an undo does not move the time at which the job itself ended."""
    job.state, job.claimed_by, job.claimed_at = state, None, None
    job.finished_at = job.finished_at if state == JobState.UNDONE else at


def record_failure(session: Session, job_id: int, error: Exception, *, at: datetime) -> None:
    """Note that a chunk failed. It is repeated after ``LEASE``; the job fails after ``ATTEMPTS_MAX`` in a row."""
    job = lock(session, job_id)
    job.attempts, job.error = job.attempts + 1, type(error).__name__
    if job.attempts >= ATTEMPTS_MAX and job.state in UNFINISHED:
        finish(job, JobState.FAILED, at=at)
    session.flush()


def has_items(job: BulkJob, *, at: datetime) -> bool:
    """Whether what a job did with each contact is still kept: for 30 days after it ended."""
    return not job.is_reading and (job.finished_at is None or at < job.finished_at + UNDO_WITHIN)


def delete_old_items(session: Session, *, at: datetime, limit: int) -> int:
    """Delete items of jobs that ended more than 30 days ago, which can no longer be undone. Returns how many."""
    old = select(BulkJob.id).where(BulkJob.finished_at < at - UNDO_WITHIN, BulkJob.state.not_in(UNFINISHED))
    some = select(BulkJobItem.job_id, BulkJobItem.contact_id).where(BulkJobItem.job_id.in_(old)).limit(limit)
    keys = session.execute(some).all()
    for job_id in {each.job_id for each in keys}:
        ids = [each.contact_id for each in keys if each.job_id == job_id]
        session.execute(delete(BulkJobItem).where(BulkJobItem.job_id == job_id, BulkJobItem.contact_id.in_(ids)))
    return len(keys)


def delete_old_drafts(session: Session, *, at: datetime) -> int:
    """Delete drafts, dry runs and counts that were created more than 30 days ago, of which nothing else is kept."""
    is_passing = or_(BulkJob.state == JobState.DRAFT, and_(BulkJob.is_reading, BulkJob.kind != JobKind.EXPORT))
    old = delete(BulkJob).where(is_passing, BulkJob.created_at < at - UNDO_WITHIN, BulkJob.state.not_in(UNFINISHED))
    for kept in (BulkJobItem, JobFile):
        old = old.where(~exists().where(kept.job_id == BulkJob.id))
    return int(run(session, old).rowcount)


def _ended_at(job: BulkJob) -> datetime:
    return job.finished_at or job.created_at
