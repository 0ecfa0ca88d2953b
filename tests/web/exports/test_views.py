"""The page of exports: who may use it, what it starts, and the file that it sends."""

import csv
import io
import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import AuditEntry, BulkJob, JobState, Role
from tests import make
from tests.web import pages

PATH = "/exports"


@pytest.fixture
def mia(app: Flask) -> FlaskClient:
    """A marketer."""
    pages.make_agent(app, "mia@example.com", name="Mia", role=Role.MARKETER)
    return pages.signed_in(app, "mia@example.com")


def newest_job(database: Database) -> BulkJob:
    with database.read_only() as session:
        return session.scalars(select(BulkJob).order_by(BulkJob.id.desc())).first() or BulkJob()


def test_a_marketer_starts_an_export_and_downloads_its_file(mia: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER).public_id
    assert "No exports yet" in mia.get(PATH).get_data(as_text=True)
    assert pages.submit(mia, PATH, {"what": "contacts", "format": "csv", "segment": ""}).status_code == 303
    job = newest_job(database)
    assert "data-unfinished" in mia.get(PATH).get_data(as_text=True)
    assert pages.submit(mia, f"{PATH}/{job.id}/file", page=PATH).status_code == 409
    run_bulk_jobs.run_until_done(database, job.id)
    html = mia.get(PATH).get_data(as_text=True)
    assert f'action="{PATH}/{job.id}/file"' in html
    assert "data-unfinished" not in html
    answer = pages.submit(mia, f"{PATH}/{job.id}/file", page=PATH)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="contacts-')
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_length == len(answer.data)
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert (row["id"], row["phone"]) == (sam, f"'{make.SAMS_NUMBER}")
    assert mia.get(f"{PATH}/{job.id}/file").status_code == 405
    with database.read_only() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("export.%"))).all()
        assert sorted(actions) == ["export.downloaded", "export.started"]


def test_the_selection_of_the_list_is_what_is_exported(mia: FlaskClient, database: Database) -> None:
    query = {"field": "role", "operator": "=", "value": "user"}
    sent = {"filter": json.dumps(query), "q": "sam"}
    cases = [
        ({"contact": ["a" * 24, "b" * 24]}, {"contact_ids": ["a" * 24, "b" * 24]}),
        ({**sent, "contact": "a" * 24, "all": "1"}, {"query": query, "q": "sam"}),
        (sent, {"query": query, "q": "sam"}),
        ({}, {"query": None, "q": ""}),
    ]
    for fields, selection in cases:
        assert pages.submit(mia, PATH, fields).status_code == 303
        job = newest_job(database)
        assert job.parameters == {"what": "contacts", "format": "csv", "selection": selection}
    html = mia.get(PATH, query_string={"contact": "a" * 24}).get_data(as_text=True)
    assert f'<input type="hidden" name="contact" value="{"a" * 24}">' in html
    assert "1 selected contact" in html


def test_an_invalid_filter_or_kind_starts_nothing(mia: FlaskClient, database: Database) -> None:
    for fields in ({"filter": "{"}, {"filter": '{"field":"nonsense"}'}, {"what": "secrets"}, {"segment": "0" * 24}):
        answer = pages.submit(mia, PATH, fields)
        assert answer.status_code == 422, fields
        assert 'class="summary"' in answer.get_data(as_text=True)
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(BulkJob)) == 0


def test_an_export_can_be_stopped(mia: FlaskClient, database: Database) -> None:
    pages.submit(mia, PATH, {})
    job_id = newest_job(database).id
    assert pages.submit(mia, f"{PATH}/{job_id}/cancel", page=PATH).status_code == 303
    assert newest_job(database).state == JobState.CANCELED
    assert pages.submit(mia, f"{PATH}/{job_id}/cancel", page=PATH).status_code == 409


def test_an_agent_may_not_export(app: Flask, database: Database) -> None:
    ana = pages.agent(app)
    assert ana.get(PATH).status_code == 403
    assert pages.submit(ana, PATH, {}, page="/contacts").status_code == 403
    assert pages.submit(ana, f"{PATH}/1/file", page="/contacts").status_code == 403
    assert pages.submit(ana, f"{PATH}/1/cancel", page="/contacts").status_code == 403
