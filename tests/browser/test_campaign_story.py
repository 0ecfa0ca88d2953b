"""Max writes a campaign, previews and tests it, schedules it, sends it, pauses and resumes it, and reads the report."""

from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.config import Settings
from app.core import clock
from app.db import Database
from app.jobs import run_campaigns, send_sms
from app.models import SmsMessage
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look


def send_what_is_due(settings: Settings, database: Database) -> None:
    """What the worker does, with the sandbox as gateway."""
    sender = send_sms.sender(settings, database)
    sender.round()
    while sender.is_busy:
        sender.round()
    run_campaigns.Follower(database).step()


def test_max_sends_a_campaign(workspace: Settings, address: str, database: Database, page: Page) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session, name="Offers")
        for name, number in (("Sam Rivera", make.SAMS_NUMBER), ("Ana Silva", "+12025550142")):
            make.opt_in(session, make.contact(session, name=name, phone_number=number), offers)
        make.contact(session, name="Eve Stone", phone_number=make.EVES_NUMBER)
    sign_in(page, address)

    page.goto(f"{address}/campaigns")
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name", exact=True).fill("Winter sale")
    page.get_by_label("Text", exact=True).fill("Hi {{ first_name | there }}, it’s our winter sale.")
    check = page.locator("#check")
    expect(check).to_contain_text("These characters make the text more expensive:")
    expect(check).to_contain_text("Hi Sam, it’s our winter sale.")
    said = page.locator("form + [role=status]")
    expect(said).to_have_text("2 segments")
    page.get_by_label("Text", exact=True).press_sequentially(" {{")
    expect(said).to_contain_text("Close the variable")
    for _ in range(3):
        page.keyboard.press("Backspace")
    expect(said).to_have_text("2 segments")
    assert in_every_look(page) == []
    page.get_by_role("button", name="Use plain characters").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Hi {{ first_name | there }}, it's our winter sale.")
    expect(check).to_contain_text("1 segment")
    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_role("status").first).to_contain_text("Nothing is sent yet.")

    expect(page.locator(".reach")).to_contain_text("2 people of 3 contacts get the text.")
    page.get_by_role("link", name="Show the contacts: Has not opted in").click()
    expect(page.get_by_role("table")).to_contain_text("Eve Stone")
    page.go_back()
    page.get_by_label("Why not this person?").fill(make.EVES_NUMBER)
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("main")).to_contain_text("Has not opted in")
    page.get_by_role("link", name="Winter sale").click()
    page.get_by_label("Phone number").fill(make.EVES_NUMBER)
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("status").first).to_contain_text("The test is on its way.")

    page.get_by_label("Date and time").fill((clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT09:30"))
    page.get_by_role("button", name="Schedule").click()
    expect(page.locator("#send-title").locator("..")).to_contain_text("Scheduled for")
    page.locator("summary", has_text="Send now").click()
    page.get_by_role("button", name="Send to 2 people").click()
    expect(page.locator("#progress .state")).to_have_text("Starting")
    campaign_id = int(page.url.rpartition("/")[2])

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#progress .state")).to_have_text("Paused")
    assert in_every_look(page) == []
    page.get_by_role("button", name="Resume").click()
    run_campaigns.run_until_sending(database, campaign_id)
    expect(page.locator("#progress")).to_contain_text("0 of 2 people")
    send_what_is_due(workspace, database)
    expect(page.locator("#progress .state")).to_have_text("Sent")
    expect(page.get_by_role("row", name="Delivered")).to_contain_text("2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    assert make.SAMS_NUMBER in download.value.path().read_text("utf-8")
    page.get_by_role("link", name="Campaigns", exact=True).first.click()
    expect(page.get_by_role("row", name="Winter sale")).to_contain_text("Sent")
    with database.read_only() as session:
        bodies = [each.body for each in session.scalars(select(SmsMessage).order_by(SmsMessage.id))]
    assert bodies[0] is not None
    assert bodies[0].startswith("[Test] Harbour Coffee: Hi")
