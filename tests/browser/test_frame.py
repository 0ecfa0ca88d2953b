"""The frame of the staff pages in Chromium: sections, steps that ask first, and edits that are not saved."""

from playwright.sync_api import Browser, Page, expect

from app.core.subscriptions import subscription_types
from app.db import Database
from tests import make
from tests.browser.conftest import MAX, PASSWORD

NARROW, WIDE = {"width": 320, "height": 700}, {"width": 1280, "height": 800}


def signed_in(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill(MAX)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def test_sections_are_at_the_left_and_on_small_screens_behind_one_button(chromium: Browser, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=WIDE)
    page = context.new_page()
    signed_in(page, address)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Team").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Team")
    expect(page.get_by_role("link", name="Team", exact=True)).to_have_attribute("aria-current", "page")
    page.set_viewport_size(NARROW)
    expect(page.get_by_role("link", name="Webhooks")).to_be_hidden()
    page.locator("summary", has_text="Menu").click()
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks")
    context.close()


def test_archiving_asks_first_and_can_be_undone_without_scripts(
    chromium: Browser, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    context = chromium.new_context(java_script_enabled=False, viewport=WIDE)
    page = context.new_page()
    signed_in(page, address)
    page.goto(f"{address}/admin/subscription-types/{type_id}")
    expect(page.get_by_role("button", name="Archive this type")).to_be_hidden()
    page.locator("summary", has_text="Archive").click()
    expect(page.get_by_text("No one is opted in; the history is kept.")).to_be_visible()
    page.get_by_role("button", name="Archive this type").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").first).to_contain_text("is restored")
    with database.read_only() as session:
        assert subscription_types.find(session, type_id).state == "live"
    context.close()


def test_a_form_with_changes_asks_before_it_is_left(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    signed_in(page, address)
    page.goto(f"{address}/admin/settings")
    page.get_by_role("link", name="Team").click()
    page.wait_for_url("**/admin/agents")
    assert asked == []
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Workspace name").fill("Harbour Tea")
    page.get_by_role("link", name="Team").click()
    page.wait_for_url("**/admin/agents")
    assert asked == ["beforeunload"]
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Workspace name").fill("Harbour Tea")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("status").first).to_contain_text("The settings are saved.")
    assert asked == ["beforeunload"]


def test_a_refused_form_asks_before_it_is_left_because_nothing_was_saved(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    signed_in(page, address)
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Workspace name").fill("")
    page.get_by_role("button", name="Save settings").click()
    page.locator("[aria-invalid]").first.wait_for()
    page.get_by_role("link", name="Team").click()
    page.wait_for_url("**/admin/agents")
    assert asked == ["beforeunload"]
