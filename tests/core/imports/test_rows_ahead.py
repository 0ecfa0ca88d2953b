"""Rows that are read while the chunk before is written."""

import pytest

from app.core.bulk import jobs
from app.core.imports import rows_ahead
from app.core.imports.rows import Row
from app.core.imports.rows_ahead import Chunk, Chunks
from app.core.imports.setup import setup_of
from app.db import Database
from app.models import JobFile
from tests import make
from tests.core.imports import files


def test_rows_are_read_once_and_used_where_the_job_is(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_ahead, "ROWS_MAX", 2)
    job_id = files.upload(database, files.as_csv([["Email"], *([f"p{number}@example.com"] for number in range(5))]))
    with database.unit_of_work() as session:
        job = jobs.find(session, job_id)
        setup = setup_of(job.parameters)
        chunks = Chunks(session, job, session.get_one(JobFile, setup.file_id), setup, make.NOON)
        first = chunks.current()
        second = chunks.begin_next(first)
        chunks.read_ahead(second)
        assert addresses(chunks.current()) == ["p0@example.com", "p1@example.com"]  # the first chunk is repeated
        chunks.read_ahead(second)
        job.position = {"offset": first.rows[-1].end, "number": first.rows[-1].number + 1}
        assert chunks.current() is second
        assert second is not None
        assert addresses(second) == ["p2@example.com", "p3@example.com"]
        last = chunks.begin_next(second)
        assert last is not None
        assert chunks.begin_next(last) is None
        again = chunks.current()
        assert again is not second
        assert addresses(again) == addresses(second)


def addresses(chunk: Chunk) -> list[str]:
    return [row.values["email"] for _, row in chunk.read if isinstance(row, Row)]
