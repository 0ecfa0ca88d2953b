"""A marketer brings 1,000 people from another product, sees what would change, imports them and takes it back."""

from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import BulkJob, Consent, Contact
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look
from tests.core.imports import export, files


def run_newest(database: Database) -> int:
    with database.read_only() as session:
        job_id = session.scalars(select(func.max(BulkJob.id))).one()
    run_bulk_jobs.run_until_done(database, job_id)
    return job_id


def test_a_realistic_export_is_checked_imported_and_undone(
    page: Page, address: str, database: Database, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        make.live_type(session)
        make.contact(session, external_id="K00006", name="Old name", phone_number=None)
    file = tmp_path / "klaviyo.csv"
    file.write_bytes(files.as_csv(export.rows()[0]))
    sign_in(page, address)
    page.goto(f"{address}/imports")
    assert in_every_look(page) == []
    page.get_by_role("link", name="Import the first file").click()
    assert in_every_look(page) == []
    page.get_by_label("File with contacts").set_input_files(file)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="What each column is")).to_be_visible()
    expect(page.get_by_label("SMS Marketing Consent", exact=True)).to_have_value("consent")
    expect(page.get_by_label("Phone Number")).to_have_value("phone")
    expect(page.get_by_text("p0@example.com")).to_be_visible()
    page.get_by_label("Plan").select_option("attribute:text")
    page.get_by_label("Overwrite with the file").check()
    page.get_by_label("As a column says").check()
    assert in_every_look(page) == []
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Choose a subscription type.").first).to_be_visible()
    page.get_by_label("Subscription type").select_option(label="Offers")
    page.get_by_label("Where do these consents come from").fill(files.NOTE)
    page.get_by_role("button", name="Check the file").click()

    expect(page.get_by_role("heading", name="Check of the file")).to_be_visible()
    run_newest(database)
    expect(page.get_by_text("This is what would change.")).to_be_visible()
    expect(page.get_by_text("A spreadsheet changed this number")).to_be_visible()
    expect(page.get_by_text("4.479E+11").first).to_be_visible()
    expect(page.get_by_text("Old name")).to_be_visible()
    assert in_every_look(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all refused rows").click()
    assert len(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()) == 61
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1

    page.get_by_role("button", name="Import 940 rows").click()
    expect(page.get_by_text("Waiting")).to_be_visible()
    job_id = run_newest_import(database)
    expect(page.get_by_role("heading", name="Refused rows")).to_be_visible()
    assert in_every_look(page) == []
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 940
    page.locator("summary", has_text="Undo").click()
    page.get_by_role("button", name="Undo this import").click()
    run_bulk_jobs.run_until_done(database, job_id)
    expect(page.get_by_text("Undone for 940 contacts.")).to_be_visible()
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 0
        assert session.scalars(select(Contact.name).where(Contact.archived_at.is_(None))).all() == ["Old name"]


def run_newest_import(database: Database) -> int:
    with database.read_only() as session:
        job_id = session.scalars(select(func.max(BulkJob.id)).where(BulkJob.kind == "import")).one()
    run_bulk_jobs.run_until_done(database, job_id)
    return job_id
