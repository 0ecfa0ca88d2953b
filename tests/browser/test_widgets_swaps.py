"""The chat and the forms on pages of other sites whose libraries replace the body: Turbo, htmx, the page itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.db import Database
from tests import make
from tests.browser import npm
from tests.browser.shop import Shop, open_chat, panel, reply, write

# What happens in the browser alone is the same over either database.
pytestmark = pytest.mark.databases("sqlite")
TURBO = '<script src="/turbo.js" defer></script>'
HTMX = '<script src="/htmx.js"></script>'
# The library, where the snippet is, and what the body has.
SITES = pytest.mark.parametrize(
    ("library", "place", "attributes"),
    [(TURBO, "head", ""), (TURBO, "body", ""), (HTMX, "body", 'hx-boost="true"')],
    ids=["turbo-head", "turbo-body", "htmx"],
)


def chat_snippet(shop: Shop) -> str:
    return f'<script src="{shop.address}/messenger.js" data-key="{shop.key}" async></script>'


def form_snippet(shop: Shop, database: Database, options: str = "") -> str:
    with database.unit_of_work() as session:
        key = make.form(session).key
    return f'<script src="{shop.address}/embed.js" data-form="{key}" {options} async></script>'


def put_pages(shop: Shop, library: str, head: str = "", body: str = "", attributes: str = "") -> None:
    """Pages /a, /b and /c with links to each other."""
    shop.pages["/turbo.js"], shop.pages["/htmx.js"] = npm.script(npm.TURBO), npm.script(npm.HTMX)
    links = "".join(f'<a href="/{name}">to {name}</a> ' for name in "abc")
    for name in "abc":
        shop.pages[f"/{name}"] = (
            f"<!doctype html><html lang=en><head><title>{name}</title>{library}{head}</head>"
            f"<body {attributes}><h1>Page {name}</h1><p>{links}</p>{body}</body></html>"
        )


def visit(page: Page, name: str) -> None:
    page.get_by_role("link", name=f"to {name}").click()
    expect(page.get_by_role("heading", name=f"Page {name}")).to_be_visible()


def did_not_load_again(page: Page) -> None:
    assert page.evaluate("performance.getEntriesByType('navigation')[0].name").endswith("/a")


@SITES
def test_the_chat_stays_open_and_works_when_the_body_is_replaced(
    page: Page, shop: Shop, database: Database, library: str, attributes: str, place: str
) -> None:
    put_pages(shop, library, attributes=attributes, **{place: chat_snippet(shop)})
    page.goto(f"{shop.origin}/a")
    open_chat(page)
    write(page, "Do you have decaf?")
    expect(panel(page).locator(".mine time")).to_be_visible()
    for name in "bc":
        visit(page, name)
        expect(panel(page).locator(".mine .words")).to_have_text("Do you have decaf?")
    reply(database, "Yes")
    expect(panel(page).locator(".theirs .words")).to_have_text("Yes")
    page.go_back()
    expect(page.get_by_role("heading", name="Page b")).to_be_visible()
    page.evaluate("Assent.close()")
    expect(panel(page).locator("main")).to_be_hidden()
    page.evaluate("Assent.open()")
    expect(panel(page).locator(".theirs .words")).to_have_text("Yes")
    assert page.locator("#assent-messenger").count() == page.locator("#assent-messenger button").count() == 1
    did_not_load_again(page)


@SITES
def test_each_page_has_its_form_once_also_after_going_back(
    page: Page, shop: Shop, database: Database, library: str, attributes: str, place: str
) -> None:
    put_pages(shop, library, attributes=attributes, **{place: form_snippet(shop, database)})
    page.goto(f"{shop.origin}/a")

    def has_one_form() -> None:
        expect(page.frame_locator("iframe").get_by_label("Phone number")).to_be_visible()
        page.wait_for_timeout(200)
        assert page.locator("iframe").count() == 1

    has_one_form()
    for name in "bac":
        visit(page, name)
        has_one_form()
    for name in "ab":
        page.go_back()
        expect(page.get_by_role("heading", name=f"Page {name}")).to_be_visible()
        has_one_form()
    did_not_load_again(page)


def test_a_form_in_the_head_appears_where_each_page_has_its_target(page: Page, shop: Shop, database: Database) -> None:
    put_pages(shop, TURBO, head=form_snippet(shop, database, 'data-target="#place"'))
    shop.pages["/b"] = shop.pages["/b"].replace("</body>", "<div id=place></div></body>")
    page.goto(f"{shop.origin}/a")
    for name in "bab":
        visit(page, name)
        if name == "b":
            expect(page.locator("#place iframe")).to_have_attribute("title", "Texts from Harbour Coffee")
        assert page.locator("iframe").count() == (name == "b")


def test_the_chat_comes_back_when_the_page_removes_it(page: Page, shop: Shop) -> None:
    page.goto(shop.origin)
    open_chat(page)
    page.evaluate("document.querySelector('#assent-messenger').remove()")
    expect(panel(page).get_by_label("Your message")).to_be_visible()
    page.evaluate("document.body.replaceWith(document.createElement('body'))")
    expect(panel(page).get_by_label("Your message")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open the chat")).to_be_visible()


def test_a_page_that_keeps_removing_the_chat_is_not_blocked(page: Page, shop: Shop) -> None:
    page.goto(shop.origin)
    page.get_by_role("button", name="Open the chat").wait_for()
    page.evaluate(
        """() => {
          window.removals = 0;
          new MutationObserver(() => {
            const chat = document.querySelector("#assent-messenger");
            if (chat) removals += 1;
            chat?.remove();
          }).observe(document.documentElement, { childList: true });
          document.querySelector("#assent-messenger").remove();
        }"""
    )
    page.wait_for_timeout(300)
    assert 1 <= page.evaluate("removals") <= 10


def test_a_second_run_of_the_script_takes_the_visitor_of_the_new_page(
    page: Page, shop: Shop, database: Database
) -> None:
    put_pages(shop, TURBO, body=chat_snippet(shop))
    shop.pages["/b"] = shop.pages["/b"].replace("<h1>", '<script>window.assent = {name: "Sam"}</script><h1>')
    page.goto(f"{shop.origin}/a")
    open_chat(page)
    page.evaluate("Assent.update({name: 'Eve'})")
    visit(page, "b")
    with page.expect_request("**/messenger/api/messages") as sent:
        write(page, "Hello")
    assert "Sam" in sent.value.headers["assent-identity"]
    page.evaluate("Assent.shutdown()")
    expect(page.get_by_role("button", name="Open the chat")).to_be_visible()
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), "
        f"{{src: '{shop.address}/messenger.js?key={shop.key}'}}))"
    )
    page.wait_for_timeout(300)
    open_chat(page)
    with page.expect_request("**/messenger/api/messages") as sent:
        write(page, "Hello again")
    assert not re.search("Sam|Eve", sent.value.headers.get("assent-identity", ""))


def test_on_a_phone_a_page_from_the_cache_of_turbo_can_be_used(page: Page, shop: Shop) -> None:
    put_pages(shop, TURBO, body=chat_snippet(shop))
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"{shop.origin}/a")
    page.get_by_role("button", name="Open the chat").wait_for()
    visit(page, "b")
    open_chat(page)
    assert page.evaluate("document.body.inert")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Page a")
    assert page.evaluate("document.body.inert")
    panel(page).get_by_role("button", name="Close the chat").click()
    expect(page.get_by_role("button", name="Open the chat")).to_be_visible()
    page.go_forward()
    visit(page, "c")
    assert not page.evaluate("document.body.inert")
