"""Max subscribes all contacts that match, after a preview and a note on where the consent comes from, and undoes it."""

from playwright.sync_api import Page, expect

from app.core.bulk import jobs
from app.db import Database
from app.jobs import run_bulk_jobs
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look

CHOOSE = """token => {
  const form = Object.assign(document.createElement("form"), {method: "post", action: "/contacts/bulk"});
  const values = {csrf_token: token, action: "subscribe", all: "1", q: "Sam"};
  for (const [name, value] of Object.entries(values)) {
    form.append(Object.assign(document.createElement("input"), {name, value}));
  }
  document.body.append(form);
  form.submit();
}"""


def test_max_subscribes_all_that_match_and_undoes_it(address: str, database: Database, page: Page) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, name="Offers")
        make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)
        make.contact(session, name="Sam Stone")
        make.contact(session, name="Eve Stone", phone_number=make.EVES_NUMBER)
    sign_in(page, address)
    page.goto(f"{address}/contacts")
    page.evaluate(CHOOSE, page.locator("[name=csrf_token]").first.input_value())
    page.get_by_label("Offers").check()
    page.get_by_role("button", name="Preview the change").click()
    expect(page.get_by_role("row", name="Will change 1")).to_contain_text("Sam Rivera")
    expect(page.get_by_role("row", name="no phone number")).to_contain_text("Sam Stone")
    start = page.get_by_role("button", name="Change 1 contact")
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
    page.get_by_text("Undo…").click()
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
