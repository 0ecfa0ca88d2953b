"""The messenger does not delay the loading of its host page, even if its server is slow."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core import clock
from app.core.workspace import settings as workspace_settings
from app.db import Database
from tests.browser.conftest import sign_in
from tests.browser.shop import ANA, Shop
from tests.serve import other_site, slow_front

pytestmark = pytest.mark.databases("sqlite")
SLOWNESS_S = 3
SMALL_MS = 2500  # for the shop's page on two shared cores; below the delay of the server
TIMES = """() => ({
  loaded: performance.timing.loadEventEnd - performance.timing.navigationStart,
  requested: performance.getEntriesByType("resource").filter(({ name }) => !name.includes("/messenger.js"))
    .map(({ startTime }) => startTime),
})"""


def times_of(page: Page, origin: str) -> dict[str, Any]:
    page.goto(origin, wait_until="load")
    page.wait_for_function("performance.timing.loadEventEnd > 0")
    return dict(page.evaluate(TIMES))


def test_the_load_event_does_not_wait_for_a_slow_messenger(page: Page, address: str, database: Database) -> None:
    pages: dict[str, str] = {}
    with slow_front(address, SLOWNESS_S, prompt="/messenger.js") as slow, other_site(pages) as origin:
        Shop(slow, origin, pages, allowing(database, origin), "")
        assert times_of(page, origin)["loaded"] < SMALL_MS
        expect(page.get_by_role("button", name="Open the chat")).to_be_visible()
        after = page.evaluate(TIMES)
        assert after["requested"], "the panel was requested"
        assert all(start >= after["loaded"] for start in after["requested"])


def test_a_page_with_the_deferred_snippet_does_not_wait_for_the_script(
    page: Page, address: str, database: Database
) -> None:
    pages: dict[str, str] = {}
    with slow_front(address, SLOWNESS_S) as slow, other_site(pages) as origin:
        allowing(database, origin)
        sign_in(page, address)
        page.goto(f"{address}/admin/messenger")
        script = page.locator("#snippet-later").input_value().replace(address, slow)
        pages["/"] = f"<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1>{script}"
        assert times_of(page, origin)["loaded"] < SMALL_MS
        page.wait_for_function("window.Assent")
        page.locator("#assent-messenger").wait_for(state="attached")


def allowing(database: Database, origin: str) -> str:
    """Allow the origin; returns the messenger's key."""
    with database.unit_of_work() as session:
        workspace = workspace_settings.change(session, {"allowed_origins": [origin]}, actor=ANA, at=clock.now())
        return workspace.messenger_key
