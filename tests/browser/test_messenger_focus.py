"""The button and the panel of the chat cover nothing that has the focus in the page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.shop import Shop, panel

pytestmark = pytest.mark.databases("sqlite")
LINKS = "".join(f'<p><a href="#{number}" id="link-{number}">Bread</a></p>' for number in range(40))
COVERED = """link => {
  const { x, y, width, height } = link.getBoundingClientRect();
  return document.elementFromPoint(x + width / 2, y + height / 2) !== link;
}"""


def test_the_button_of_the_chat_moves_away_from_what_has_the_focus(page: Page, shop: Shop) -> None:
    _go(page, shop)
    launcher = page.locator("#assent-messenger button")
    expect(launcher).to_be_in_viewport()
    moved = 0
    for number in range(40):
        page.locator(f"#link-{number}").focus()
        assert not page.locator(f"#link-{number}").evaluate(COVERED)
        moved += _is_away(page, "button")
    assert moved
    launcher.focus()
    assert not _is_away(page, "button")


def test_the_panel_of_the_chat_moves_away_and_comes_back_with_the_focus(page: Page, shop: Shop) -> None:
    _go(page, shop)
    launcher = page.locator("#assent-messenger button")
    expect(launcher).to_be_in_viewport()
    launcher.focus()
    page.keyboard.press("Enter")
    expect(panel(page).get_by_role("textbox")).to_be_visible()
    link = next(each for each in page.locator("a").all() if each.evaluate(COVERED))
    link.focus()
    assert not link.evaluate(COVERED)
    assert _is_away(page, "iframe")
    panel(page).get_by_role("textbox").focus()
    expect(panel(page).get_by_role("textbox")).to_be_in_viewport()
    assert not _is_away(page, "iframe")


def _go(page: Page, shop: Shop) -> None:
    snippet = f'<script src="{shop.address}/messenger.js" data-key="{shop.key}" async></script>'
    style = "<style>p{text-align:right;margin:0 32px}</style>"
    shop.pages["/links"] = f"<!doctype html><html lang=en><title>Shop</title>{style}<body>{LINKS}{snippet}"
    page.goto(f"{shop.origin}/links")


def _is_away(page: Page, part: str) -> bool:
    moved = page.locator(f"#assent-messenger {part}").evaluate("each => each.getBoundingClientRect().top > innerHeight")
    return bool(moved)
