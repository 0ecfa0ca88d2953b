"""Exports as jobs: started by a person, written by the worker in slices, downloaded for 30 days."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.bulk import files, jobs, selection
from app.core.errors import InvalidState, NotFound
from app.core.exports import parts
from app.core.exports.parts import Export, Format, What
from app.db import Database
from app.models import BulkJob, FilePurpose, JobFile, JobKind, JobState

_MEDIA_TYPES = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}


def start(session: Session, export: Export, *, actor: str, at: datetime) -> BulkJob:
    """Start a job that writes an export. Audited as ``export.started``.

    :raises InvalidInput: the selection is invalid
    """
    parts.check(session, export)
    parameters = {"what": export.what.value, "format": export.format.value, "selection": dict(export.selection)}
    job = jobs.create(session, JobKind.EXPORT, parameters, actor=actor, at=at)
    jobs.start(session, job, at=at)
    record(session, "export.started", export, f"bulk_job:{job.id}", actor=actor, at=at)
    return job


def record(session: Session, action: str, export: Export, subject: str, *, actor: str, at: datetime) -> None:
    """Write an entry of the audit log about an export."""
    details = {"what": export.what.value, "format": export.format.value, "is_whole": export.is_whole}
    audit.record(session, actor, action, subject, details, at=at)


def run(session: Session, job: BulkJob, at: datetime) -> bool:
    """Write the next part of a job's file. Returns whether it was the last one."""
    export = of_job(job)
    file = _file(session, job, export, at=at)
    if job.total is None and export.what in {What.CONTACTS, What.CONSENTS}:
        job.total = selection.count(session, export.selection)
    part = parts.next_part(session, export, job.position)
    files.append_all(session, file, part.data)
    jobs.add_outcomes(job, {jobs.UNCHANGED: part.done})
    job.position = part.position or job.position
    return part.position is None


def of_job(job: BulkJob) -> Export:
    """What a job exports."""
    given: Mapping[str, Any] = job.parameters
    return Export(What(given["what"]), Format(given["format"]), given["selection"])


def newest(session: Session, *, before_id: int | None = None, limit: int) -> list[BulkJob]:
    """The newest exports.

    :param before_id: only exports that were started before this one
    """
    query = select(BulkJob).where(BulkJob.kind == JobKind.EXPORT, BulkJob.state != JobState.DRAFT)
    query = query if before_id is None else query.where(BulkJob.id < before_id)
    return list(session.scalars(query.order_by(BulkJob.id.desc()).limit(limit)))


def find(session: Session, job_id: int) -> BulkJob:
    """An export. :raises NotFound: there is none with this id"""
    job = jobs.find(session, job_id)
    if job.kind != JobKind.EXPORT:
        raise NotFound("Resource Not Found")
    return job


def finished_files(session: Session, exports: list[BulkJob]) -> dict[int, JobFile]:
    """The complete files of these exports that were not deleted yet, by the id of the job."""
    done = [job.id for job in exports if job.state == JobState.DONE]
    query = select(JobFile).where(JobFile.job_id.in_(done), JobFile.purpose == FilePurpose.RESULT)
    return {file.job_id: file for file in session.scalars(query)}


def download(session: Session, job_id: int, *, actor: str, at: datetime) -> JobFile:
    """The complete file of an export, to be read with ``read``. Audited as ``export.downloaded``.

    :raises NotFound: there is no such export, or its file was deleted
    :raises InvalidState: it is not complete
    """
    job = find(session, job_id)
    if job.state != JobState.DONE:
        raise InvalidState("This export is not complete.")
    file = finished_files(session, [job]).get(job.id)
    if file is None:
        raise NotFound("Resource Not Found")
    record(session, "export.downloaded", of_job(job), f"bulk_job:{job.id}", actor=actor, at=at)
    return file


def read(database: Database, file_id: int, slices: int) -> Iterator[bytes]:
    """The slices of a file. Each is read in its own transaction, and only one is in memory.

    :raises NotFound: the file was deleted meanwhile
    """
    for position in range(slices):
        with database.read_only() as session:
            data = files.slice_at(session, file_id, position)
        if data is None:
            raise NotFound("Resource Not Found")
        yield data


def _file(session: Session, job: BulkJob, export: Export, *, at: datetime) -> JobFile:
    """The file of a job that is locked; created with the first part."""
    found = files.of_job(session, job.id, FilePurpose.RESULT)
    if found:
        return found[0]
    name = f"{export.what}-{at.date()}.{export.format}"
    return files.create(session, job, FilePurpose.RESULT, name, _MEDIA_TYPES[export.format], at=at)
