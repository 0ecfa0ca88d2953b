"""The inbox in Chromium by the keyboard alone, and its form picker."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.core.forms.content import FormText
from app.db import Database
from app.models import Contact
from tests import make
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.databases("sqlite")
CONVERSATIONS = 300


@pytest.fixture
def chats(database: Database) -> list[int]:
    """300 conversations, the newest first. Two forms, of which the first contact has opted in to one."""
    made = []
    with database.unit_of_work() as session:
        offers = make.live_type(session, name="Offers")
        texts = {
            "en": FormText("Offers by text", "Count me in", "You agree to get texts."),
            "de": FormText("Angebote per SMS", "Ich bin dabei", "Sie stimmen zu."),
        }
        make.form(session, offers, name="Shop offers", texts=texts)
        tastings = make.live_type(session, name="Tastings")
        make.form(session, tastings, name="Tasting list")
        for number in range(CONVERSATIONS):
            contact = make.contact(session, name=f"Person {number}", phone_number=f"+1202555{1000 + number}")
            chat = lifecycle.start(session, contact.id, at=clock.now())
            messages.post(session, chat.id, NewMessage("contact", f"Hello {number}"), at=clock.now())
            made.append(chat.id)
        contact.locale = "de"
        make.opt_in(session, contact, tastings)
    return made[::-1]


@pytest.fixture
def max_(page: Page, address: str, chats: list[int]) -> Iterator[Page]:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in(page, address)
    yield page
    assert [each for each in problems if "status of 422" not in each] == []  # a refusal


def test_a_long_inbox_is_worked_through_by_keyboard_alone(max_: Page, address: str, chats: list[int]) -> None:
    keys = max_.keyboard
    max_.goto(f"{address}/inbox")
    keys.press("j")
    max_.wait_for_url(f"{address}/inbox/{chats[0]}")
    row = max_.locator("[data-chat][aria-current=page]")
    expect(row).to_be_focused()
    for _ in range(3):  # faster than they are opened: those between stay unread
        keys.press("j")
    max_.wait_for_url(f"{address}/inbox/{chats[3]}")
    expect(max_.locator(f"[data-chat='{chats[2]}']")).to_contain_text("Unread")
    keys.press("k")
    max_.wait_for_url(f"{address}/inbox/{chats[2]}")
    expect(row).to_be_focused()
    keys.press("r")
    keys.type("Hello, j and k and e")
    keys.press("Control+Enter")
    expect(max_.locator(".line-agent")).to_have_count(1)
    expect(max_.get_by_label("Your message")).to_be_focused()
    keys.press("Escape")
    expect(max_.locator("#thread")).to_be_focused()
    expect(max_.locator("#chats [data-chat]").first).to_have_attribute("data-chat", str(chats[2]))

    keys.press("e")  # it moved to the top by the reply, so the next one is the newest of the others
    max_.wait_for_url(f"{address}/inbox/{chats[0]}")
    expect(max_.locator("#toast")).to_contain_text("Conversation closed.")
    expect(max_.locator(f"[data-chat='{chats[2]}']")).to_have_count(0)
    expect(row).to_be_focused()
    keys.press("z")
    max_.wait_for_url(f"{address}/inbox/{chats[2]}")
    expect(max_.locator("#chat-head .state")).to_have_text("Open")
    expect(max_.locator("#toast")).to_be_hidden()

    max_.goto(f"{address}/inbox")
    keys.press("/")
    keys.type("Person 7")
    keys.press("Enter")
    found = max_.locator("#found-chats")
    expect(found).to_be_focused()
    expect(found).to_contain_text("found for “Person 7”")
    max_.goto(f"{address}/inbox")
    last = max_.locator("[data-chat]").last
    last.focus()
    expect(last).to_be_in_viewport()
    keys.press("j")  # at the end of a page of the list, the next page
    max_.wait_for_url(re.compile(r"/inbox/\d+\?before="))
    assert int(max_.url.partition("?")[0].rpartition("/")[2]) not in chats[:40]
    expect(row).to_be_focused()

    keys.press("?")
    expect(max_.locator("#inbox-settings")).to_be_visible()
    max_.get_by_label("Keyboard shortcuts").uncheck()
    keys.press("Escape")
    max_.reload()
    keys.press("r")
    expect(max_.get_by_label("Your message")).not_to_be_focused()


def test_a_form_is_picked_undone_customized_and_sent_again(
    max_: Page, address: str, chats: list[int], database: Database
) -> None:
    keys = max_.keyboard
    max_.goto(f"{address}/inbox/{chats[0]}")
    keys.press("i")
    search = max_.get_by_label("Find a form")
    expect(search).to_be_focused()
    expect(max_.locator("#picker")).to_be_visible()
    expect(max_.locator("#picker :checked")).to_have_count(0)
    keys.press("ArrowDown")
    expect(max_.get_by_role("radio", name="Tasting list")).to_be_checked()
    said = max_.locator("#picker-dialog").get_by_role("status")
    expect(said).to_have_text(re.compile(r"^Chosen: Tasting list\. ⚠ Already opted in"))
    expect(max_.get_by_role("link", name="Customize Shop offers")).to_be_visible()
    expect(max_.locator("#picker")).to_contain_text("Already opted in")
    expect(max_.get_by_role("button", name="Send anyway")).to_be_visible()
    keys.type("offers")
    expect(max_.locator(".pick:visible")).to_have_count(1)
    expect(max_.locator("#picker :checked")).to_have_count(0)
    expect(said).to_have_text("Found: 1")
    keys.press("Enter")
    expect(said).to_have_text("Chosen: Shop offers")
    preview = max_.frame_locator("iframe.picked")
    expect(preview.get_by_role("heading")).to_have_text("Angebote per SMS")
    expect(preview.locator("main")).to_have_attribute("data-state", "saved")
    keys.press("Enter")
    cards = max_.locator(".form-card")
    expect(cards).to_have_attribute("data-state", "waiting")
    expect(max_.locator("#picker-dialog")).to_be_hidden()
    expect(max_.get_by_label("Your message")).to_be_focused()
    expect(max_.locator("#toast")).to_contain_text("Form sent.")
    max_.get_by_role("button", name="Undo").click()
    expect(cards).to_have_attribute("data-state", "withdrawn")

    cards.get_by_role("button", name="Send again").press("Enter")
    expect(cards).to_have_count(2)
    expect(cards.nth(1)).to_have_attribute("data-state", "waiting")
    cards.nth(1).get_by_role("button", name="Withdraw").press("Enter")
    expect(cards.nth(1)).to_have_attribute("data-state", "withdrawn")
    expect(max_.get_by_label("Your message")).to_be_focused()

    keys.press("Escape")
    keys.press("i")
    max_.locator(".pick", has_text="Shop offers").get_by_role("link", name="Customize").click()
    expect(max_.get_by_label("Title", exact=True)).to_have_value("Angebote per SMS")
    expect(max_.get_by_label("Legal text", exact=True)).to_have_value("Sie stimmen zu.")
    max_.get_by_label("Title", exact=True).fill("Nur heute")
    expect(max_.frame_locator("iframe[name=preview]").get_by_role("heading")).to_have_text("Nur heute")
    max_.get_by_role("button", name="Send form").click()
    expect(cards.nth(2)).to_contain_text("Nur heute")

    keys.press("i")
    keys.type("tasting e")  # typed before the forms arrive: a search, no shortcut
    expect(max_.locator("#picks-none")).to_be_visible()
    search.fill("tasting")
    keys.press("Enter")
    with database.unit_of_work() as session:
        session.get_one(Contact, lifecycle.find(session, chats[0]).contact_id).blocked_at = clock.now()
    keys.press("Enter")
    expect(max_.get_by_role("radio", name="Tasting list")).to_be_checked()
    refusal = max_.locator("#picker + .not-done")
    expect(refusal).to_have_text("This contact is blocked.")
    expect(refusal).to_be_in_viewport()
