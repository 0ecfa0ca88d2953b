"""Unsent messages survive leaving the page, and are sent once."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.db import Database
from app.models import Contact, Conversation
from tests.browser.shop import Shop, bodies, count, open_chat, panel, try_again, wait_until_kept, write

pytestmark = pytest.mark.databases("sqlite")
MESSAGES = "**/messenger/api/messages"


def test_unsent_messages_are_sent_by_the_next_page_once_and_in_order(
    context: BrowserContext, shop: Shop, database: Database
) -> None:
    page = context.new_page()
    page.goto(shop.origin)
    open_chat(page)
    context.route(MESSAGES, lambda route: route.abort())
    write(page, "first of all")
    write(page, "and then")
    wait_until_kept(page, "and then")
    page.goto(shop.put("/another"))
    open_chat(page)
    expect(panel(page).locator(".mine .words")).to_have_text(["first of all", "and then"])
    assert count(database, Contact) == [0]
    context.unroute(MESSAGES)
    try_again(page)
    expect(panel(page).locator(".mine time")).to_have_count(2)
    page.wait_for_function("Object.keys(localStorage).length === 1")
    page.reload()
    open_chat(page)
    expect(panel(page).locator(".mine time")).to_have_count(2)
    assert bodies(database) == ["first of all", "and then"]
    assert count(database, Contact, Conversation) == [1, 1]


def test_a_message_that_arrived_is_not_stored_twice_when_its_response_was_lost(
    context: BrowserContext, shop: Shop, database: Database
) -> None:
    page = context.new_page()
    page.goto(shop.origin)
    open_chat(page)

    def lose(route) -> None:  # type: ignore[no-untyped-def]
        route.fetch()
        route.abort()

    context.route(MESSAGES, lose)
    write(page, "only once")
    expect(panel(page).get_by_role("button", name="Try again")).to_be_visible()
    context.unroute(MESSAGES)
    page.reload()
    open_chat(page)
    expect(panel(page).locator(".mine time")).to_have_count(1)
    expect(panel(page).locator(".mine .words")).to_have_text(["only once"])
    assert bodies(database) == ["only once"]
    assert count(database, Contact, Conversation) == [1, 1]


def test_another_person_neither_sees_nor_sends_unsent_messages(
    context: BrowserContext, shop: Shop, database: Database
) -> None:
    page = context.new_page()
    page.goto(shop.signed("/sam", "sam-1"))
    open_chat(page)
    context.route(MESSAGES, lambda route: route.abort())
    write(page, "Sam's secret")
    expect(panel(page).get_by_role("button", name="Try again")).to_be_visible()
    context.unroute(MESSAGES)
    for path in (shop.signed("/eve", "eve-1"), shop.origin):
        page.goto(path)
        open_chat(page)
        write(page, "Hello")
        expect(panel(page).locator(".mine time")).to_have_count(1)
        assert panel(page).locator(".mine").count() == 1
    page.goto(shop.signed("/sam", "sam-1"))
    open_chat(page)
    expect(panel(page).locator(".mine", has_text="Sam's secret").locator("time")).to_be_visible()
    assert sorted(bodies(database)) == ["Hello", "Hello", "Sam's secret"]


def test_signing_out_deletes_unsent_messages(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    open_chat(page)
    page.route(MESSAGES, lambda route: route.abort())
    write(page, "never mind")
    expect(panel(page).get_by_role("button", name="Try again")).to_be_visible()
    page.evaluate("window.Assent.shutdown()")
    page.unroute(MESSAGES)
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    open_chat(page)
    write(page, "something else")
    expect(panel(page).locator(".mine time")).to_have_count(1)
    assert bodies(database) == ["something else"]
