"""Saved replies in Chromium: chosen by keyboard, put where the cursor is, sent with a form."""

import pytest
from playwright.sync_api import Page, expect

from app.core import clock
from app.core.conversations import lifecycle, messages, saved_replies
from app.core.conversations.appending import NewMessage
from app.core.conversations.saved_replies import ReplyContent
from app.db import Database
from app.models import Contact
from tests import make
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def chat(database: Database) -> int:
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam", phone_number=make.SAMS_NUMBER)
        form = make.form(session, name="Shop offers")
        saved_replies.create(session, ReplyContent("Hours", "We are open till 6."), actor="agent:1", at=clock.now())
        content = ReplyContent("Offers", "sign up here, {name}:", form.id)
        saved_replies.create(session, content, actor="agent:1", at=clock.now())
        found = lifecycle.start(session, sam.id, at=clock.now())
        messages.post(session, found.id, NewMessage("contact", "Hello?"), at=clock.now())
        return found.id


def test_a_saved_reply_is_chosen_by_keyboard_and_sent_with_its_form(
    page: Page, address: str, chat: int, database: Database
) -> None:
    keys, problems = page.keyboard, []
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, address)
    page.goto(f"{address}/inbox/{chat}")
    body, attached = page.get_by_label("Your message"), page.get_by_label("Then send the form Shop offers")
    body.fill("Hello, see you")
    body.evaluate("field => field.setSelectionRange(7, 7)")
    keys.press("Escape")
    keys.press("s")
    search = page.get_by_label("Find a saved reply")
    expect(search).to_be_focused()
    expect(page.locator(".reply-pick")).to_have_count(2)
    keys.type("nothing like it")
    expect(page.locator("#replies-none")).to_be_visible()
    said = page.locator("#replies-dialog").get_by_role("status")
    expect(said).to_have_text("No saved reply matches.")
    search.fill("offers")
    expect(said).to_have_text("Found: 1")
    keys.press("Enter")
    expect(page.locator("#replies-dialog")).to_be_hidden()
    expect(body).to_be_focused()
    expect(body).to_have_value("Hello, sign up here, Sam:see you")
    expect(attached).to_be_checked()

    page.goto(f"{address}/inbox")  # the form belongs to the draft
    page.goto(f"{address}/inbox/{chat}")
    expect(body).to_have_value("Hello, sign up here, Sam:see you")
    expect(attached).to_be_checked()
    page.get_by_label("Internal note").check()
    expect(attached).to_be_hidden()
    page.goto(f"{address}/inbox")  # a draft of a note does not come back as a message to the customer
    page.goto(f"{address}/inbox/{chat}")
    expect(body).to_have_value("Hello, sign up here, Sam:see you")
    expect(page.get_by_label("Internal note")).to_be_checked()
    page.get_by_label("Reply", exact=True).check()
    page.reload()
    expect(page.get_by_label("Reply", exact=True)).to_be_checked()

    with database.unit_of_work() as session:
        session.get_one(Contact, lifecycle.find(session, chat).contact_id).archived_at = clock.now()
    body.press("Control+Enter")
    expect(page.locator("#not-sent")).to_contain_text("archived")
    expect(body).to_have_value("Hello, sign up here, Sam:see you")
    with database.unit_of_work() as session:
        session.get_one(Contact, lifecycle.find(session, chat).contact_id).archived_at = None
    body.press("Control+Enter")
    expect(page.locator(".form-card")).to_have_attribute("data-state", "waiting")
    expect(page.locator(".line-agent .line-text")).to_have_text("Hello, sign up here, Sam:see you")
    expect(body).to_have_value("")
    expect(page.locator("#attached")).to_be_hidden()

    page.get_by_role("link", name="Saved replies").last.click()
    expect(page.locator(".reply-pick")).to_have_count(2)
    expect(search).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    expect(page.get_by_role("link", name="Hours")).to_be_focused()
    keys.press("Enter")
    expect(body).to_have_value("We are open till 6.")
    expect(page.locator("#attached")).to_be_hidden()
    assert problems == []
