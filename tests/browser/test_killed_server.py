"""The panel and the inbox in Chromium while the web server is killed: no message is lost or stored twice."""

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
BACK_MS = 60_000  # both sides poll again within seconds; the pause grows with each failure


@pytest.fixture
def server(workspace: Settings) -> Iterator[WebServer]:
    running = WebServer(workspace, workers=2)
    running.start()
    yield running
    running.stop()


def test_both_sides_go_on_without_reloading_while_the_server_is_killed(
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

        killing = threading.Thread(target=lambda: kill_repeatedly(server))
        killing.start()
        send(agent, "agent 0")
        for number in range(1, EACH):
            write(visitor, f"visitor {number}")
            send(agent, f"agent {number}")
        killing.join()

        everything = sorted(f"{side} {number}" for side in ("agent", "visitor") for number in range(EACH))
        lines = {agent: agent.locator(".line-text"), visitor: panel(visitor).locator("li .words")}
        for shown in lines.values():
            expect(shown).to_have_count(2 * EACH, timeout=BACK_MS)
        expect(panel(visitor).locator("li time")).to_have_count(2 * EACH, timeout=BACK_MS)
        agent.wait_for_timeout(1500)  # later polls and repeated requests add nothing
        stored = bodies(database)
        assert sorted(stored) == everything
        for side in ("agent", "visitor"):
            assert [body for body in stored if body.startswith(side)] == [f"{side} {each}" for each in range(EACH)]
        for each, shown in lines.items():
            assert shown.all_inner_texts() == stored
            assert each.evaluate("window.isTheSamePage")
    person.close()


def send(agent: Page, text: str) -> None:
    """Write and send a message, and send it again while the page says that it was not sent."""
    field, trouble = agent.get_by_label("Your message"), agent.locator("#not-sent")
    field.fill(text)
    deadline = time.monotonic() + BACK_MS / 1000
    field.press("Control+Enter")
    while field.input_value():
        assert time.monotonic() < deadline, "it is not sent"
        agent.wait_for_timeout(100)
        if trouble.is_visible():
            field.press("Control+Enter")


def kill_repeatedly(server: WebServer) -> None:
    for _ in range(KILLS):
        time.sleep(0.6)
        server.kill()
        time.sleep(0.3)
        server.start()
