"""A claim holds for its lease, and not where it is from the future."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import ColumnElement, select

from app.core import leases
from app.db import Database
from app.models import BulkJob, JobKind
from tests.make import NOON

LEASE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("claimed_at", "holds"),
    [
        (None, False),
        (NOON - LEASE - SECOND, False),
        (NOON - LEASE, True),
        (NOON, True),
        (NOON + LEASE, True),
        (NOON + LEASE + SECOND, False),
    ],
)
def test_a_claim_holds_in_sql_as_in_python(database: Database, claimed_at: datetime | None, *, holds: bool) -> None:
    with database.unit_of_work() as session:
        job = BulkJob(kind=JobKind.COUNT, state="queued", is_reading=True, parameters={}, created_by="agent:1")
        job.created_at, job.claimed_at = NOON, claimed_at
        session.add(job)
        session.flush()

        def is_found(rule: ColumnElement[bool]) -> bool:
            return session.scalar(select(BulkJob.id).where(rule)) is not None

        assert is_found(leases.is_free(BulkJob.claimed_at, LEASE, at=NOON)) is not holds
        assert is_found(leases.is_over(BulkJob.claimed_at, LEASE, at=NOON)) is (claimed_at is not None and not holds)
        assert leases.holds(claimed_at, LEASE, at=NOON) is holds
