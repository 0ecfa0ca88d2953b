"""The pages of imports without a browser: who may use them, uploads in slices and in one request, encodings."""

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.core.bulk.files import SLICE_BYTES_MAX
from app.core.imports import drafts
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import BulkJob, JobKind, JobState, Role
from tests.core.imports import files
from tests.make import NOON
from tests.web import pages

DATA = files.as_csv([["Name", "Phone"], ["Sam", "+447400123456"]])


@pytest.fixture
def mia(app: Flask) -> FlaskClient:
    """A marketer."""
    pages.make_agent(app, "mia@example.com", name="Mia", role=Role.MARKETER)
    return pages.signed_in(app, "mia@example.com")


def upload(client: FlaskClient, data: bytes, name: str = "people.csv") -> str:
    """Send a file by the plain form; returns the address of the next page."""
    token = pages.csrf_token(client.get("/imports/new").get_data(as_text=True))
    sent = client.post("/imports/new", data={"csrf_token": token, "file": (io.BytesIO(data), name)})
    assert sent.status_code == 303, sent.get_data(as_text=True)
    return str(sent.headers["Location"])


def test_agents_do_not_import_and_strangers_see_nothing(app: Flask, client: FlaskClient, mia: FlaskClient) -> None:
    page = upload(mia, DATA)
    ana = pages.agent(app)
    for path in ("/imports", "/imports/new", page):
        assert mia.get(path).status_code == 200
        assert ana.get(path).status_code == 403
        assert client.get(path).status_code == 302


def test_a_file_arrives_in_slices_and_goes_on_after_an_interruption(mia: FlaskClient, database: Database) -> None:
    data = DATA + b"".join(b"Sam %d,+4474%08d\n" % (i, i) for i in range(30_000))
    token = pages.csrf_token(mia.get("/imports/new").get_data(as_text=True))
    headers = {"X-CSRFToken": token}
    begun = mia.post("/imports/uploads", data={"name": "big.csv", "size": len(data)}, headers=headers).get_json()
    first, rest = data[:SLICE_BYTES_MAX], data[SLICE_BYTES_MAX:]
    send = f"{begun['slices']}?offset="
    assert mia.post(f"{send}0", data=first[:100], headers=headers).status_code == 422
    assert mia.post(f"{send}0", data=first, headers=headers).get_json() == {"received": len(first)}
    assert mia.post(begun["complete"], headers=headers).status_code == 422
    assert mia.post(f"{send}0", data=first, headers=headers).get_json() == {"received": len(first)}
    assert mia.post(f"{send}{len(data)}", data=rest, headers=headers).get_json() == {"received": len(first)}
    assert mia.post(f"{send}{len(first)}", data=rest, headers=headers).get_json() == {"received": len(data)}
    assert mia.post(f"{send}0", data=first).status_code == 400  # without the token of a page
    page = mia.post(begun["complete"], headers=headers).get_json()["next"]
    assert "big.csv" in mia.get(page).get_data(as_text=True)
    too_large = {"name": "a", "size": drafts.UPLOAD_BYTES_MAX + 1}
    assert "command" in mia.post("/imports/uploads", data=too_large, headers=headers).get_json()["problem"]


def test_where_the_encoding_is_not_known_a_person_chooses_by_the_names(mia: FlaskClient) -> None:
    page = upload(mia, "Name;Phone\nZoë;+447400123456\nJosé;+447400123457\n".encode("cp1252"))
    html = mia.get(page).get_data(as_text=True)
    assert "In which of these are all names right?" in html
    assert "Zoë" in html
    assert "ZoÎ" in html  # as an old Mac would read it
    chosen = pages.submit(
        mia, page.replace("columns", "layout"), {"encoding": "mac_roman", "separator": ";"}, page=page
    )
    assert chosen.status_code == 303
    html = mia.get(page).get_data(as_text=True)
    assert "In which of these" not in html
    assert "ZoÎ" in html
    assert "Zoë" not in html


def test_mistakes_are_shown_beside_their_column_and_nothing_runs(mia: FlaskClient, database: Database) -> None:
    page = upload(mia, DATA)
    values = {"existing": "fill", "date_order": "unknown", "consent": "nowhere", "state": "opted_in"}
    answer = pages.submit(mia, page, values | {"column-0": "phone", "column-1": "phone"}, page=page)
    assert answer.status_code == 422
    assert 'id="column-1-error"' in answer.get_data(as_text=True)
    answer = pages.submit(mia, page, values | {"column-0": "name", "column-1": "ignore"}, page=page)
    assert "Choose which column holds the phone number" in answer.get_data(as_text=True)
    answer = pages.submit(mia, page, values | {"column-0": "name", "column-1": "phone"}, page=page)
    assert answer.status_code == 303
    job_id = int(page.split("/")[2])
    assert pages.submit(mia, f"/imports/{job_id}/start", page=f"/imports/{job_id}").status_code == 303
    with database.read_only() as session:
        job = drafts.find(session, job_id)
        assert job.state == JobState.DRAFT  # its dry run has not ended
        check_id = job.parameters["check"]
    run_bulk_jobs.run_until_done(database, check_id)
    pages.submit(mia, f"/imports/{job_id}/start", page=f"/imports/{job_id}")
    run_bulk_jobs.run_until_done(database, job_id)
    assert [each.name for each in files.contacts(database)] == ["Sam"]
    assert pages.submit(mia, f"/imports/{job_id}/discard", page="/imports/new").status_code == 303  # too late
    assert "This import was started before." in mia.get("/imports").get_data(as_text=True)


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"", "Choose a file."), (b"Name,Phone\n", "no rows"), (b"PK\x03\x04not a workbook", "not an Excel workbook")],
)
def test_files_that_cannot_be_imported_are_refused(mia: FlaskClient, data: bytes, problem: str) -> None:
    token = pages.csrf_token(mia.get("/imports/new").get_data(as_text=True))
    sent = mia.post("/imports/new", data={"csrf_token": token, "file": (io.BytesIO(data), "a.csv")})
    assert sent.status_code == 422
    assert problem in sent.get_data(as_text=True)


def test_without_scripts_a_file_that_is_too_large_is_refused_at_its_field_with_the_limit(
    app: Flask, mia: FlaskClient
) -> None:
    for client, is_named in ((mia, True), (app.test_client(), False)):
        answer = client.post("/imports/new", data=bytes(1_100_000), content_type="multipart/form-data; boundary=x")
        assert (answer.status_code, "a file of up to 900 kB can be sent.</p>" in answer.text) == (413, is_named)


def test_the_page_of_an_undone_import_says_how_many_contacts_were_left_alone(
    mia: FlaskClient, database: Database
) -> None:
    page = upload(mia, DATA)
    with database.unit_of_work() as session:
        (job,) = session.scalars(select(BulkJob)).all()
        job.kind, job.state, job.started_at, job.finished_at = JobKind.IMPORT, JobState.UNDONE, NOON, NOON
        job.undo = {
            "done": 9,
            "changed": 0,
            "unchanged": 0,
            "skipped": {"changed_since": 7, "erased": 2},
            "by": "agent:1",
        }
    html = mia.get(page.removesuffix("/columns"), follow_redirects=True).get_data(as_text=True)
    assert "Undone for 0 contacts. 9 contacts were left alone because they changed since then." in html
