"""Files of bulk jobs: slices in their order, and how long they are kept."""

from datetime import timedelta

import pytest

from app.core.bulk import files, jobs
from app.core.errors import InvalidInput, NotFound
from app.db import Database
from app.models import FilePurpose, JobFile, JobKind
from tests.make import NOON


def test_a_file_is_read_as_it_was_written_in_slices(database: Database) -> None:
    data = bytes(range(256)) * 3000
    with database.unit_of_work() as session:
        job = jobs.create(session, JobKind.EXPORT, {}, actor="agent:1", at=NOON)
        file = files.create(session, job, FilePurpose.RESULT, "contacts.csv", "text/csv", at=NOON)
        files.append_all(session, file, data)
        files.append(session, file, b"")
        files.append(session, file, b"end")
        assert (file.slices, file.size_bytes) == (3, len(data) + 3)
        assert b"".join(files.read(session, file)) == data + b"end"
        assert b"".join(files.read(session, file, first=2)) == b"end"
        assert files.of_job(session, job.id, FilePurpose.RESULT) == [file]
        assert files.of_job(session, job.id, FilePurpose.UPLOAD) == []
        with pytest.raises(InvalidInput):
            files.append(session, file, b"0" * (files.SLICE_BYTES_MAX + 1))


def test_a_file_is_deleted_with_its_slices_after_thirty_days(database: Database) -> None:
    with database.unit_of_work() as session:
        job = jobs.create(session, JobKind.EXPORT, {}, actor="agent:1", at=NOON)
        old, new = (
            files.create(session, job, FilePurpose.RESULT, "contacts.csv", "text/csv", at=at)
            for at in (NOON, NOON + timedelta(days=1))
        )
        files.append(session, old, b"a")
        old_id = old.id
        late = NOON + files.KEPT + timedelta(hours=1)
        assert (files.delete_old(session, at=late), files.delete_old(session, at=late)) == (1, 0)
        assert files.slice_at(session, old_id, 0) is None
        with pytest.raises(NotFound):
            files.lock(session, old_id)
        assert session.get(JobFile, new.id) is not None
