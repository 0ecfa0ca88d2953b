"""axe finds nothing on any page of the demo, wide and narrow, light and dark; nothing scrolls sideways at 320 px."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from app.config import Settings
from app.core import demo
from tests.browser import acts, tour
from tests.conftest import _settings
from tests.serve import web_process

LOOKS = [("light", 1280), ("dark", 1280), ("light", 320), ("dark", 320)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tour.Demo]:
    """The demo workspace, running."""
    folder: Path = tmp_path_factory.mktemp("demo")
    settings: Settings = _settings(folder)
    filled = tour.fill(settings)
    with web_process(settings) as address:
        yield filled.at(address)


@pytest.fixture(params=LOOKS, ids=[f"{scheme}-{width}" for scheme, width in LOOKS])
def reader(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    scheme, width = request.param
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, locale="en-US")
    yield context
    context.close()


def check(page: Page) -> list[str]:
    """What axe finds, and whether the page is wider than the screen."""
    found = [
        f"{page.url}: {violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > page.evaluate("innerWidth"):
        found.append(f"{page.url}: {width} px wide")
    return found


def test_nothing_is_found_on_any_page_of_the_staff(shop: tour.Demo, reader: BrowserContext) -> None:
    page = reader.new_page()
    found: list[str] = []
    for path in shop.signed_out:
        page.goto(f"{shop.address}{path}")
        found += check(page)
    tour.sign_in(page, shop.address, demo.ADMIN)
    for path in shop.staff:
        page.goto(f"{shop.address}{path}")
        found += check(page)
    assert found == []


def test_nothing_is_found_where_only_an_act_leads(shop: tour.Demo, chromium: Browser) -> None:
    """The longest way, in two looks that hold both widths and both schemes."""
    found: list[str] = []
    for scheme, width in LOOKS[1:3]:
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, locale="en-US")
        page = context.new_page()
        tour.sign_in(page, shop.address, demo.ADMIN)
        for name in acts.walk(page, shop, f"{scheme}-{width}"):
            found += [f"{name}: {each}" for each in check(page)]
        context.close()
    assert found == []


@pytest.mark.parametrize("language", ["en-US", "ar"])
def test_nothing_is_found_on_the_form_in_any_state(shop: tour.Demo, chromium: Browser, language: str) -> None:
    found: list[str] = []
    numbers = count(100 if language == "ar" else 150)
    for scheme, width in LOOKS:
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 700}, locale=language)
        page = context.new_page()
        for path, state in shop.embeds.items():
            page.goto(f"{shop.address}{path}")
            assert page.locator("main").get_attribute("data-state") == state, path
            found += check(page)
        page.goto(f"{shop.address}{shop.asking}")
        page.locator("input[type=tel]").fill("12")
        page.locator("button").click()
        page.locator("[aria-invalid]").wait_for()
        found += check(page)
        page.locator("input[type=tel]").fill(f"+12025550{next(numbers)}")
        page.locator("button").click()
        page.locator("[data-state=done]").wait_for()
        found += check(page)
        context.close()
    assert found == []


def test_the_form_is_operated_by_keyboard_alone(shop: tour.Demo, chromium: Browser) -> None:
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{shop.address}{shop.asking}")
    page.keyboard.press("Tab")
    page.keyboard.type("+12025550177")
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
