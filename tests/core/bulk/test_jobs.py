"""The life of a bulk job, without what its chunks do."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.bulk import files, jobs
from app.core.errors import InvalidState, NotFound
from app.db import Database
from app.models import BulkJob, BulkJobItem, FilePurpose, JobKind, JobState
from tests import make
from tests.make import NOON

MAX = "agent:1"


def started(database: Database, kind: JobKind = JobKind.TAG, **parameters: object) -> int:
    with database.unit_of_work() as session:
        job = jobs.create(session, kind, parameters, actor=MAX, at=NOON)
        jobs.start(session, job, at=NOON)
        return job.id


def test_jobs_that_change_contacts_wait_for_each_other_and_jobs_that_read_do_not(database: Database) -> None:
    first, second = started(database), started(database, JobKind.ARCHIVE)
    count, dry_run = started(database, JobKind.COUNT), started(database, JobKind.SUBSCRIBE, dry_run=True)
    with database.unit_of_work() as session:
        assert jobs.waiting(session, at=NOON) == [first, count]
        assert jobs.claim(session, first, "part one", at=NOON)
        jobs.finish(jobs.lock(session, count), JobState.DONE, at=NOON)
        session.flush()
        assert jobs.waiting(session, at=NOON) == [dry_run]
        jobs.finish(jobs.lock(session, first), JobState.DONE, at=NOON)
        session.flush()
        assert jobs.waiting(session, at=NOON) == [second, dry_run]


def test_a_job_belongs_to_one_part_until_that_is_silent_for_fifteen_seconds(database: Database) -> None:
    job_id = started(database)
    with database.unit_of_work() as session:
        assert jobs.claim(session, job_id, "one", at=NOON)
        assert jobs.claim(session, job_id, "one", at=NOON)
        assert not jobs.claim(session, job_id, "two", at=NOON + jobs.LEASE)
        assert jobs.waiting(session, at=NOON + jobs.LEASE) == []
        late = NOON + jobs.LEASE + timedelta(seconds=1)
        assert jobs.waiting(session, at=late) == [job_id]
        assert jobs.claim(session, job_id, "two", at=late)


def test_a_job_is_free_at_once_where_the_clock_was_set_back_by_an_hour(database: Database) -> None:
    job_id, back = started(database), NOON - timedelta(hours=1)
    with database.unit_of_work() as session:
        assert jobs.claim(session, job_id, "killed", at=NOON)
        assert not jobs.claim(session, job_id, "two", at=NOON - jobs.LEASE)
        assert jobs.waiting(session, at=back) == [job_id]
        assert jobs.claim(session, job_id, "two", at=back)


def test_a_draft_does_not_run_and_is_started_once(database: Database) -> None:
    with database.unit_of_work() as session:
        draft = jobs.create(session, JobKind.IMPORT, {}, actor=MAX, at=NOON)
        assert jobs.waiting(session, at=NOON) == []
        jobs.start(session, draft, at=NOON)
        with pytest.raises(InvalidState):
            jobs.start(session, draft, at=NOON)


def test_only_a_job_that_waits_or_runs_can_be_canceled(database: Database) -> None:
    waits, runs = started(database), started(database)
    with database.unit_of_work() as session:
        jobs.request_cancel(session, jobs.lock(session, waits), actor=MAX, at=NOON)
        assert jobs.find(session, waits).state == JobState.CANCELED
        with pytest.raises(InvalidState):
            jobs.request_cancel(session, jobs.lock(session, waits), actor=MAX, at=NOON)
        running = jobs.lock(session, runs)
        running.state = JobState.RUNNING
        jobs.request_cancel(session, running, actor=MAX, at=NOON)
        assert (running.state, running.is_cancel_requested) == (JobState.RUNNING, True)


def test_a_change_of_contacts_can_be_undone_for_thirty_days(database: Database) -> None:
    changed, counted = started(database), started(database, JobKind.COUNT)
    with database.unit_of_work() as session:
        job, count = jobs.lock(session, changed), jobs.lock(session, counted)
        assert not jobs.may_undo(job, at=NOON)
        for each in (job, count):
            jobs.finish(each, JobState.DONE, at=NOON)
        assert not jobs.may_undo(count, at=NOON)
        assert not jobs.may_undo(job, at=NOON + jobs.UNDO_WITHIN)
        jobs.request_undo(session, job, actor="agent:2", at=NOON + timedelta(days=29))
        assert jobs.waiting(session, at=NOON) == [changed]
        jobs.add_outcomes(job, {"changed": 2, "opted_out": 1})
        jobs.finish(job, JobState.UNDONE, at=NOON + timedelta(days=30))
        assert job.undo == {"done": 3, "changed": 2, "unchanged": 0, "skipped": {"opted_out": 1}, "by": "agent:2"}
        assert (job.done, job.finished_at) == (0, NOON)
        with pytest.raises(InvalidState):
            jobs.request_undo(session, job, actor=MAX, at=NOON)


def test_outcomes_add_up_by_reason(database: Database) -> None:
    job_id = started(database)
    with database.unit_of_work() as session:
        job = jobs.lock(session, job_id)
        jobs.add_outcomes(job, {"changed": 2, "unchanged": 1, "suppressed": 1})
        jobs.add_outcomes(job, {"changed": 1, "suppressed": 2, "blocked": 0})
        assert (job.done, job.changed, job.unchanged, job.skipped) == (7, 3, 1, {"suppressed": 3})


def test_items_go_thirty_days_after_the_end_of_their_job(database: Database) -> None:
    old, new = started(database), started(database)
    with database.unit_of_work() as session:
        sam = make.contact(session)
        for job_id in (old, new):
            session.add(BulkJobItem(job_id=job_id, contact_id=sam.id, outcome="changed"))
            jobs.finish(jobs.lock(session, job_id), JobState.DONE, at=NOON)
        jobs.find(session, new).finished_at = NOON + timedelta(days=1)
        session.flush()
        late = NOON + jobs.UNDO_WITHIN + timedelta(hours=1)
        assert jobs.delete_old_items(session, at=late, limit=10) == 1
        assert jobs.delete_old_items(session, at=late, limit=10) == 0
        assert session.get(BulkJobItem, (new, sam.id)) is not None


def test_drafts_and_dry_runs_go_after_thirty_days_without_their_files_and_items(database: Database) -> None:
    with database.unit_of_work() as session:
        draft, upload = (jobs.create(session, JobKind.IMPORT, {}, actor=MAX, at=NOON) for _ in range(2))
        files.create(session, upload, FilePurpose.UPLOAD, "a.csv", "text/csv", at=NOON)
        new = jobs.create(session, JobKind.TAG, {}, actor=MAX, at=NOON + timedelta(days=1))
        ended = {"dry run": JobKind.TAG, "count": JobKind.COUNT, "export": JobKind.EXPORT, "change": JobKind.ARCHIVE}
        made = {}
        for name, kind in ended.items():
            made[name] = jobs.create(session, kind, {"dry_run": name == "dry run"}, actor=MAX, at=NOON)
            jobs.finish(made[name], JobState.DONE, at=NOON)
        runs = jobs.create(session, JobKind.COUNT, {}, actor=MAX, at=NOON)
        jobs.start(session, runs, at=NOON)
        late = NOON + jobs.UNDO_WITHIN + timedelta(hours=1)
        assert jobs.delete_old_drafts(session, at=late) == 3
        assert jobs.delete_old_drafts(session, at=late) == 0
        kept = set(session.scalars(select(BulkJob.id)))
        assert kept == {upload.id, new.id, made["export"].id, made["change"].id, runs.id}
        assert draft.id not in kept


def test_lists_show_what_changed_or_left_the_workspace(database: Database) -> None:
    shown = [started(database), started(database, JobKind.EXPORT)]
    started(database, JobKind.COUNT)
    started(database, JobKind.TAG, dry_run=True)
    with database.read_only() as session:
        assert [job.id for job in jobs.newest(session, limit=9)] == shown[::-1]
        assert [job.id for job in jobs.newest(session, before_id=shown[1], limit=9)] == shown[:1]
        with pytest.raises(NotFound):
            jobs.find(session, 999)


def test_a_job_waits_for_the_one_that_a_worker_works_on_else_for_the_oldest(database: Database) -> None:
    undone, second, third = started(database), started(database), started(database)
    with database.unit_of_work() as session:
        jobs.finish(jobs.lock(session, undone), JobState.DONE, at=NOON)
        session.flush()
        assert jobs.claim(session, second, "one", at=NOON)
        jobs.request_undo(session, jobs.lock(session, undone), actor=MAX, at=NOON)
        assert jobs.waiting(session, at=NOON) == []  # an undo of an older job does not overtake
        waits = {each: jobs.waits_for(session, jobs.lock(session, each), at=NOON) for each in (undone, second, third)}
        assert {each: other and other.id for each, other in waits.items()} == {
            undone: second,
            second: None,
            third: second,
        }
        assert jobs.count_unfinished(session) == (2, 1)
        for each in (second, undone):
            jobs.finish(jobs.lock(session, each), JobState.DONE, at=NOON)
            session.flush()
        assert jobs.waits_for(session, jobs.lock(session, third), at=NOON) is None
        assert jobs.waits_for(session, jobs.lock(session, second), at=NOON) is None


def test_a_job_that_failed_is_undone_or_tried_again_from_where_it_was(database: Database) -> None:
    job_id = started(database)
    with database.unit_of_work() as session:
        job = jobs.lock(session, job_id)
        with pytest.raises(InvalidState):
            jobs.retry(session, job, actor=MAX, at=NOON)
        job.position, job.attempts = {"reached": 7}, jobs.ATTEMPTS_MAX
        jobs.finish(job, JobState.FAILED, at=NOON)
        assert jobs.may_undo(job, at=NOON)
        jobs.retry(session, job, actor=MAX, at=NOON)
        assert (job.state, job.position, job.attempts) == (JobState.QUEUED, {"reached": 7}, 0)
        jobs.finish(job, JobState.FAILED, at=NOON)
        jobs.request_undo(session, job, actor=MAX, at=NOON)
        jobs.finish(job, JobState.FAILED, at=NOON)
        assert not jobs.may_undo(job, at=NOON)
        jobs.retry(session, job, actor=MAX, at=NOON)
        assert job.state == JobState.UNDOING
