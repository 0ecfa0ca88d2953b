"""axe finds no violations on the demo's pages, wide and narrow, light and dark; no page scrolls sideways at 320 px."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app.config import Settings
from app.core import demo
from tests.browser import actions as acts
from tests.browser import tour
from tests.browser.themes import in_every_look
from tests.installations import Installation, settings_of
from tests.serve import in_this_process


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tour.Demo]:
    """The demo workspace, running."""
    folder: Path = tmp_path_factory.mktemp("demo")
    settings: Settings = settings_of(folder)
    filled = tour.fill(settings)
    with in_this_process(Installation(settings).app) as address:
        yield filled.at(address)


@pytest.mark.parametrize("part", [0, 1])
def test_staff_pages_have_no_accessibility_violations(shop: tour.Demo, chromium: Browser, part: int) -> None:
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    found: list[str] = []
    for path in shop.signed_out[part::2]:
        page.goto(f"{shop.address}{path}")
        found += in_every_look(page)
    tour.sign_in(page, shop.address, demo.ADMIN)
    for place, path in enumerate(tour.each_kind(shop.staff)[part::2]):
        page.goto(f"{shop.address}{path}")
        found += in_every_look(page, is_sample=place % 4 == 0)
    context.close()
    assert found == []


def test_pages_after_an_action_have_no_accessibility_violations(shop: tour.Demo, chromium: Browser) -> None:
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    tour.sign_in(page, shop.address, demo.ADMIN)
    found = [
        f"{name}: {each}" for name in acts.walk(page, shop, "axe") for each in in_every_look(page, is_sample=False)
    ]
    context.close()
    assert found == []


@pytest.mark.parametrize(("language", "number"), [("en-US", "+12025550150"), ("ar", "+12025550151")])
def test_the_form_has_no_accessibility_violations_in_any_state(
    shop: tour.Demo, chromium: Browser, language: str, number: str
) -> None:
    context = chromium.new_context(locale=language)
    page = context.new_page()
    found: list[str] = []
    for path, state in shop.embeds.items():
        page.goto(f"{shop.address}{path}")
        assert page.locator("main").get_attribute("data-state") == state, path
        found += in_every_look(page, height=700)
    page.goto(f"{shop.address}{shop.asking}")
    page.locator("input[type=tel]").fill("12")
    page.locator("button").click()
    page.locator("input[aria-invalid]").wait_for()
    found += in_every_look(page, height=700)
    page.locator("input[type=tel]").fill(number)
    page.locator("button").click()
    page.locator("[data-state=done]").wait_for()
    found += in_every_look(page, height=700)
    context.close()
    assert found == []


def test_the_form_can_be_used_by_keyboard_alone(shop: tour.Demo, chromium: Browser) -> None:
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{shop.address}{shop.asking}")
    page.keyboard.press("Tab")
    page.keyboard.type("United S")  # the country
    page.keyboard.press("Tab")
    page.keyboard.type("(202) 555-0177")
    page.keyboard.press("Enter")
    page.locator("[data-state=done]").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "status"
    context.close()


def test_targets_of_the_form_are_44_px_high(shop: tour.Demo, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.goto(f"{shop.address}{shop.asking}")
    for target in (page.locator("input[type=tel]"), page.locator("button")):
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44
    context.close()
