"""Real Chromium over the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from app.config import Settings
from app.core import clock
from app.core.accounts import agents
from app.core.accounts.agents import NewAgent
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import Role
from tests.browser.shop import SHOWN_WITHIN_MS, Shop, opened
from tests.installations import Installation
from tests.serve import in_this_process

CHROMIUM, SHELL = "/usr/bin/chromium", "/usr/bin/chromium-headless-shell"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MAX, PASSWORD = "max@example.com", "correct-horse-battery"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=SHOWN_WITHIN_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium without windows, which opens a page in a third of the time; the whole Chromium where it is missing."""
    browser = playwright.chromium.launch(executable_path=SHELL if Path(SHELL).exists() else CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def whole_chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with notifications and the settings of people, which the one without windows lacks."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of one person."""
    context = chromium.new_context(locale="en-US")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def workspace(settings: Settings, database: Database) -> Settings:
    """A workspace with max as its admin; the settings to serve it with."""
    with database.unit_of_work() as session:
        new = NewAgent(MAX, "Max", Role.ADMIN, agents.hash_password(PASSWORD))
        agents.create_agent(session, new, at=clock.now())
        workspace_settings.change(session, {"name": "Harbour Coffee"}, actor="agent:1", at=clock.now())
    return settings


@pytest.fixture
def address(workspace: Settings, installation: Installation) -> Iterator[str]:
    """The running product, with max as its admin."""
    with in_this_process(installation.app) as running:
        yield running


@pytest.fixture
def shop(address: str, database: Database) -> Iterator[Shop]:
    """A site of another origin with the messenger on it."""
    with opened(address, database) as running:
        yield running


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill(MAX)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{address}/admin/overview")
