"""The page of a bulk job: progress, result by reason, cancel, undo, another attempt."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import audit, clock
from app.core.bulk import jobs
from app.db import Database
from app.models import BulkJob, JobKind, JobState
from tests import make
from tests.web import pages

MAX = "agent:1"


def job(database: Database, kind: JobKind = JobKind.SUBSCRIBE, **values: Any) -> int:
    """The id of a job that was started, with these values."""
    with database.unit_of_work() as session:
        type_id = make.live_type(session, name="Offers").id if kind == JobKind.SUBSCRIBE else None
        parameters = {"selection": {"contact_ids": ["a", "b"]}, "note": "From the till.", "tag": "VIP"}
        made = jobs.create(session, kind, parameters, actor=MAX, at=clock.now(), subscription_type_id=type_id)
        jobs.start(session, made, at=clock.now())
        for name, value in values.items():
            setattr(made, name, value)
        return made.id


def state(database: Database, job_id: int) -> BulkJob:
    with database.read_only() as session:
        return jobs.find(session, job_id)


def finished(database: Database, days_ago: int = 0, **values: Any) -> int:
    counts = {"state": JobState.DONE, "total": 58, "done": 58, "changed": 31, "unchanged": 12}
    ended = {"finished_at": clock.now() - timedelta(days=days_ago), "skipped": {"suppressed": 15}}
    return job(database, **(counts | ended | values))


def test_a_job_that_runs_shows_its_progress_and_what_waits_for_it(max_: FlaskClient, database: Database) -> None:
    running = job(database, state=JobState.RUNNING, total=100_000, done=41_000, changed=41_000)
    waits = job(database, JobKind.TAG)
    html = max_.get(f"/bulk/{running}").text
    assert "Subscribe users: Offers" in html
    assert "41,000 of 100,000 contacts" in html
    assert f'data-poll="/bulk/{running}/progress"' in html
    fragment = max_.get(f"/bulk/{running}/progress").text
    assert "data-unfinished" in fragment
    assert "<html" not in fragment
    waiting = max_.get(f"/bulk/{waits}").text
    assert f'Waits until another job has ended: <a href="/bulk/{running}">Subscribe users: Offers</a>' in waiting
    assert "Waits until another job" not in html
    for each in (running, waits):
        assert pages.submit(max_, f"/bulk/{each}/cancel", page=f"/bulk/{each}").status_code == 303
    assert "Stopping" in max_.get(f"/bulk/{running}").text
    assert state(database, waits).state == JobState.CANCELED
    assert "data-unfinished" not in max_.get(f"/bulk/{waits}/progress").text


def test_a_finished_job_shows_its_result_by_reason_and_is_undone_once(max_: FlaskClient, database: Database) -> None:
    done = finished(database)
    html = max_.get(f"/bulk/{done}").text
    assert "Skipped: the number must not be texted" in html
    assert f'href="/bulk/{done}/contacts?outcome=suppressed"' in html
    assert "31 contacts get the state from before the job" in html
    assert pages.submit(max_, f"/bulk/{done}/undo", page=f"/bulk/{done}").status_code == 303
    assert state(database, done).state == JobState.UNDOING
    assert "0 of 31 contacts" in max_.get(f"/bulk/{done}").text
    again = pages.submit(max_, f"/bulk/{done}/undo", page="/account", follow_redirects=True)
    assert "Only a job that changed contacts and ended in the last 30 days can be undone." in again.text
    with database.read_only() as session:
        acts = audit.find(session, audit.Filter(subject=f"bulk_job:{done}"), limit=9)
        assert [each.action for each in acts] == ["bulk_job.undone", "bulk_job.started"]


def test_an_undo_shows_whom_it_restored_and_whom_it_left_alone(max_: FlaskClient, database: Database) -> None:
    counts = {"done": 31, "changed": 29, "unchanged": 0, "skipped": {"changed_since": 2}, "by": MAX}
    html = max_.get(f"/bulk/{finished(database, state=JobState.UNDONE, undo=counts)}").text
    assert "undo_outcome=restored" in html
    assert "undo_outcome=changed_since" in html
    assert "Undone by" in html


@pytest.mark.parametrize(
    "values",
    [{"days_ago": 31}, {"changed": 0}, {"kind": JobKind.EXPORT, "is_reading": True}],
    ids=["too long ago", "nothing changed", "an export"],
)
def test_undo_is_offered_only_where_something_can_be_undone(
    max_: FlaskClient, database: Database, values: dict[str, Any]
) -> None:
    assert "/undo" not in max_.get(f"/bulk/{finished(database, **values)}").text


def test_a_failed_job_says_what_it_did_and_goes_on(max_: FlaskClient, database: Database) -> None:
    failed = finished(database, state=JobState.FAILED, done=20, error="OperationalError", attempts=5)
    html = max_.get(f"/bulk/{failed}").text
    assert "This job failed." in html
    assert "OperationalError" in html
    assert "/undo" in html
    assert pages.submit(max_, f"/bulk/{failed}/retry", page=f"/bulk/{failed}").status_code == 303
    assert (state(database, failed).state, state(database, failed).attempts) == (JobState.QUEUED, 0)


def test_dry_runs_and_unknown_jobs_have_no_page(max_: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        dry = jobs.create(session, JobKind.TAG, {"dry_run": True}, actor=MAX, at=clock.now())
        jobs.start(session, dry, at=clock.now())
        upload = jobs.create(session, JobKind.IMPORT, {}, actor=MAX, at=clock.now())
        ids = (dry.id, upload.id, 999)
    assert [max_.get(f"/bulk/{each}").status_code for each in ids] == [404, 303, 404]  # an upload has its own page


def test_ana_the_agent_and_eve_the_stranger_see_and_do_nothing(
    app: Flask, ana: FlaskClient, database: Database
) -> None:
    done = finished(database)
    for path in ("/bulk", f"/bulk/{done}", f"/bulk/{done}/progress", f"/bulk/{done}/contacts"):
        assert ana.get(path).status_code == 403
        assert app.test_client().get(path).status_code == 302
    for act in ("cancel", "undo", "retry", "result", "start", "choice"):
        assert pages.submit(ana, f"/bulk/{done}/{act}", page="/account").status_code == 403
        assert app.test_client().post(f"/bulk/{done}/{act}").status_code in {302, 400, 401}
    assert pages.submit(ana, "/contacts/bulk", {"action": "archive", "all": "1"}, page="/account").status_code == 403
    assert state(database, done).state == JobState.DONE
    assert "Bulk changes" not in ana.get("/contacts").text
