"""Jobs that subscribe and unsubscribe contacts, run as the worker runs them."""

from typing import Any

import pytest

from app.core.bulk import changes, consent_steps, jobs
from app.core.bulk.changes import Change
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import Contact, JobKind, JobState, SubscriptionType
from tests import make

MAX = "agent:1"


def run(database: Database, kind: JobKind, *, is_dry_run: bool = False, **values: Any) -> int:
    with database.unit_of_work() as session:
        change = Change(kind, {"query": None}, note="a paper list", is_dry_run=is_dry_run, **values)
        job_id = changes.create(session, change, actor=MAX, at=make.NOON).id
    run_bulk_jobs.run_until_done(database, job_id)
    return job_id


def undo(database: Database, job_id: int) -> None:
    with database.unit_of_work() as session:
        job = jobs.lock(session, job_id)
        jobs.request_undo(session, job, actor="agent:2", at=job.finished_at or make.NOON)
    run_bulk_jobs.run_until_done(database, job_id)


def test_a_job_goes_through_all_contacts_in_chunks_and_counts_by_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_steps, "CHUNK", 2)
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        people = [make.contact(session, phone_number=f"+1202555{100 + n:04}") for n in range(4)]
        nobody = make.contact(session)
        make.opt_out(session, people[0], offers)
    preview = run(database, JobKind.SUBSCRIBE, subscription_type_id=offers.id, is_dry_run=True)
    job_id = run(database, JobKind.SUBSCRIBE, subscription_type_id=offers.id)
    with database.read_only() as session:
        for each in (preview, job_id):
            job = jobs.find(session, each)
            assert (job.state, job.total, job.done, job.changed) == (JobState.DONE, 5, 5, 3)
            assert job.skipped == {"opted_out": 1, "no_phone": 1}
        examples = jobs.find(session, preview).position["examples"]
        assert examples == {
            "opted_out": [people[0].id],
            "changed": [each.id for each in people[1:]],
            "no_phone": [nobody.id],
        }
    undo(database, job_id)
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        assert (job.state, job.undo["changed"], job.undo["skipped"]) == (JobState.UNDONE, 3, {})  # type: ignore[index]
        assert session.get(SubscriptionType, offers.id)
        assert session.get(Contact, nobody.id)
