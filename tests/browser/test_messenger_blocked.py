"""The messenger in browsers that refuse cookies and storage: for third parties, or for all sites."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from app.db import Database
from app.models import Contact, Conversation
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.shop import (
    Shop,
    bodies,
    count,
    form_in,
    insert_form,
    open_chat,
    opened,
    panel,
    reply,
    try_again,
    write,
)

pytestmark = pytest.mark.databases("sqlite")
MESSAGES = "**/messenger/api/messages"
# As people choose it in the browser's settings.
THIRD_PARTIES = {"block_third_party_cookies": True, "cookie_controls_mode": 1}
EVERYBODY = {**THIRD_PARTIES, "default_content_setting_values": {"cookies": 2}}
TRY_TO_STORE = """async () => {
  document.cookie = "tried=1; SameSite=None; Secure";
  document.cookie = "tried_plainly=1";
  const tried = { cookies: document.cookie };
  try {
    localStorage.setItem("tried", "1");
    tried.storage = localStorage.getItem("tried");
    localStorage.removeItem("tried");
  } catch (refused) { tried.storage = refused.name; }
  return tried;
}"""
KEEPS, REFUSES = "1", "SecurityError"


@pytest.fixture
def shop(address: str, database: Database) -> Iterator[Shop]:
    """A shop on another site, so that the messenger is a third party."""
    with opened(address, database, host="localhost") as running:
        yield running


@pytest.fixture
def page(chromium: Browser, tmp_path: Path, chosen: dict[str, Any]) -> Iterator[Page]:
    """A browser with the preferences ``chosen``."""
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps({"profile": chosen}))
    context = chromium.browser_type.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=FLAGS, locale="en-US"
    )
    yield context.new_page()
    context.close()


def frame_of(page: Page) -> Frame:
    return next(each for each in page.frames if "/messenger/frame" in each.url)


def exchange_messages(page: Page, database: Database) -> None:
    """Write a message, see the reply, and answer an inserted form."""
    write(page, "Do you have decaf?")
    expect(panel(page).locator(".mine time")).to_be_visible()
    reply(database, "Yes: Low Tide")
    expect(panel(page).locator(".theirs .words")).to_have_text("Yes: Low Tide")
    insert_form(database)
    form_in(page).get_by_label("Phone number").fill("+1 202 555 0123")
    form_in(page).get_by_role("button", name="Sign Up Now").click()
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "done")


@pytest.mark.parametrize("chosen", [THIRD_PARTIES])
def test_the_chat_is_kept_where_third_parties_may_not_store(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    open_chat(page)
    assert frame_of(page).evaluate(TRY_TO_STORE) == {"cookies": "", "storage": REFUSES}
    assert page.evaluate(TRY_TO_STORE)["storage"] == KEEPS
    exchange_messages(page, database)
    page.reload()
    open_chat(page)
    expect(panel(page).locator(".mine .words")).to_have_text("Do you have decaf?")
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "signed_up")
    assert count(database, Contact, Conversation) == [1, 1]


@pytest.mark.parametrize("chosen", [EVERYBODY])
def test_the_chat_lasts_as_long_as_the_page_where_storage_is_refused(
    page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.origin)
    open_chat(page)
    for frame in (page.main_frame, frame_of(page)):
        assert frame.evaluate(TRY_TO_STORE) == {"cookies": "", "storage": REFUSES}
    exchange_messages(page, database)
    page.reload()
    open_chat(page)
    write(page, "Who am I?")
    expect(panel(page).locator(".mine time")).to_have_count(1)
    assert panel(page).locator("li").count() == 1
    assert count(database, Contact, Conversation) == [2, 2]


@pytest.mark.parametrize("chosen", [EVERYBODY])
def test_unsent_messages_stay_in_memory_without_storage(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    open_chat(page)
    page.route(MESSAGES, lambda route: route.abort())
    write(page, "first of all")
    write(page, "and then")
    expect(panel(page).get_by_role("button", name="Try again")).to_be_visible()
    page.unroute(MESSAGES)
    try_again(page)
    expect(panel(page).locator(".mine time")).to_have_count(2)
    page.route(MESSAGES, lambda route: route.abort())
    write(page, "never sent")
    expect(panel(page).get_by_role("button", name="Try again")).to_be_visible()
    page.unroute(MESSAGES)
    page.reload()
    open_chat(page)
    write(page, "anew")
    expect(panel(page).locator(".mine time")).to_have_count(1)
    assert bodies(database) == ["first of all", "and then", "anew"]
