"""What a script replaces while it is pressed still does what it says."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from app.core.bulk import jobs
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import JobKind
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.test_website_check import open_check
from tests.core.site.test_samples import SHOP, SIGNED
from tests.installations import Installation

BY_MAX = {"actor": "agent:1", "at": make.NOON}
pytestmark = pytest.mark.databases("sqlite")


def press_during(target: Locator, replaced: Callable[[], None]) -> None:
    """Press the button of the mouse over an element, and release it when the page has got a change."""
    box = target.bounding_box()
    assert box
    mouse = target.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    replaced()
    mouse.up()


def test_a_page_of_a_website_opens_although_the_check_changes_meanwhile(
    page: Page, address: str, database: Database, installation: Installation
) -> None:
    reports = open_check(page, address, database, installation)
    reports.add(SIGNED)
    cart = page.locator("details.check-page", has_text="/cart")
    expect(cart).to_be_visible()
    page.evaluate("document.querySelector('details.check-page').open = false")

    def another_page_is_seen() -> None:
        reports.see(SHOP, "/help")
        with page.expect_response(lambda response: "/website/live" in response.url and "/help" in response.text()):
            pass
        page.wait_for_timeout(200)

    press_during(cart.locator("summary"), another_page_is_seen)
    expect(page.locator("details.check-page", has_text="/help")).to_be_visible()
    expect(cart).to_have_attribute("open", "")


def test_a_button_works_although_the_job_of_the_page_ends_meanwhile(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        make.contact(session, name="Sam Rivera")
        job = jobs.create(session, JobKind.TAG, {"selection": {"query": None, "q": "Sam"}, "tag": "VIP"}, **BY_MAX)
        jobs.start(session, job, at=make.NOON)
        job_id = job.id
    sign_in(page, address)
    page.goto(f"{address}/bulk/{job_id}")
    expect(page.locator("#progress .state")).to_have_text("Waiting")

    def the_job_ends() -> None:
        run_bulk_jobs.run_until_done(database, job_id)
        with page.expect_response(f"**/bulk/{job_id}/*"):
            pass
        page.wait_for_timeout(500)

    press_during(page.get_by_role("link", name="Contacts", exact=True).first, the_job_ends)
    page.wait_for_url(f"{address}/contacts")
