"""An empty workspace is led to its first opt-in on another origin."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.db import Database
from app.models import Consent
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.shop import count
from tests.serve import other_site

# What an admin does in pages is the same over either database.
pytestmark = pytest.mark.databases("sqlite")


def test_the_first_steps_lead_from_an_empty_workspace_to_the_first_opt_in(
    context: BrowserContext, address: str, database: Database
) -> None:
    page = context.new_page()
    sign_in(page, address)
    follow(page, address, "name_and_country")
    page.get_by_label("Default country").select_option("GB")
    page.get_by_role("button", name="Save settings").click()
    follow(page, address, "type_live")
    page.get_by_role("link", name="New subscription type").click()
    page.get_by_label("Name", exact=True).fill("Offers")
    page.locator("label[for=channel-0]").click()
    page.locator("label[for=consent_type-0]").click()
    page.get_by_role("button", name="Save as draft").click()
    page.get_by_role("button", name="Publish").click()
    follow(page, address, "form")
    page.get_by_label("Template", exact=True).select_option("gb-sms-en")
    page.get_by_role("button", name="Use template").click()
    legal = page.get_by_label("Legal text", exact=True)
    legal.fill(legal.input_value().replace("[what you send]", "new roasts").replace("[number]", "4"))
    page.get_by_role("button", name="Save and publish").click()
    snippet = page.locator("#snippet").input_value()
    pages: dict[str, str] = {"/": f"<!doctype html><html lang=en><title>Shop</title>{snippet}"}
    with other_site(pages) as shop:
        visitor = context.new_page()
        with visitor.expect_response(lambda response: response.url.endswith("/site/seen")):
            visitor.goto(shop)
        page.goto(f"{address}/admin/setup")
        page.get_by_role("button", name=f"Allow {shop}").click()
        expect(page.get_by_text("Not allowed")).to_have_count(0)
        visitor.goto(shop)
        form = visitor.frame_locator("assent-form iframe")
        form.get_by_label("Phone number").fill(make.BRITISH_NUMBER)
        form.get_by_role("checkbox").check()
        form.get_by_role("button", name="Sign Up Now").click()
        expect(form.locator("main")).to_have_attribute("data-state", "done")
    assert count(database, Consent) == [1]
    page.goto(address)
    expect(page.locator('[data-is-done="false"]')).to_have_count(2)
    expect(page.locator('[data-step="team_invited"]')).to_have_attribute("data-is-done", "false")
    expect(page.locator('[data-step="messenger_seen"]')).to_have_attribute("data-is-done", "false")


def follow(page: Page, address: str, step: str) -> None:
    """Open the start page, and follow the link of the step that is next."""
    page.goto(address)
    expect(page.locator('[data-is-done="false"]').first).to_have_attribute("data-step", step)
    page.locator(f'[data-step="{step}"] a').click()
