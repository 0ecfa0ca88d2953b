"""The builder of filters above the list of contacts, in Chromium: rows, a group, focus, errors, and the result."""

import pytest
from playwright.sync_api import Page, expect

from app.db import Database
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look

pytestmark = pytest.mark.databases("sqlite")


def test_a_filter_is_built_by_rows_and_groups_without_loading_the_page_again(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        make.opt_in(session, make.contact(session, name="Sam", phone_number=make.SAMS_NUMBER), offers)
        make.contact(session, name="Bo", phone_number=make.BRITISH_NUMBER)
        make.contact(session, name="Kim")
    sign_in(page, address)
    page.goto(f"{address}/contacts")
    page.evaluate("window.isSamePage = true")
    page.locator("#filter > summary").click()
    page.get_by_label("New condition").select_option(label="Offers")
    page.get_by_role("button", name="Add condition", exact=True).click()
    row = page.get_by_role("group", name="Offers")
    expect(row.get_by_label("Condition", exact=True)).to_be_focused()
    row.get_by_label("Value", exact=True).select_option(label="Reachable")
    page.get_by_role("button", name="Add group").click()
    expect(page.get_by_role("button", name="Remove the group")).to_be_visible()
    page.get_by_label("New condition").select_option(label="Country of the number")
    page.get_by_role("button", name="Add the condition to this group").click()
    country = page.get_by_role("group", name="Country of the number")
    expect(country.get_by_label("Condition", exact=True)).to_be_focused()
    country.get_by_label("Condition", exact=True).select_option(label="is empty")
    expect(country.get_by_label("Value", exact=True)).to_be_hidden()
    country.get_by_label("Condition", exact=True).select_option(label="is")
    country.get_by_label("Value", exact=True).select_option(label="United Kingdom")
    assert page.evaluate("window.isSamePage")
    assert in_every_look(page) == []
    page.get_by_label("How the conditions are combined", exact=True).select_option(label="Any of these applies")
    page.get_by_role("button", name="Apply filter").last.click()
    expect(page.locator(".chips")).to_contain_text("Offers is Reachable")
    expect(page.locator(".chips")).to_contain_text("Country of the number is United Kingdom")
    expect(page.locator(".contacts tbody th a")).to_have_text(["Bo", "Sam"])
    page.get_by_label("Name of the segment").fill("Reachable or British")
    page.get_by_role("button", name="Save as segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reachable or British")
