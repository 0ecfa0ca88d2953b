"""A form over a page of another site in Chromium: it is closed by Escape, covers no focus, and has its own language."""

import pytest
from playwright.sync_api import Locator, Page, expect

from app.core.forms.content import FormText
from app.db import Database
from tests import make
from tests.browser.shop import Shop

TEXTS = {"en": FormText("Texts from Harbour Coffee"), "de": FormText("SMS von Harbour Coffee", "Anmelden")}
LINKS = "".join(
    f'<p style="margin:0"><a href="#{number}" id="link-{number}">Bread {number}</a></p>' for number in range(60)
)


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session, texts=TEXTS).key


@pytest.mark.parametrize("place", ["corner", "banner"])
def test_escape_in_the_form_closes_it_and_gives_the_focus_back(page: Page, shop: Shop, key: str, place: str) -> None:
    form = _open(page, shop, key, place)
    page.locator("#link-3").focus()
    page.frame_locator("assent-form iframe").get_by_label("Phone number").click()
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(page.locator("#link-3")).to_be_focused()


def test_the_button_closes_the_form_and_the_next_tab_goes_on_after_it(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, "corner", after='<a href="#next" id="next">Next</a>')
    page.get_by_role("button", name="Close").click()
    expect(form).to_have_count(0)
    expect(page.locator("body > span:focus")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator("#next")).to_be_focused()
    assert page.locator("body > span").count() == 0


def test_escape_in_a_form_that_is_part_of_the_page_does_not_close_it(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, "inline")
    page.frame_locator("assent-form iframe").get_by_label("Phone number").click()
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    expect(form).to_have_count(1)


@pytest.mark.parametrize("place", ["corner", "banner"])
def test_the_form_covers_nothing_that_has_the_focus(page: Page, shop: Shop, key: str, place: str) -> None:
    page.set_viewport_size({"width": 320, "height": 400})
    form = _open(page, shop, key, place)
    aside = 0
    for number in range(60):
        page.locator(f"#link-{number}").focus()
        assert not _is_covered(page, number)
        aside += not _is_on_screen(form)
    assert aside
    page.frame_locator("assent-form iframe").get_by_label("Phone number").focus()
    expect(form).to_be_in_viewport()
    assert _is_on_screen(form)


@pytest.mark.parametrize("place", ["corner", "banner"])
def test_the_form_and_the_button_of_the_chat_do_not_cover_each_other(
    page: Page, shop: Shop, key: str, place: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 760})
    chat = f'<script src="{shop.address}/messenger.js" data-key="{shop.key}" async></script>'
    form = _open(page, shop, key, place, after=chat)
    launcher = page.locator("#assent-messenger button")
    expect(launcher).to_be_visible()
    over, button = form.bounding_box(), launcher.bounding_box()
    assert over
    assert button
    assert over["y"] >= 0
    assert over["y"] + over["height"] <= button["y"]
    page.evaluate("Assent.shutdown(); Assent.hide()")
    expect(launcher).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--assent-chat')") == ""


def test_button_and_landmark_have_the_language_of_the_form(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, "corner", 'data-lang="de"')
    expect(page.get_by_role("complementary", name="SMS von Harbour Coffee")).to_be_visible()
    expect(form).to_have_attribute("lang", "de")
    expect(page.get_by_role("button", name="Schließen")).to_have_attribute("lang", "de")


def test_a_title_of_the_page_stays_in_the_language_of_the_page(page: Page, shop: Shop, key: str) -> None:
    form = _open(page, shop, key, "corner", 'data-lang="de" data-title="News"')
    expect(page.get_by_role("complementary", name="News")).to_be_visible()
    expect(page.get_by_role("button", name="Schließen")).to_have_attribute("lang", "de")
    assert form.get_attribute("lang") is None


def test_sending_is_announced_and_given_up_when_no_answer_comes(page: Page, shop: Shop, key: str) -> None:
    page.clock.install()
    page.goto(f"{shop.address}/f/form/{key}")
    page.get_by_label("Phone number").fill("07400 123456")
    page.route("**/f/form/**", lambda route: None if route.request.method == "POST" else route.continue_())
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.locator("[aria-live=polite]")).to_have_text("Sending…")
    page.clock.fast_forward(31_000)  # without an answer
    expect(page.get_by_role("alert")).to_contain_text("may or may not have been sent")
    expect(page.get_by_role("button", name="Sign Up Now")).not_to_have_attribute("aria-disabled", "true")


def _open(page: Page, shop: Shop, key: str, place: str, options: str = "", after: str = "") -> Locator:
    script = f'<script src="{shop.address}/embed.js" data-form="{key}" data-place="{place}" {options}></script>'
    shop.pages["/host"] = f"<!doctype html><html lang=en><title>Shop</title><body>{LINKS}{script}{after}"
    page.goto(f"{shop.origin}/host")
    expect(page.frame_locator("assent-form iframe").locator("h1")).to_be_visible()
    return page.locator("assent-form")


def _is_covered(page: Page, number: int) -> bool:
    return bool(
        page.evaluate(
            """number => {
              const link = document.querySelector(`#link-${number}`);
              const { x, y, width, height } = link.getBoundingClientRect();
              return document.elementFromPoint(x + width / 2, y + height / 2) !== link;
            }""",
            number,
        )
    )


def _is_on_screen(form: Locator) -> bool:
    return bool(form.evaluate("each => each.getBoundingClientRect().top < innerHeight"))
