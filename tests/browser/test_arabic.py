"""Staff pages in Arabic: an agent works in the inbox, and no page shows an English sentence or scrolls sideways."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.core import demo
from app.core.wording import translator
from tests import catalogs
from tests.browser import tour
from tests.installations import Installation, settings_of
from tests.serve import in_this_process

_ = translator("ar")
# What people read: text nodes, and the attributes that screen readers and tooltips say.
TEXTS = """() => {
  const ATTRIBUTES = ["aria-label", "title", "placeholder", "alt"];
  const isArabic = (element) => element.closest("[lang]").lang === "ar";
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, style, code, pre") && isArabic(parent)) found.push(walker.currentNode.textContent);
  }
  for (const each of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
    for (const name of isArabic(each) ? ATTRIBUTES : []) found.push(each.getAttribute(name) ?? "");
  return found.map((text) => text.trim().replace(/\\s+/g, " ")).filter(Boolean);
}"""
# Texts of other scripts with a mark at an end, which goes to the wrong end where the text is not isolated: ".Emma C",
# "12025550123+". What is typed is isolated by the style sheet.
MISPLACED = """() => {
  const isTurned = (text) =>
    /[a-z]|[+]\\d/i.test(text) && !/[\u0590-\u08ff]/.test(text) && /^[+({[“]|[.,:;!?…)\\]}”]$/.test(text);
  const isolates = (element) => {
    const { display, unicodeBidi } = getComputedStyle(element);
    return /isolate|plaintext/.test(unicodeBidi) || !["inline", "contents"].includes(display);
  };
  const texts = new Map(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    let element = walker.currentNode.parentElement;
    if (!element.checkVisibility() || element.closest(".visually-hidden, textarea, script, style")) continue;
    while (!isolates(element)) element = element.parentElement;
    texts.set(element, (texts.get(element) ?? "") + walker.currentNode.data);
  }
  for (const field of document.querySelectorAll("textarea, input:not([type=hidden], [type=checkbox], [type=radio])"))
    texts.set(field, field.value || field.placeholder);
  return [...texts].filter(([element, text]) => {
    const { direction, unicodeBidi } = getComputedStyle(element);
    return direction === "rtl" && unicodeBidi !== "plaintext" && isTurned(text.trim());
  }).map(([, text]) => text.trim());
}"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tour.Demo]:
    """The demo workspace, running."""
    settings = settings_of(tmp_path_factory.mktemp("demo"))
    filled = tour.fill(settings)
    with in_this_process(Installation(settings).app) as address:
        yield filled.at(address)


@pytest.fixture
def ana(chromium: Browser, shop: tour.Demo) -> Iterator[Page]:
    """Ana, whose browser is Arabic."""
    context = chromium.new_context(locale="ar", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def test_an_agent_works_in_arabic(ana: Page, shop: tour.Demo) -> None:
    _sign_in(ana, shop, "ana@example.com")
    ana.goto(f"{shop.address}/inbox/1")
    assert ana.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    # The sections are at the right, and the panel about the contact at the left.
    places = [ana.locator(each).bounding_box() for each in (".side", ".panel")]
    assert places[0]
    assert places[1]
    assert places[0]["x"] > places[1]["x"]
    ana.locator("#body").fill("شكرًا لرسالتك")
    ana.get_by_role("button", name=_("Send"), exact=True).click()
    expect(ana.locator("#lines")).to_contain_text("شكرًا لرسالتك")
    ana.locator("#thread").focus()
    ana.keyboard.press("?")
    expect(ana.get_by_role("dialog")).to_contain_text(_("Keyboard shortcuts"))
    ana.keyboard.press("Escape")
    ana.keyboard.press("i")
    expect(ana.locator("#picker-dialog")).to_contain_text(_("Send a form"))


def test_the_language_of_the_account_wins_over_that_of_the_browser(ana: Page, shop: tour.Demo) -> None:
    _sign_in(ana, shop, demo.ADMIN)
    ana.goto(f"{shop.address}/account")
    ana.get_by_label(_("Language"), exact=True).select_option("de")
    ana.get_by_role("button", name=_("Change language")).click()
    expect(ana.locator("html[lang=de][dir=ltr]")).to_be_visible()
    ana.get_by_label(translator("de")("Language"), exact=True).select_option("")
    ana.get_by_role("button", name=translator("de")("Change language")).click()
    expect(ana.locator("html[lang=ar]")).to_be_visible()


def test_no_page_shows_an_english_sentence_or_turns_a_text_or_scrolls_sideways(ana: Page, shop: tour.Demo) -> None:
    english = {each for each in catalogs.sentences() if isinstance(each, str) and " " in each and _(each) != each}
    assert len(english) > 500
    ana.set_viewport_size({"width": 320, "height": 700})
    found = []
    for path in shop.signed_out[:4]:
        found += _faults(ana, shop, path, english)
    _sign_in(ana, shop, demo.ADMIN)
    for path in tour.each_kind(shop.staff, most=1):
        found += _faults(ana, shop, path, english)
    assert not found, "\n".join(found)
    ana.goto(f"{shop.address}/inbox")
    sent = ana.locator(".chat-text bdi", has_text="Ana Harbour").first  # her name first, then the Arabic words
    assert sent.evaluate("element => getComputedStyle(element).direction") == "rtl"


def _sign_in(page: Page, shop: tour.Demo, email: str) -> None:
    page.goto(f"{shop.address}/sign-in")
    page.locator("#email").fill(email)
    page.locator("#password").fill(demo.DEMO_PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def _faults(page: Page, shop: tour.Demo, path: str, english: set[str]) -> list[str]:
    page.goto(f"{shop.address}{path}")
    wide = page.evaluate("document.documentElement.scrollWidth")
    faults = [f"{path}: {wide} px wide"] if wide > 320 else []
    if path == "/shop":  # a page of somebody else, in English
        return faults
    faults += [f"{path}: turned: {text}" for text in page.evaluate(MISPLACED)]
    return faults + [f"{path}: {text}" for text in page.evaluate(TEXTS) if text in english]
