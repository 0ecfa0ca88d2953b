"""Keeps whom a dry run has seen, so that any process can do the next chunk: short hashes in a file of the job."""

import secrets
from array import array
from collections import OrderedDict
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import files
from app.core.imports.seen import Seen
from app.models import BulkJob, FilePurpose, JobFile

_NAME = "people-seen-"
# What this process has read of the files that it read last, by their random name: how many slices, and their hashes.
_CACHED_FILES = 1
_cache: OrderedDict[str, tuple[int, set[int]]] = OrderedDict()


def load(session: Session, job: BulkJob) -> Seen:
    """The people of all earlier chunks."""
    file = _file_of(session, job)
    if file is None:
        return Seen()
    read, known = _cache.pop(file.name, (0, set()))
    for position in range(read, file.slices):
        hashes = array("Q")
        hashes.frombytes(files.slice_at(session, file.id, position) or b"")
        known.update(hashes)
    _cache[file.name] = (file.slices, known)
    while len(_cache) > _CACHED_FILES:
        _cache.popitem(last=False)
    return Seen(known)


def save(session: Session, job: BulkJob, seen: Seen, *, at: datetime) -> None:
    """Keep the people of this chunk."""
    name = _NAME + secrets.token_hex(8)
    file = _file_of(session, job)
    file = file or files.create(session, job, FilePurpose.RESULT, name, "application/octet-stream", at=at)
    files.append_all(session, file, array("Q", seen.added_hashes).tobytes())


def delete(session: Session, job: BulkJob) -> None:
    """Forget them."""
    if (file := _file_of(session, job)) is not None:
        _cache.pop(file.name, None)
        files.delete_one(session, file)


def _file_of(session: Session, job: BulkJob) -> JobFile | None:
    found = files.of_job(session, job.id, FilePurpose.RESULT)
    return next((each for each in found if each.name.startswith(_NAME)), None)
