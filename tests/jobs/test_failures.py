"""Errors of the worker's jobs are recorded for the admins."""

import threading

import pytest
from huey import MemoryHuey

from app.config import Settings
from app.core.problems import failures as recorded
from app.db import Database
from app.jobs import failures, housekeeping, route_outbox, worker
from app.models import Failure, FailureKind


def jobs(database: Database) -> list[tuple[str, int, str]]:
    with database.read_only() as session:
        found: list[Failure] = recorded.find_all(session, FailureKind.JOB)
        return [(each.name, each.count, each.problem) for each in found]


def test_a_job_of_the_queue_that_fails_is_recorded_by_its_name(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_database: Database) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(housekeeping, "delete_expired", fail)
    queue = MemoryHuey("assent", results=False)
    worker.schedule(queue, database, settings)
    task = next(each for each in queue._registry.periodic_tasks if each.name == "delete_expired")
    for _ in range(2):
        queue.execute(task)
    assert jobs(database) == [("delete_expired", 2, "OSError: disk full")]


def test_a_sweep_of_the_outbox_that_fails_is_recorded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()

    def fail(_database: Database, *, pushes_consents: bool) -> int:
        stopping.set()
        raise ValueError("no such topic")

    monkeypatch.setattr(route_outbox, "sweep_outbox", fail)
    monkeypatch.setattr(route_outbox, "EVERY_S", 0)
    route_outbox.run(database, stopping)
    assert jobs(database) == [("route_outbox", 1, "ValueError: no such topic")]


class _Broken:
    def unit_of_work(self) -> None:
        raise OSError("the database is gone")


def test_a_failure_that_cannot_be_recorded_ends_no_thread() -> None:
    failures.record(_Broken(), "route_outbox", OSError())  # type: ignore[arg-type]
