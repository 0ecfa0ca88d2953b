"""Failures of jobs and mails are counted, cleared, and forgotten."""

from datetime import timedelta

from sqlalchemy import select

from app.core.problems import failures
from app.db import Database
from app.models import AuditEntry, FailureKind
from tests.make import NOON

LATER = NOON + timedelta(hours=1)


def test_a_failure_that_repeats_is_counted_with_its_last_problem(database: Database) -> None:
    with database.unit_of_work() as session:
        failures.record(session, FailureKind.JOB, "purge", ValueError("first"), at=NOON)
        failures.record(session, FailureKind.JOB, "purge", OSError("second\nwith details"), at=LATER)
        failures.record(session, FailureKind.MAIL, "purge", KeyError(), at=NOON)
        (job,) = failures.find_all(session, FailureKind.JOB)
        assert (job.name, job.count, job.first_at, job.last_at) == ("purge", 2, NOON, LATER)
        assert job.problem == "OSError: second"
        assert [each.problem for each in failures.find_all(session, FailureKind.MAIL)] == ["KeyError"]
        assert failures.names_since(session, FailureKind.JOB, NOON) == {"purge"}
        assert failures.names_since(session, FailureKind.JOB, LATER) == set()


def test_a_problem_is_one_short_line_without_numbers_and_addresses(database: Database) -> None:
    error = ValueError("sam@example.com wrote from +12025550123\0 " + "x" * 500 + "\n[parameters: secret]")
    with database.unit_of_work() as session:
        failures.record(session, FailureKind.JOB, "n" * 500, error, at=NOON)
        (job,) = failures.find_all(session, FailureKind.JOB)
        assert job.problem.startswith("ValueError: [email] wrote from [phone] xxx")
        assert (len(job.name), len(job.problem)) == (254, 300)


def test_an_admin_clears_a_failure_and_the_audit_log_names_no_address(database: Database) -> None:
    with database.unit_of_work() as session:
        failures.record(session, FailureKind.MAIL, "eve@example.com", OSError("refused"), at=NOON)
        for _ in range(2):
            failures.clear(session, "mail", "eve@example.com", actor="agent:1", at=NOON)
        assert failures.find_all(session, FailureKind.MAIL) == []
        cleared = session.scalars(select(AuditEntry).where(AuditEntry.action == "failure.cleared")).all()
        assert [(each.actor, each.subject, each.details) for each in cleared] == [("agent:1", "failure:mail", {})]


def test_failures_are_forgotten_30_days_after_the_last_one(database: Database) -> None:
    with database.unit_of_work() as session:
        for name, at in (("old", NOON), ("repeated", NOON), ("repeated", LATER)):
            failures.record(session, FailureKind.JOB, name, OSError(), at=at)
        assert failures.delete_old(session, at=LATER + failures.KEEP) == 1
        assert [each.name for each in failures.find_all(session, FailureKind.JOB)] == ["repeated"]
