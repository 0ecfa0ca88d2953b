"""Max saves a filter as a segment, subscribes its contacts after a preview and a note, and undoes it."""

from urllib.parse import quote

from playwright.sync_api import Page, expect

from app.core.bulk import jobs
from app.db import Database
from app.jobs import run_bulk_jobs
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look

NAMED_SAM = '{"field":"name","operator":"~","value":"Sam"}'


def test_max_subscribes_a_segment_and_undoes_it(address: str, database: Database, page: Page) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, name="Offers")
        make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)
        make.contact(session, name="Sam Stone")
        make.contact(session, name="Eve Stone", phone_number=make.EVES_NUMBER)
    sign_in(page, address)
    page.goto(f"{address}/contacts?filter={quote(NAMED_SAM)}")
    page.get_by_label("Name of the segment").fill("Everyone called Sam")
    page.get_by_role("button", name="Save as segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everyone called Sam")
    page.get_by_label("All 2 that match").check()
    page.locator("#bulk").get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Subscribe users", exact=True).click()
    expect(page.locator(".lede")).to_contain_text("The segment “Everyone called Sam”")
    page.get_by_text("Offers", exact=True).click()
    page.get_by_role("button", name="Preview the change").click()
    expect(page.get_by_role("row", name="Will change 1")).to_contain_text("Sam Rivera")
    expect(page.get_by_role("row", name="no phone number")).to_contain_text("Sam Stone")
    start = page.get_by_role("button", name="Subscribe 1 contact")
    start.click()
    note = page.get_by_label("Where does this consent come from?")
    expect(note).to_have_attribute("aria-invalid", "true")
    assert in_every_look(page) == []
    note.fill("Signed up at the fair.")
    start.click()
    status = page.locator("#progress .state")
    expect(status).to_have_text("Waiting")
    page.reload()
    expect(status).to_have_text("Waiting")
    expect(page.get_by_role("link", name="Refresh")).to_be_hidden()
    job_id = int(page.url.rpartition("/")[2])
    run_bulk_jobs.run_until_done(database, job_id)
    expect(status).to_have_text("Done")
    page.locator("summary", has_text="Undo").click()
    expect(page.get_by_text("1 contact gets the state from before the job")).to_be_visible()
    page.get_by_role("button", name="Undo this change").click()
    expect(status).to_have_text("Undoing")
    run_bulk_jobs.run_until_done(database, job_id)
    expect(status).to_have_text("Undone")
    page.get_by_role("link", name="Show the contacts: Restored").click()
    expect(page.get_by_role("table")).to_contain_text("Sam Rivera")
    with database.read_only() as session:
        assert jobs.find(session, job_id).undo == {
            "done": 1,
            "changed": 1,
            "unchanged": 0,
            "skipped": {},
            "by": "agent:1",
        }
