"""Imports for tests: a file, decisions about it, and what became of it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from app.core import clock
from app.core.bulk import jobs
from app.core.imports import drafts
from app.core.imports.fields import column_of
from app.core.imports.options import ConsentFrom, Options
from app.core.imports.report import Report, of_job
from app.core.imports.setup import setup_of
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import Consent, ConsentState, Contact

MAX = "agent:1"
NOTE = "Sign-up form at shop.example, exported in May"


def as_csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def upload(database: Database, data: bytes, name: str = "contacts.csv") -> int:
    with database.unit_of_work() as session:
        at = clock.now()
        job = drafts.create(session, name, len(data), actor=MAX, at=at)
        drafts.receive_all(session, job, [data])
        drafts.complete(session, job, at=at)
        return job.id


def decide(database: Database, job_id: int, columns: Sequence[str] | None = None, **options: Any) -> int:
    """Decide about a draft and run its dry run; returns the id of the dry run."""
    with database.unit_of_work() as session:
        job, at = drafts.lock(session, job_id), clock.now()
        setup = setup_of(job.parameters)
        chosen = replace(setup.options, **options)
        drafts.decide(session, job, [column_of(each) for each in columns] if columns else setup.columns, chosen, at=at)
        check_id = drafts.start_check(session, job, actor=MAX, at=at).id
    run_bulk_jobs.run_until_done(database, check_id)
    return check_id


def start(database: Database, job_id: int) -> Report:
    with database.unit_of_work() as session:
        drafts.start(session, drafts.lock(session, job_id), at=clock.now())
    run_bulk_jobs.run_until_done(database, job_id)
    return report(database, job_id)


def run(database: Database, data: bytes, columns: Sequence[str] | None = None, **options: Any) -> tuple[int, Report]:
    """Import a file. Its dry run must have said what the import did."""
    job_id = upload(database, data)
    expected = report(database, decide(database, job_id, columns, **options))
    done = start(database, job_id)
    assert replace(done, examples={}) == replace(expected, examples={})
    return job_id, done


def undo(database: Database, job_id: int) -> dict[str, Any]:
    with database.unit_of_work() as session:
        jobs.request_undo(session, jobs.lock(session, job_id), actor=MAX, at=clock.now())
    run_bulk_jobs.run_until_done(database, job_id)
    with database.read_only() as session:
        return jobs.find(session, job_id).undo or {}


def report(database: Database, job_id: int) -> Report:
    with database.read_only() as session:
        return of_job(jobs.find(session, job_id))


def opted_in(**values: Any) -> dict[str, Any]:
    return {"consent": ConsentFrom.ALL, "state": ConsentState.OPTED_IN, "note": NOTE} | values


def contacts(database: Database) -> list[Contact]:
    with database.read_only() as session:
        return list(session.scalars(select(Contact).order_by(Contact.id)))


def consents(database: Database) -> dict[int, str]:
    """The state of each contact's consent."""
    with database.read_only() as session:
        return {each.contact_id: each.state for each in session.scalars(select(Consent))}


OPTIONS = Options()
