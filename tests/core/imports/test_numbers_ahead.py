"""The process that reads the numbers of an import's next chunk."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC
from typing import Any, cast

import pytest

from app.core import clock
from app.core.imports import drafts, numbers, numbers_ahead, rows_ahead
from app.core.imports.fields import column_of
from app.core.imports.options import Options
from app.core.imports.reading import FileRow
from app.core.imports.rows import RowReader
from app.core.phone import StoredNumber
from app.db import Database
from app.jobs import run_bulk_jobs
from tests import make
from tests.core.imports import files

JOB = 77


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """No process stays."""
    yield
    for job_id in list(numbers_ahead._processes):
        numbers_ahead.close(job_id)


def test_numbers_that_are_read_ahead_are_those_that_would_be_read_here() -> None:
    numbers_ahead.ask(JOB, [], may_start=False)
    assert numbers_ahead.take(JOB) == {}
    numbers_ahead.ask(JOB, [], may_start=True)
    assert numbers_ahead.take(JOB) == {}  # it is not waited for
    asked = [("07400 123456", "GB"), ("+447400123457", None), ("4.479E+11", "GB"), ("Zoë “Z”", "GB"), ("", None)]
    assert taken(asked) == {each: numbers.read(each[0], region=each[1]) for each in asked[:2]}
    assert numbers_ahead.take(JOB) == {}
    assert taken(asked[:1]).keys() == set(asked[:1])


def test_a_process_that_was_killed_is_replaced_and_its_numbers_are_read_here() -> None:
    numbers_ahead.ask(JOB, [], may_start=True)
    taken([("+447400123457", None)])
    killed = numbers_ahead._processes[JOB]._process
    killed.kill()
    killed.wait()
    numbers_ahead.ask(JOB, [("+447400123457", None)], may_start=True)
    assert numbers_ahead.take(JOB) == {}
    assert JOB not in numbers_ahead._processes
    numbers_ahead.ask(JOB, [], may_start=True)
    assert taken([("+447400123457", None)])


def test_a_number_that_was_read_ahead_is_not_read_again() -> None:
    known = numbers.read("07400 123456", region="GB")
    columns, options = [column_of("email"), column_of("phone")], Options(default_country="GB")
    reader = RowReader(columns, options, UTC, make.NOON, known={("07400 123456", "GB"): known})
    assert reader.read(FileRow(2, 0, 30, ["sam@example.com", " 07400 123456 "])).phone is known


def test_the_process_ends_when_the_one_that_started_it_does() -> None:
    command = [sys.executable, "-P", "-m", numbers_ahead.__name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.communicate(timeout=60)[0] == b"[]\n"
    assert process.returncode == 0


def test_the_process_ends_quietly_when_the_one_that_started_it_is_killed_before_the_answer() -> None:
    command = [sys.executable, "-P", "-m", numbers_ahead.__name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        stdin, stdout, stderr = cast(Any, (process.stdin, process.stdout, process.stderr))
        stdout.readline()
        stdin.write(json.dumps([[f"+1212{2000000 + number}", "US"] for number in range(2000)]).encode() + b"\n")
        stdin.close()
        stdout.close()
        assert stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE


def test_an_import_whose_numbers_are_read_ahead_does_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    monkeypatch.setattr(rows_ahead, "ROWS_MAX", 4)
    monkeypatch.setattr(rows_ahead, "_AHEAD_BYTES_MIN", 0)
    rows = [[f"p{i}@example.com", "4.479E+11" if i == 13 else f"07400 1234{i:02d}"] for i in range(24)]
    job_id = files.upload(database, files.as_csv([["Email", "Phone"], *rows]))
    files.decide(database, job_id, default_country="GB", **files.opted_in(subscription_type_id=type_id))
    with database.unit_of_work() as session:
        drafts.start(session, drafts.lock(session, job_id), at=clock.now())
    while run_bulk_jobs.run_part(database, job_id, "first", seconds=0):
        if process := numbers_ahead._processes.get(job_id):
            assert not process._owes_answer or process._is_answered(60)
    report = files.report(database, job_id)
    assert (report.groups, report.refused) == ({"new": 23}, {"number_destroyed": 1})
    wanted = {f"+4474001234{i:02d}" for i in range(24) if i != 13}
    assert {each.phone for each in files.contacts(database)} == wanted
    assert job_id not in numbers_ahead._processes


def taken(asked: list[numbers_ahead.Asked]) -> dict[numbers_ahead.Asked, StoredNumber]:
    """Ask until the process is ready, and take its answer."""
    process, until_s = numbers_ahead._processes[JOB], time.monotonic() + 60
    while not process._is_answered(1) and time.monotonic() < until_s and process._owes_answer:
        continue
    numbers_ahead.ask(JOB, asked, may_start=False)
    process._is_answered(60)  # it is given less time
    return dict(numbers_ahead.take(JOB))
