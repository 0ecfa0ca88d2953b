"""Files of bulk jobs, in slices of at most 512 kB: uploads and results. Web and worker may be on two machines."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.errors import InvalidInput, NotFound
from app.models import BulkJob, FilePurpose, JobFile, JobFileSlice

SLICE_BYTES_MAX = 512 * 1024
KEPT = timedelta(days=30)


def create(
    session: Session, job: BulkJob, purpose: FilePurpose, name: str, media_type: str, *, at: datetime
) -> JobFile:
    """An empty file of a job."""
    made = JobFile(
        job_id=job.id, purpose=purpose, name=name, media_type=media_type, size_bytes=0, slices=0, created_at=at
    )
    session.add(made)
    session.flush()
    return made


def append(session: Session, file: JobFile, data: bytes) -> None:
    """Add a slice at the end of a file that is locked, or that only this transaction knows.

    :raises InvalidInput: the slice is larger than ``SLICE_BYTES_MAX``
    """
    if len(data) > SLICE_BYTES_MAX:
        raise InvalidInput("A slice has at most %(most)s bytes.", field="file", most=SLICE_BYTES_MAX)
    if data:
        session.add(JobFileSlice(file_id=file.id, position=file.slices, data=data))
        file.slices, file.size_bytes = file.slices + 1, file.size_bytes + len(data)
        session.flush()


def append_all(session: Session, file: JobFile, data: bytes) -> None:
    """Add data of any size at the end of a file, in as many slices as it takes."""
    for begin in range(0, len(data), SLICE_BYTES_MAX):
        append(session, file, data[begin : begin + SLICE_BYTES_MAX])


def lock(session: Session, file_id: int) -> JobFile:
    """A file, locked. :raises NotFound: there is none, or it was deleted"""
    query = select(JobFile).where(JobFile.id == file_id).with_for_update()
    file = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if file is None:
        raise NotFound("Resource Not Found")
    return file


def of_job(session: Session, job_id: int, purpose: FilePurpose) -> list[JobFile]:
    """The files of a job, in the order of their creation."""
    query = select(JobFile).where(JobFile.job_id == job_id, JobFile.purpose == purpose)
    return list(session.scalars(query.order_by(JobFile.id)))


def slice_at(session: Session, file_id: int, position: int) -> bytes | None:
    """One slice; null behind the last one."""
    query = select(JobFileSlice.data).where(JobFileSlice.file_id == file_id, JobFileSlice.position == position)
    return session.scalars(query).one_or_none()


def read(session: Session, file: JobFile, *, first: int = 0) -> Iterator[bytes]:
    """The slices of a file from one on, one in memory at a time.

    :raises NotFound: a slice is missing, because the file was deleted meanwhile
    """
    for position in range(first, file.slices):
        data = slice_at(session, file.id, position)
        if data is None:
            raise NotFound("Resource Not Found")
        yield data


def delete_one(session: Session, file: JobFile) -> None:
    session.execute(delete(JobFileSlice).where(JobFileSlice.file_id == file.id))
    session.execute(delete(JobFile).where(JobFile.id == file.id))


def delete_old(session: Session, *, at: datetime) -> int:
    """Delete the oldest file that was made more than 30 days ago. Returns how many: one or none."""
    oldest = select(JobFile).where(JobFile.created_at < at - KEPT).order_by(JobFile.created_at).limit(1)
    file = session.scalars(oldest).one_or_none()
    if file is None:
        return 0
    delete_one(session, file)
    return 1
