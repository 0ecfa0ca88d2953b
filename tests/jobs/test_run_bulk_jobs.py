"""Bulk jobs run in chunks: each is one transaction, and what fails or is killed is repeated."""

import threading
from datetime import datetime, timedelta

import pytest
import time_machine
from huey import MemoryHuey
from sqlalchemy.orm import Session

from app.core.bulk import jobs
from app.db import Database
from app.jobs import run_bulk_jobs
from app.jobs.run_bulk_jobs import Steps
from app.models import BulkJob, JobKind, JobState
from tests import make
from tests.core.bulk.test_jobs import MAX, started


def count_to_three(session: Session, job: BulkJob, at: datetime) -> bool:
    make.contact(session)
    reached = job.position.get("reached", 0) + 1
    job.position = {"reached": reached}
    jobs.add_outcomes(job, {"changed": 1})
    return bool(reached == 3)


STEPS = {JobKind.TAG: Steps(count_to_three, count_to_three)}


def test_a_job_runs_to_its_end_and_its_undo_too(database: Database) -> None:
    job_id = started(database)
    run_bulk_jobs.run_until_done(database, job_id, steps=STEPS)
    with database.unit_of_work() as session:
        job = jobs.lock(session, job_id)
        assert (job.state, job.changed, job.claimed_by) == (JobState.DONE, 3, None)
        jobs.request_undo(session, job, actor=MAX, at=job.finished_at or make.NOON)
    run_bulk_jobs.run_until_done(database, job_id, steps=STEPS)
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        assert (job.state, job.changed, (job.undo or {})["changed"]) == (JobState.UNDONE, 3, 3)


def test_a_part_ends_after_its_time_and_the_next_one_goes_on(database: Database) -> None:
    job_id = started(database)
    assert run_bulk_jobs.run_part(database, job_id, "one", steps=STEPS, seconds=0)
    assert not run_bulk_jobs.run_part(database, job_id, "another", steps=STEPS, seconds=0)
    assert run_bulk_jobs.run_part(database, job_id, "one", steps=STEPS, seconds=0)
    with database.read_only() as session:
        assert jobs.find(session, job_id).done == 2


def test_a_canceled_job_stops_after_its_chunk_and_keeps_what_it_did(database: Database) -> None:
    job_id = started(database)
    run_bulk_jobs.run_part(database, job_id, "one", steps=STEPS, seconds=0)
    with database.unit_of_work() as session:
        jobs.request_cancel(session, jobs.lock(session, job_id), actor=MAX, at=make.NOON)
    assert not run_bulk_jobs.run_part(database, job_id, "one", steps=STEPS)
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        assert (job.state, job.changed) == (JobState.CANCELED, 1)


def test_a_chunk_that_fails_changes_nothing_and_the_job_fails_after_five_attempts(database: Database) -> None:
    def fail(session: Session, job: BulkJob, at: datetime) -> bool:
        count_to_three(session, job, at)
        raise RuntimeError("the disk is full")

    job_id = started(database)
    for attempt in range(jobs.ATTEMPTS_MAX):
        with pytest.raises(RuntimeError):
            run_bulk_jobs.run_part(database, job_id, "one", steps={JobKind.TAG: Steps(fail)})
        with database.read_only() as session:
            job = jobs.find(session, job_id)
            assert (job.attempts, job.done, job.error) == (attempt + 1, 0, "RuntimeError")
    assert job.state == JobState.FAILED


def test_a_new_job_and_one_whose_worker_was_killed_are_put_into_the_queue(database: Database) -> None:
    queue = MemoryHuey(immediate=True)
    with time_machine.travel(make.NOON, tick=False) as now:
        job_id = started(database, JobKind.COUNT)
        with database.unit_of_work() as session:
            jobs.claim(session, job_id, "killed", at=make.NOON)
        watch = run_bulk_jobs.register(queue, database)
        seen: list[int] = []
        with database.read_only() as session:
            assert jobs.waiting(session, at=make.NOON) == []
        now.shift(jobs.LEASE + timedelta(seconds=1))
        stopping = threading.Event()
        queue.signal("error")(lambda _signal, task, *_: (seen.append(task.args[0]), stopping.set()))
        watch(stopping)
    assert seen == [job_id]  # no step counts here, which shows that the task ran
