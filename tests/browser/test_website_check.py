"""The integration check follows a person who clicks through their website."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from app.core import clock
from app.core.site import snippets
from app.core.site.samples import SiteReports, ValueKind
from app.db import Database
from app.web.services import services_of
from tests.browser.conftest import sign_in
from tests.core.site.test_samples import SHOP, SIGNED
from tests.installations import Installation

pytestmark = pytest.mark.databases("sqlite")


def open_check(page: Page, address: str, database: Database, installation: Installation) -> SiteReports:
    """Sign in and open the check of an allowed website. Returns what collects the reports of its pages."""
    with database.unit_of_work() as session:
        snippets.allow(session, SHOP, actor="agent:1", at=clock.now())
    sign_in(page, address)
    page.goto(f"{address}/admin/website")
    return services_of(installation.app).site_reports


def test_a_page_appears_and_turns_right_while_its_checklist_stays_open(
    page: Page, address: str, database: Database, installation: Installation
) -> None:
    reports = open_check(page, address, database, installation)
    expect(page.get_by_text("No page was seen yet.")).to_be_visible()
    reports.add(SIGNED)
    cart = page.locator("details.check-page", has_text="/cart")
    expect(cart.get_by_text("1 mistake")).to_be_visible()
    page.evaluate("document.querySelector('details.check-page').open = false")
    cart.locator("summary").press("Enter")
    expect(cart.get_by_text("gdpr_optin is not a boolean")).to_be_visible()
    reports.add(replace(SIGNED, gdpr_optin=ValueKind.TRUE, problems=()))
    reports.see(SHOP, "/help")
    expect(page.get_by_text("Everything is right on 1 of 2 pages.")).to_be_visible()
    expect(cart.get_by_text("The phone number is in E.164 format")).to_be_visible()
    expect(cart.get_by_text("gdpr_optin is not a boolean")).to_have_count(0)
    expect(cart.locator("summary")).to_be_focused()
