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

# Applies the spacing and returns the texts that their own box or a box around them cuts off at the end of a line.
SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const isCut = (element) => {
    const end = element.getBoundingClientRect().right;
    for (let up = element; up; up = up.parentElement) {
      const { overflowX } = getComputedStyle(up);
      if (["auto", "scroll"].includes(overflowX)) return false;
      if (overflowX === "hidden" && end > up.getBoundingClientRect().right + 1) return true;
    }
    return end > innerWidth;
  };
  return [...document.querySelectorAll("main *")].filter((element) =>
    element.checkVisibility() && element.innerText?.trim() && !element.closest(".visually-hidden, thead")
    && isCut(element)
  ).map((element) => element.innerText.trim());
}"""


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


def test_the_spacing_that_a_reader_needs_cuts_no_text(shop: tour.Demo, chromium: Browser) -> None:
    """WCAG 1.4.12. Rows of the inbox show the beginning of a message in any spacing."""
    context = chromium.new_context(locale="en-US", viewport={"width": 320, "height": 700})
    page = context.new_page()
    tour.sign_in(page, shop.address, demo.ADMIN)
    campaign = next(path for path in shop.staff if path.endswith("/recipients"))
    for path in ("/contacts", campaign, shop.contact):
        page.goto(f"{shop.address}{path}")
        assert page.evaluate(SPACED) == [], path
    context.close()


def test_with_forced_colors_the_chosen_and_the_unread_are_told_from_the_rest(
    shop: tour.Demo, chromium: Browser
) -> None:
    context = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 900}, forced_colors="active")
    page = context.new_page()
    tour.sign_in(page, shop.address, demo.ADMIN)
    chat = page.goto(f"{shop.address}/inbox") and page.locator(".chat a").last.get_attribute("href")
    page.goto(f"{shop.address}{chat}")
    edge = "element => getComputedStyle(element).borderInlineStartColor"
    current, other = page.locator(".chat a[aria-current]"), page.locator(".chat a:not([aria-current])").first
    assert current.evaluate(edge) != other.evaluate(edge)
    painted = "element => getComputedStyle(element).backgroundColor"
    ground = page.locator("body").evaluate(painted)
    assert other.evaluate(edge) == ground
    assert page.locator(".dot").first.evaluate(painted) != ground
    page.goto(f"{shop.address}/admin/overview")
    for bar, key in ((".chart-in", ".chart-key:not(.chart-key-out)"), (".chart-out", ".chart-key-out")):
        fill = page.locator(bar).first.evaluate("element => getComputedStyle(element).fill")
        assert page.locator(key).first.evaluate(painted) == fill
    page.goto(f"{shop.address}{shop.contact}")
    outline = "element => getComputedStyle(element).outlineStyle"
    assert page.locator(".filters a[aria-current]").first.evaluate(outline) == "solid"
    context.close()
