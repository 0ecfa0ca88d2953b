"""The inbox in Chromium keeps its place: the focus, the list's scroll position, and the newest message on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.core import clock
from app.core.conversations import lifecycle, messages
from app.core.conversations.appending import NewMessage
from app.db import Database
from tests import make
from tests.browser.conftest import sign_in

LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren"


@pytest.fixture
def max_(page: Page, address: str) -> Page:
    page.set_viewport_size({"width": 1280, "height": 800})
    sign_in(page, address)
    return page


@pytest.fixture
def chats(database: Database) -> list[int]:
    """30 conversations, the oldest first; the last one has 20 messages."""
    made = []
    with database.unit_of_work() as session:
        make.form(session, name="Offers by text")
        for number in range(30):
            contact = make.contact(session, name=f"{LONG_NAME} {number}")
            chat = lifecycle.start(session, contact.id, at=clock.now()).id
            messages.post(session, chat, NewMessage("contact", "x" * 200), at=clock.now())
            made.append(chat)
        for number in range(20):
            messages.post(session, chat, NewMessage("contact", f"Message {number}"), at=clock.now())
    return made


@pytest.fixture
def phone(chromium: Browser, max_: Page) -> Iterator[Page]:
    context = chromium.new_context(storage_state=max_.context.storage_state(), viewport={"width": 320, "height": 640})
    yield context.new_page()
    context.close()


def test_the_list_keeps_its_place_and_scrolls_apart_from_the_thread(max_: Page, address: str, chats: list[int]) -> None:
    max_.goto(f"{address}/inbox")
    row = max_.locator("[data-chat]").nth(20)
    row.scroll_into_view_if_needed()
    before = max_.locator("#chats").evaluate("list => list.scrollTop")
    assert before > 0
    row.click()
    max_.wait_for_url("**/inbox/*")
    expect(max_.locator("#chats [aria-current=page]")).to_be_in_viewport()
    assert max_.locator("#chats").evaluate("list => list.scrollTop") == pytest.approx(before, abs=2)
    assert max_.evaluate("document.scrollingElement.scrollHeight <= innerHeight + 8"), "the page itself does not scroll"


def test_long_names_and_texts_stay_within_their_row(max_: Page, address: str, chats: list[int]) -> None:
    max_.goto(f"{address}/inbox")
    row, time = max_.locator(".chat").first.bounding_box(), max_.locator(".chat time").first.bounding_box()
    assert row
    assert time
    assert time["x"] + time["width"] <= row["x"] + row["width"]
    assert max_.locator(".chat-name").first.evaluate("name => name.scrollWidth > name.clientWidth"), "cut with …"


def test_a_narrow_screen_opens_a_conversation_at_its_newest_message(
    phone: Page, address: str, chats: list[int]
) -> None:
    phone.goto(f"{address}/inbox/{chats[-1]}")
    expect(phone.locator("#lines").get_by_text("Message 19", exact=True)).to_be_in_viewport()
    expect(phone.get_by_role("button", name="Send")).to_be_in_viewport()
