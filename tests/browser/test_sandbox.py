"""Max answers a text in the inbox while the phone of the sandbox is open beside it, and the phone says STOP."""

from playwright.sync_api import Page, expect

from app.db import Database
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look
from tests.make import SAMS_NUMBER


def test_a_phone_texts_and_stops_beside_the_conversation(address: str, database: Database, page: Page) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session, name="News")
        make.opt_in(session, make.contact(session, name="Sam Rivera", phone_number=SAMS_NUMBER), news)
    sign_in(page, address)
    phone = page.context.new_page()
    phone.goto(f"{address}/sandbox")
    phone.get_by_role("link", name="Sam Rivera").first.click()
    phone.get_by_label("Text", exact=True).fill("Are you open on Sunday?")
    phone.get_by_role("button", name="Send", exact=True).click()
    page.goto(f"{address}/inbox")
    page.get_by_role("link", name="Are you open on Sunday?").click()
    expect(page.locator("#chat-head")).to_contain_text("SMS")
    page.get_by_label("Your message").fill("Yes, from nine.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#lines")).to_contain_text("Waiting to be sent as a text")
    expect(phone.locator("#phone-texts")).to_contain_text("Yes, from nine.")  # without a reload
    assert in_every_look(page) == []
    phone.get_by_role("button", name="STOP").click()
    expect(phone.locator("#phone-texts")).to_contain_text("You are unsubscribed")
    assert in_every_look(phone) == []
    page.reload()
    expect(page.locator("#reply")).to_contain_text("This number asked not to be texted")
    phone.get_by_role("button", name="START").click()
    expect(phone.locator("#phone-texts")).to_contain_text("You get our texts again: News")
    phone.get_by_label("Text", exact=True).fill("leave me alone")
    phone.get_by_role("button", name="Send", exact=True).click()
    page.goto(f"{address}/number-reviews")
    expect(page.get_by_role("table")).to_contain_text("leave me alone")
    page.get_by_text("Decide", exact=True).click()
    assert in_every_look(page) == []
