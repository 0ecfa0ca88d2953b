"""The panel and the inbox in real Chromium while the web server under them is killed: nothing lost, nothing doubled."""

import re
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.config import Settings
from app.db import Database
from tests.browser.conftest import sign_in
from tests.browser.shop import bodies, open_chat, opened, panel, write
from tests.serve import WebServer

pytestmark = pytest.mark.databases("sqlite")
EACH = 10
KILLS = 3
BACK_MS = 20_000  # both sides ask again within seconds, the longer the more often it failed


@pytest.fixture
def server(workspace: Settings) -> Iterator[WebServer]:
    running = WebServer(workspace, workers=2)
    running.start()
    yield running
    running.stop()


def test_both_sides_talk_on_without_reloading(
    chromium: Browser, page: Page, server: WebServer, database: Database
) -> None:
    agent, person = page, chromium.new_context(locale="en-US")
    visitor = person.new_page()
    with opened(server.address, database) as shop:
        visitor.goto(shop.origin)
        open_chat(visitor)
        write(visitor, "visitor 0")
        expect(panel(visitor).locator(".mine time")).to_be_visible()
        sign_in(agent, server.address)
        agent.goto(f"{server.address}/inbox")
        agent.get_by_role("link", name=re.compile("visitor 0")).click()
        expect(agent.locator(".line-text")).to_have_text("visitor 0")
        for each in (agent, visitor):
            each.evaluate("window.isTheSamePage = true")

        killing = threading.Thread(target=lambda: kill_now_and_then(server))
        killing.start()
        say(agent, "agent 0")
        for number in range(1, EACH):
            write(visitor, f"visitor {number}")
            say(agent, f"agent {number}")
        killing.join()

        everything = sorted(f"{side} {number}" for side in ("agent", "visitor") for number in range(EACH))
        lines = {agent: agent.locator(".line-text"), visitor: panel(visitor).locator("li .words")}
        for shown in lines.values():
            expect(shown).to_have_count(2 * EACH, timeout=BACK_MS)
        expect(panel(visitor).locator("li time")).to_have_count(2 * EACH, timeout=BACK_MS)
        agent.wait_for_timeout(1500)  # whatever is asked for or sent again after that adds nothing
        stood = bodies(database)
        assert sorted(stood) == everything
        for side in ("agent", "visitor"):
            assert [body for body in stood if body.startswith(side)] == [f"{side} {each}" for each in range(EACH)]
        for each, shown in lines.items():
            assert shown.all_inner_texts() == stood
            assert each.evaluate("window.isTheSamePage")
    person.close()


def say(agent: Page, text: str) -> None:
    """Write and send; where it could not be sent, send it again, as the page asks for."""
    field, trouble = agent.get_by_label("Your message"), agent.locator("#not-sent")
    field.fill(text)
    deadline = time.monotonic() + BACK_MS / 1000
    field.press("Control+Enter")
    while field.input_value():
        assert time.monotonic() < deadline, "it is not sent"
        agent.wait_for_timeout(100)
        if trouble.is_visible():
            field.press("Control+Enter")


def kill_now_and_then(server: WebServer) -> None:
    for _ in range(KILLS):
        time.sleep(0.6)
        server.kill()
        time.sleep(0.3)
        server.start()
