"""Exports as jobs: written by the worker, downloaded when they are complete, audited, deleted after 30 days."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.bulk import files
from app.core.bulk import jobs as bulk_jobs
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.exports import jobs, parts
from app.core.exports.parts import Export, Format, What
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import AuditEntry, JobFile, JobKind, JobState
from tests import make
from tests.make import NOON

EXPORT = Export(What.CONTACTS, Format.CSV)


def started(database: Database, export: Export = EXPORT) -> int:
    with database.unit_of_work() as session:
        return jobs.start(session, export, actor="agent:1", at=NOON).id


def test_a_job_writes_what_the_command_prints_and_counts_the_contacts(database: Database) -> None:
    with database.unit_of_work() as session:
        for _ in range(3):
            make.contact(session, phone_number=make.SAMS_NUMBER)
    job_id = started(database)
    run_bulk_jobs.run_until_done(database, job_id)
    with database.unit_of_work() as session:
        job = jobs.find(session, job_id)
        assert (job.state, job.done, job.total, job.is_reading) == (JobState.DONE, 3, 3, True)
        assert jobs.newest(session, limit=5) == [job]
        assert jobs.newest(session, limit=5, before_id=job.id) == []
        file = jobs.download(session, job_id, actor="agent:1", at=NOON)
        assert file == jobs.finished_files(session, [job])[job_id]
        assert (file.name, file.media_type) == (f"contacts-{clock.now().date()}.csv", "text/csv")
    assert b"".join(jobs.read(database, file.id, file.slices)) == b"".join(parts.stream(database, EXPORT))


def test_starting_and_downloading_are_audited(database: Database) -> None:
    job_id = started(database)
    run_bulk_jobs.run_until_done(database, job_id)
    with database.unit_of_work() as session:
        jobs.download(session, job_id, actor="agent:2", at=NOON)
    with database.read_only() as session:
        query = select(AuditEntry).where(AuditEntry.action.like("export.%")).order_by(AuditEntry.id)
        entries = session.scalars(query).all()
        details = {"what": "contacts", "format": "csv", "is_whole": True}
        assert [(each.action, each.actor, each.subject, each.details) for each in entries] == [
            ("export.started", "agent:1", f"bulk_job:{job_id}", details),
            ("export.downloaded", "agent:2", f"bulk_job:{job_id}", details),
        ]


def test_only_a_complete_export_whose_file_is_kept_can_be_downloaded(database: Database) -> None:
    job_id = started(database)
    with database.unit_of_work() as session:
        with pytest.raises(InvalidState):
            jobs.download(session, job_id, actor="agent:1", at=NOON)
        other = bulk_jobs.create(session, JobKind.COUNT, {}, actor="agent:1", at=NOON)
        with pytest.raises(NotFound):
            jobs.find(session, other.id)
    run_bulk_jobs.run_until_done(database, job_id)
    with database.unit_of_work() as session:
        file = session.scalars(select(JobFile)).one()
        assert files.delete_old(session, at=file.created_at + files.KEPT + timedelta(seconds=1)) == 1
        assert jobs.finished_files(session, [jobs.find(session, job_id)]) == {}
        with pytest.raises(NotFound):
            jobs.download(session, job_id, actor="agent:1", at=NOON)
    with pytest.raises(NotFound):
        list(jobs.read(database, file.id, 1))


def test_a_canceled_export_has_no_file_to_download(database: Database) -> None:
    job_id = started(database)
    with database.unit_of_work() as session:
        bulk_jobs.request_cancel(session, bulk_jobs.lock(session, job_id), actor="agent:1", at=NOON)
        with pytest.raises(InvalidState):
            jobs.download(session, job_id, actor="agent:1", at=NOON)


def test_an_export_of_invalid_contacts_is_refused_before_it_starts(database: Database) -> None:
    with database.unit_of_work() as session, pytest.raises(InvalidInput):
        jobs.start(session, Export(What.CONTACTS, Format.CSV, {"contact_ids": []}), actor="agent:1", at=NOON)
