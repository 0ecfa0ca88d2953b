"""A form over the page appears after a delay, a scroll or on leaving, once, and stays away when it was closed."""

import pytest
from playwright.sync_api import Locator, Page, expect

from app.db import Database
from tests import make
from tests.browser.shop import Shop

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session).key


def test_a_form_appears_after_its_delay_and_once_for_each_visitor(page: Page, shop: Shop, key: str) -> None:
    page.clock.install()
    form = _open(page, shop, key, 'data-place="corner" data-after="30"')
    page.clock.fast_forward(29_000)
    page.wait_for_timeout(300)
    expect(form).to_have_count(0)
    page.clock.fast_forward(2_000)
    _is_shown(page)
    page.reload()
    page.clock.fast_forward(60_000)
    page.wait_for_timeout(300)
    expect(form).to_have_count(0)
    assert list(page.evaluate("Object.keys(localStorage)")) == [f"assent:form:{key}"]


def test_a_form_appears_at_the_percentage_of_the_scroll(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, 'data-place="banner" data-scroll="50"')
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight * 0.3)")
    page.wait_for_timeout(300)
    expect(form).to_have_count(0)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight * 0.6)")
    _is_shown(page)


def test_a_form_appears_when_the_pointer_leaves_at_the_top(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, 'data-place="corner" data-exit')
    leave = "y => document.body.dispatchEvent(new MouseEvent('mouseout', {bubbles: true, clientY: y}))"
    page.evaluate(leave, 300)
    page.wait_for_timeout(300)
    expect(form).to_have_count(0)
    page.evaluate(leave, -2)
    _is_shown(page)


@pytest.mark.parametrize("options", ['data-place="corner"', 'data-place="corner" data-after="0" data-again="1"'])
def test_a_form_that_was_closed_or_answered_stays_away_for_good(page: Page, shop: Shop, key: str, options: str) -> None:
    form = _open(page, shop, key, options)
    _is_shown(page)
    if "again" in options:
        page.frame_locator("assent-form iframe").get_by_label("Phone number").fill(make.SAMS_NUMBER)
        page.frame_locator("assent-form iframe").get_by_role("button", name="Sign Up Now").click()
        done = page.frame_locator("assent-form iframe").locator("main")
        expect(done).to_have_attribute("data-state", "done")
        page.wait_for_function("key => localStorage[key] === 'done'", arg=f"assent:form:{key}")
    else:
        page.get_by_role("button", name="Close").click()
    # Another visit, much later.
    page.context.new_page().close()
    page.clock.install(time="2031-01-01")
    page.reload()
    page.wait_for_timeout(500)
    expect(form).to_have_count(0)


def test_a_form_that_was_ignored_comes_back_after_the_days_of_data_again(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, 'data-place="corner" data-after="0" data-again="7"')
    _is_shown(page)
    page.reload()
    page.wait_for_timeout(500)
    expect(form).to_have_count(0)
    page.evaluate("key => { localStorage[key] = Date.now() - 8 * 86400000 }", f"assent:form:{key}")
    page.reload()
    _is_shown(page)


def test_a_form_in_the_page_ignores_triggers(page: Page, shop: Shop, key: str) -> None:
    _open(page, shop, key, 'data-after="600" data-exit')
    _is_shown(page)
    page.reload()
    _is_shown(page)


def _open(page: Page, shop: Shop, key: str, options: str) -> Locator:
    script = f'<script src="{shop.address}/embed.js" data-form="{key}" {options}></script>'
    shop.pages["/host"] = f"<!doctype html><html lang=en><title>Shop</title><p style='height:4000px'>Bread</p>{script}"
    page.goto(f"{shop.origin}/host")
    return page.locator("assent-form")


def _is_shown(page: Page) -> None:
    expect(page.frame_locator("assent-form iframe").locator("h1")).to_be_visible()
    expect(page.locator("assent-form")).to_have_css("opacity", "1")
