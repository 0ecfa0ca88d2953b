"""The main navigation where it has little room: names beside icons in the inbox, and a list that scrolls."""

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.databases("sqlite")


def test_escape_hides_the_name_of_a_section_until_the_pointer_comes_again(page: Page, address: str) -> None:
    link = _inbox(page, address)
    link.hover()
    assert _width(page) > 20
    page.keyboard.press("Escape")
    assert _width(page) == 1
    page.mouse.move(640, 400)
    link.hover()
    assert _width(page) > 20


def test_the_pointer_can_move_onto_the_name_of_a_section(page: Page, address: str) -> None:
    link = _inbox(page, address)
    link.hover()
    box = link.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    for x in range(0, 30, 2):
        page.mouse.move(box["x"] + box["width"] + x, y)
        assert _width(page) > 20


def test_the_open_section_is_in_sight_in_a_low_window(page: Page, address: str) -> None:
    sign_in(page, address)
    page.set_viewport_size({"width": 1280, "height": 420})
    for section in ("failures", "audit", "overview"):
        page.goto(f"{address}/admin/{section}")
        link, account = (page.locator(f".side {each}").bounding_box() for each in ("[aria-current]", ".menu"))
        assert link
        assert account
        assert 0 < link["y"] < link["y"] + link["height"] < account["y"]
        assert page.evaluate("scrollY") == 0


def test_no_icon_beside_the_inbox_is_below_the_account_on_screens_of_any_height(page: Page, address: str) -> None:
    _inbox(page, address)
    last, account = page.locator(".side .sections a").last, page.locator(".side .menu")
    for height in (600, 702, 800, 1021, 1200):
        page.set_viewport_size({"width": 1280, "height": height})
        page.locator(".side .sections").evaluate("box => { box.scrollTop = box.scrollHeight; }")
        boxes = last.bounding_box(), account.bounding_box()
        assert boxes[0]
        assert boxes[1]
        assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]


def _inbox(page: Page, address: str) -> Locator:
    sign_in(page, address)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{address}/inbox")
    return page.locator(".side .sections a").nth(1)


def _width(page: Page) -> float:
    box = page.locator(".side .sections a").nth(1).locator("span").bounding_box()
    assert box
    return box["width"]
