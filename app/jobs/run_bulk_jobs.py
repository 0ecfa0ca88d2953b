"""Runs bulk jobs in chunks: each part works for a second, then puts the next part into the queue.

A chunk is one transaction that changes contacts, adds to the counts of the job and moves its position. A process that
is killed loses the chunk that it was in; another part repeats it.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping

from huey import Huey
from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.core.bulk import changes, count_jobs, jobs
from app.core.bulk.changes import Steps
from app.core.exports import jobs as export_jobs
from app.core.imports import steps as imports
from app.core.imports import undo as import_undo
from app.db import Database
from app.models import JobKind, JobState

PART_S = 1.0
EVERY_S = 1.0
_log = logs.get_logger()


STEPS: Mapping[JobKind, Steps] = {
    **changes.STEPS,
    JobKind.COUNT: Steps(count_jobs.step),
    JobKind.EXPORT: Steps(export_jobs.run),
    JobKind.IMPORT_CHECK: Steps(imports.run),
    JobKind.IMPORT: Steps(imports.run, import_undo.run_undo),
}


def register(queue: Huey, database: Database) -> Callable[[threading.Event], None]:
    """Add the task to the queue. Returns what the worker runs in a thread until an event is set.

    The thread looks every second for jobs that no part works on: new ones, and those whose worker was killed.
    """

    def run_and_continue(job_id: int, part: str) -> None:
        if run_part(database, job_id, part):
            next_part(job_id, part)

    next_part = queue.task(name="run_bulk_job")(run_and_continue)

    def watch(stopping: threading.Event) -> None:
        while not stopping.wait(EVERY_S):
            try:
                with database.read_only() as session:
                    found = jobs.waiting(session, at=clock.now())
                for job_id in found:
                    next_part(job_id, secrets.token_hex(8))
            except Exception:
                _log.exception("bulk jobs could not be looked for")

    return watch


def run_part(
    database: Database,
    job_id: int,
    part: str,
    *,
    steps: Mapping[JobKind, Steps] = STEPS,
    seconds: float = PART_S,
) -> bool:
    """Run chunks of a job for about ``seconds``; returns whether more is left for this part.

    Raises what a chunk raises, after it was recorded with the job: it is repeated later.
    """
    until = time.monotonic() + seconds
    with database.unit_of_work() as session:
        if not jobs.claim(session, job_id, part, at=clock.now()):
            return False
    while True:
        try:
            with database.unit_of_work() as session:
                if _run_chunk(session, job_id, part, steps):
                    return False
        except Exception as error:
            with database.unit_of_work() as session:
                jobs.record_failure(session, job_id, error, at=clock.now())
            raise
        if time.monotonic() > until:
            return True


def run_until_done(database: Database, job_id: int, *, steps: Mapping[JobKind, Steps] = STEPS) -> None:
    """Run a whole job in this process, for commands and tests."""
    part = secrets.token_hex(8)
    while run_part(database, job_id, part, steps=steps):
        pass


def _run_chunk(session: Session, job_id: int, part: str, steps: Mapping[JobKind, Steps]) -> bool:
    """One chunk; true when nothing is left, or the job belongs to another part now."""
    at = clock.now()
    job = jobs.lock(session, job_id)
    if job.claimed_by != part or job.state not in jobs.UNFINISHED:
        return True
    if job.is_cancel_requested and job.state != JobState.UNDOING:
        jobs.finish(job, JobState.CANCELED, at=at)
        return True
    is_undo = job.state == JobState.UNDOING
    of_kind = steps[JobKind(job.kind)]
    step = of_kind.undo if is_undo else of_kind.run
    if step is None:
        raise LookupError(f"a job of kind {job.kind} has no undo")
    if not is_undo:
        job.state, job.started_at = JobState.RUNNING, job.started_at or at
    is_finished = step(session, job, at)
    job.attempts, job.error, job.claimed_at = 0, None, clock.now()
    if is_finished:
        jobs.finish(job, JobState.UNDONE if is_undo else JobState.DONE, at=at)
    session.flush()
    return is_finished
