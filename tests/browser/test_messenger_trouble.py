"""Server errors and changes of the person: no message is lost or stored twice, and retries are not too frequent."""

import json
import time

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from app.core import clock
from app.core.messenger import visitors
from app.core.messenger.identity import Identity
from app.core.messenger.visitors import Sender
from app.db import Database
from app.models import Contact, Conversation
from tests.browser.shop import (
    Shop,
    bodies,
    count,
    form_in,
    insert_form,
    open_chat,
    panel,
    user_with_conversation,
    wait_until,
    write,
)

pytestmark = pytest.mark.databases("sqlite")
MESSAGES = "**/messenger/api/messages"


def test_the_chat_works_in_the_safari_of_phones_that_get_no_newer_one(
    page: Page, shop: Shop, database: Database
) -> None:
    page.add_init_script("delete AbortSignal.timeout; delete window.CSSStyleSheet; delete window.requestIdleCallback")
    page.goto(shop.origin)
    open_chat(page)
    assert page.locator("#assent-messenger iframe").evaluate("frame => getComputedStyle(frame).position") == "fixed"
    write(page, "from an old phone")
    expect(panel(page).locator(".mine time")).to_have_count(1)
    assert bodies(database) == ["from an old phone"]


def test_a_first_message_that_is_being_sent_at_a_sign_in_arrives_once(
    page: Page, shop: Shop, database: Database
) -> None:
    shop.signed("/account", "sam-1")
    identity = shop.pages["/account"].partition("window.assent = ")[2].partition("</script>")[0]

    def sign_in_meanwhile(route: Route) -> None:
        page.evaluate(f"window.Assent.update({identity})")
        page.wait_for_timeout(700)
        route.continue_()

    page.goto(shop.origin)
    open_chat(page)
    page.route(MESSAGES, sign_in_meanwhile, times=1)
    write(page, "only once")
    expect(panel(page).locator(".mine time")).to_have_count(1)
    page.wait_for_timeout(500)
    assert bodies(database) == ["only once"]
    assert count(database, Conversation) == [1]
    expect(panel(page).locator(".mine .words")).to_have_text(["only once"])


def test_a_message_is_sent_again_after_the_servers_pause_and_then_after_growing_pauses(
    page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.origin)
    chat = open_chat(page)
    write(page, "one")
    expect(chat.locator(".mine time")).to_have_count(1)
    sent_at: list[float] = []
    answers = [(429, {"Retry-After": "3"}), (408, {}), (425, {})]

    def refuse(route: Route) -> None:
        sent_at.append(time.monotonic())
        status, headers = answers[len(sent_at) - 1]
        route.fulfill(status=status, headers=headers, body="{}")

    page.route(MESSAGES, refuse, times=len(answers))
    write(page, "two")
    expect(chat.locator(".about.wrong")).to_contain_text("You’re sending quickly")
    expect(chat.locator(".mine time")).to_have_count(2)
    assert sent_at[1] - sent_at[0] >= 3, "polls succeed meanwhile; the pause is the server's"
    assert bodies(database) == ["one", "two"]

    times: list[str] = []

    def unknown(route: Route) -> None:
        times.append(json.loads(route.request.post_data or "")["client_key"])
        route.fulfill(status=404, body="{}")

    page.route(MESSAGES, unknown)
    write(page, "three")
    page.wait_for_timeout(4000)
    assert len(times) <= 5
    wait_until(page, lambda: len(times) >= 2)
    page.unroute(MESSAGES)
    expect(chat.locator(".mine", has_text="three").locator("time")).to_be_visible()
    assert bodies(database) == ["one", "two", "three"]


def test_a_form_that_did_not_load_is_loaded_again_when_the_server_responds(
    page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.origin)
    open_chat(page)
    write(page, "Do you text?")
    expect(panel(page).locator(".mine time")).to_be_visible()
    page.route("**/f/*", lambda route: route.abort(), times=1)
    insert_form(database)
    expect(panel(page).locator(".form iframe")).to_be_visible()
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "ask")
    expect(panel(page).locator(".form iframe")).to_have_attribute("title", "Texts from Harbour Coffee")
    form_in(page).get_by_label("Phone number").press("Escape")
    expect(page.get_by_role("button", name="Open the chat")).to_be_focused()


def test_signing_out_in_one_page_ends_the_chat_in_the_others(
    context: BrowserContext, shop: Shop, database: Database
) -> None:
    user_with_conversation(database, "sam-1")
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto(shop.signed("/account", "sam-1"))
        page.get_by_role("button", name="Unread messages: 1").click() if page is first else open_chat(page)
        expect(panel(page).locator(".theirs .words")).to_have_text("Hello Sam")
    first.evaluate("window.Assent.shutdown()")
    expect(second.get_by_role("button", name="Open the chat")).to_have_attribute("aria-expanded", "false")
    open_chat(second)
    write(second, "I am somebody else")
    expect(panel(second).locator(".mine time")).to_be_visible()
    assert panel(second).locator("li").count() == 1
    assert count(database, Contact, Conversation) == [2, 2]
    assert first.evaluate("Object.keys(localStorage).filter((name) => name.endsWith('out'))") == []


def test_a_new_token_of_another_page_starts_another_chat(
    context: BrowserContext, shop: Shop, database: Database
) -> None:
    token = "t_" + "x" * 43
    sender = Sender(bearer=token, identity=Identity(), is_new=True, address=None, locale="en")
    with database.unit_of_work() as session:
        visitors.write(session, sender, body="another person's", client_key="k", at=clock.now())
    page, other = context.new_page(), context.new_page()
    shop.pages["/plain"] = "<!doctype html><title>No chat here</title>"
    other.goto(f"{shop.origin}/plain")
    page.goto(shop.origin)
    open_chat(page)
    write(page, "mine")
    expect(panel(page).locator(".mine time")).to_be_visible()
    other.evaluate(f"localStorage.setItem('assent:{shop.key}', '{token}')")
    expect(panel(page).locator(".mine .words")).to_have_text(["another person's"])


def test_elements_behind_the_open_chat_cannot_be_focused_on_a_phone(page: Page, shop: Shop) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(shop.put("/phone", after="<main><button>Buy</button></main><aside inert></aside>"))
    chat = open_chat(page)
    can_focus = (
        "() => { const buy = document.querySelector('main button'); buy.focus(); return buy.matches(':focus'); }"
    )
    assert not page.evaluate(can_focus)
    page.set_viewport_size({"width": 700, "height": 640})
    page.wait_for_function(can_focus)
    page.set_viewport_size({"width": 360, "height": 640})
    page.wait_for_function(f"() => !({can_focus})()")
    chat.locator("#close").click()
    expect(page.get_by_role("button", name="Open the chat")).to_be_focused()
    assert page.evaluate(can_focus)
    assert page.evaluate("document.querySelector('aside').inert")
