"""The messenger on pages of another origin: messages, replies, forms, strict policies."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select

from app.core import clock
from app.core.messenger import tokens as messenger_tokens
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import ConsentEvent, Contact, Conversation, Message, MessengerToken, RateCounter
from tests import make
from tests.browser.shop import (
    ANA,
    Shop,
    bodies,
    count,
    form_in,
    identity,
    insert_form,
    open_chat,
    panel,
    polls_every_second,
    reply,
    user_with_conversation,
    wait_until,
    write,
)
from tests.browser.themes import violations
from tests.serve import other_site

# What happens in the browser alone is the same over either database.
over_sqlite = pytest.mark.databases("sqlite")


def test_a_visitor_writes_and_gets_the_reply_within_a_second(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    chat = open_chat(page)
    expect(chat.get_by_role("heading")).to_have_text("Harbour Coffee")
    write(page, "Do you have decaf?")
    log = chat.get_by_role("log")
    expect(log.locator(".mine .words")).to_have_text("Do you have decaf?")
    expect(log.locator(".mine time")).to_be_visible()
    reply(database, "Yes: Low Tide. See https://shop.example.com/low-tide.")
    expect(log.locator(".theirs .words")).to_contain_text("Yes: Low Tide")
    polls_every_second(page, chat.locator("body"))
    expect(log.get_by_role("link")).to_have_attribute("href", "https://shop.example.com/low-tide")
    assert count(database, Contact, Conversation, Message) == [1, 1, 2]


def test_a_form_is_answered_inside_the_chat_and_stays_signed_up(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    open_chat(page)
    write(page, "Tell me about your offers")
    expect(panel(page).locator(".mine time")).to_be_visible()
    insert_form(database)
    form = form_in(page)
    expect(form.locator("main")).to_have_attribute("data-state", "ask")
    form.get_by_label("Phone number").fill("+1 202 555 0123")
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    frame, inner = panel(page).locator(".form iframe"), form.locator("main")
    expect(frame).to_have_attribute("title", "Texts from Harbour Coffee")
    outer_box, inner_box = frame.bounding_box(), inner.bounding_box()
    assert outer_box
    assert inner_box
    assert abs(outer_box["height"] - inner_box["height"]) < 6
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent)).one()
        assert event.contact_id == session.scalars(select(Contact.id)).one()
    page.reload()
    open_chat(page)
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "signed_up")
    expect(form_in(page).locator("main")).to_contain_text("+1 ••• ••• ••23")
    expect(panel(page).locator(".mine .words")).to_have_text("Tell me about your offers")


@over_sqlite
def test_loading_and_opening_the_chat_write_nothing(page: Page, shop: Shop, database: Database) -> None:
    tables = (Contact, Conversation, Message, MessengerToken, RateCounter)
    before = count(database, *tables)
    for path in (shop.put("/anonymous"), shop.signed("/sam", "sam-7", name="Sam")):
        page.goto(path)
        open_chat(page)
        page.wait_for_timeout(600)
    assert count(database, *tables) == before
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0


def test_the_chat_is_kept_across_pages_and_unread_replies_are_counted(
    page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.origin)
    open_chat(page)
    write(page, "Is anybody there?")
    expect(panel(page).locator(".mine time")).to_be_visible()
    reply(database, "Yes")
    reply(database, "Always")
    expect(panel(page).locator(".theirs")).to_have_count(2)
    wait_until(page, lambda: seen_number(database) == 3)
    reply(database, "One more thing")
    page.goto(shop.put("/another"))
    launcher = page.get_by_role("button", name="Open the chat. Unread messages: 1")
    expect(launcher).to_be_visible()
    expect(page.locator("#assent-messenger b")).to_have_text("1")
    launcher.click()
    expect(panel(page).locator("li")).to_have_text(
        [re.compile("anybody"), re.compile("Yes"), re.compile("Always"), re.compile("One more")]
    )
    expect(page.get_by_role("button", name="Open the chat", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Open the chat", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    assert page.locator("#assent-messenger b").is_hidden()


def seen_number(database: Database) -> int:
    """Up to which message the visitor has seen the conversation."""
    with database.read_only() as session:
        return session.scalars(select(Conversation.contact_seen_number)).one()


def test_a_signed_user_sees_the_saved_number_in_full(page: Page, shop: Shop, database: Database) -> None:
    user_with_conversation(database, "sam-1")
    insert_form(database)
    page.goto(shop.signed("/account", "sam-1"))
    page.get_by_role("button", name="Unread messages: 2").click()
    expect(panel(page).locator(".theirs .words")).to_have_text("Hello Sam")
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "saved")
    expect(form_in(page).locator("main")).to_contain_text("+1 202-555-0123")
    panel(page).get_by_role("button", name="Not your number? Write to us here").click()
    expect(panel(page).get_by_label("Your message")).to_be_focused()
    form_in(page).get_by_role("button", name="Sign Up Now").click()
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "done")
    assert panel(page).get_by_role("button", name="Not your number?").count() == 0


@pytest.mark.parametrize("user_hash", ["", "0" * 64])
def test_an_unsigned_identity_shows_nothing_of_that_user(
    page: Page, shop: Shop, database: Database, user_hash: str
) -> None:
    user_with_conversation(database, "sam-1")
    insert_form(database)
    page.goto(shop.put("/eve", identity(user_id="sam-1", user_hash=user_hash, phone=make.SAMS_NUMBER)))
    chat = open_chat(page)
    page.wait_for_timeout(800)
    assert chat.locator("li").count() == 0
    write(page, "I am Sam, believe me")
    expect(chat.locator(".mine time")).to_be_visible()
    insert_form(database)
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "ask")
    html = chat.locator("main").inner_html() + form_in(page).locator("main").inner_html()
    assert not re.search(r"Hello Sam|202\D*555|••23", html)
    with database.read_only() as session:
        eve = session.scalars(select(Contact).order_by(Contact.id.desc())).first()
        assert eve
        assert (eve.role, eve.external_id, eve.phone) == ("lead", None, None)
        assert eve.custom_attributes["claimed"]["user_id"] == "sam-1"


def test_signing_in_moves_the_chat_and_signing_out_leaves_nothing(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    open_chat(page)
    write(page, "Before I signed in")
    expect(panel(page).locator(".mine time")).to_be_visible()
    signed = shop.signed("/account", "sam-1", name="Sam")
    page.goto(signed)
    open_chat(page)
    expect(panel(page).locator(".mine .words")).to_have_text("Before I signed in")
    write(page, "After it")
    expect(panel(page).locator(".mine time")).to_have_count(2)
    with database.read_only() as session:
        conversation = session.scalars(select(Conversation)).one()
        assert session.get_one(Contact, conversation.contact_id).external_id == "sam-1"
    assert page.evaluate("localStorage.length") == 0
    page.evaluate("window.Assent.shutdown()")
    open_chat(page)
    page.wait_for_timeout(500)
    assert panel(page).locator("li").count() == 0
    page.goto(shop.origin)
    open_chat(page)
    page.wait_for_timeout(500)
    assert panel(page).locator("li").count() == 0
    page.goto(signed)
    open_chat(page)
    expect(panel(page).locator(".mine .words")).to_have_text(["Before I signed in", "After it"])


@over_sqlite
def test_messages_written_without_a_connection_arrive_once_and_in_order(
    context: BrowserContext, page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.origin)
    chat = open_chat(page)
    write(page, "one")
    expect(chat.locator(".mine time")).to_have_count(1)
    context.set_offline(True)
    write(page, "two")
    write(page, "three")
    expect(chat.get_by_role("status")).to_contain_text("You are offline")
    expect(chat.get_by_role("button", name="Try again")).to_be_visible()
    context.set_offline(False)
    expect(chat.locator(".mine time")).to_have_count(3)
    expect(chat.get_by_role("status")).to_be_empty()
    assert bodies(database) == ["one", "two", "three"]


def test_a_message_whose_response_was_lost_arrives_once(page: Page, shop: Shop, database: Database) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        if len(lost) < 2:
            route.fetch()
            lost.append(1)
            route.abort()
        else:
            route.continue_()

    page.route("**/messenger/api/messages", lose)
    page.goto(shop.origin)
    chat = open_chat(page)
    write(page, "only once")
    expect(chat.locator(".mine time")).to_have_count(1)
    write(page, "and then this")
    expect(chat.locator(".mine time")).to_have_count(2)
    assert len(lost) == 2
    assert bodies(database) == ["only once", "and then this"]
    assert count(database, Contact, Conversation, MessengerToken) == [1, 1, 1]


def test_an_unknown_token_is_replaced_by_a_new_one(page: Page, shop: Shop, database: Database) -> None:
    page.goto(shop.origin)
    chat = open_chat(page)
    write(page, "the old chat")
    expect(chat.locator(".mine time")).to_be_visible()
    token = page.evaluate("Object.values(localStorage)[0]")
    with database.unit_of_work() as session:
        messenger_tokens.end(session, token, at=clock.now())
    expect(chat.locator("li")).to_have_count(0)
    page.wait_for_function("localStorage.length === 0")
    write(page, "a new chat")
    expect(chat.locator(".mine time")).to_be_visible()
    assert count(database, Contact, Conversation) == [2, 2]


@over_sqlite
def test_two_pages_of_one_visitor_show_one_chat(context: BrowserContext, shop: Shop, database: Database) -> None:
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto(shop.origin)
        open_chat(page)
    for number, page in enumerate((first, second), 1):
        page.bring_to_front()
        write(page, f"from page {number}")
        expect(panel(page).locator(".mine .words", has_text=f"from page {number}")).to_be_visible()
    for page in (first, second):
        page.bring_to_front()
        expect(panel(page).locator(".mine .words")).to_have_text(["from page 1", "from page 2"])
    assert count(database, Contact, Conversation) == [1, 1]


@over_sqlite
def test_the_chat_works_under_a_strict_policy_and_without_storage(
    chromium: Browser, address: str, database: Database
) -> None:
    policy = (
        f"default-src 'none'; script-src {address}; frame-src {address}; connect-src {address}; "
        "require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'"
    )
    pages: dict[str, str] = {}
    context = chromium.new_context(locale="en-US")
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } });"
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 400 else None)
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    with other_site(pages, {"Content-Security-Policy": policy}) as origin:
        with database.unit_of_work() as session:
            workspace = workspace_settings.change(session, {"allowed_origins": [origin]}, actor=ANA, at=clock.now())
        Shop(address, origin, pages, workspace.messenger_key, "")
        page.goto(origin)
        open_chat(page)
        write(page, "Strictly speaking")
        expect(panel(page).locator(".mine time")).to_be_visible()
        insert_form(database)
        form_in(page).get_by_label("Phone number").fill("+1 202 555 0123")
        form_in(page).get_by_role("button", name="Sign Up Now").click()
        expect(form_in(page).locator("main")).to_have_attribute("data-state", "done")
    assert problems == []
    context.close()


@over_sqlite
def test_a_page_of_another_origin_gets_no_chat(page: Page, shop: Shop) -> None:
    with other_site({"/": shop.pages["/"]}) as eve:
        page.goto(eve)
        page.wait_for_timeout(1200)
        assert page.get_by_role("button", name="Open the chat").count() == 0


@over_sqlite
def test_the_chat_can_be_used_by_keyboard(page: Page, shop: Shop) -> None:
    page.goto(shop.origin)
    launcher = page.get_by_role("button", name="Open the chat")
    expect(launcher).to_be_visible()
    page.keyboard.press("Tab")
    expect(launcher).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel(page).get_by_label("Your message")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(panel(page).locator(".mine time")).to_be_visible()
    expect(launcher).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(launcher).to_be_focused()
    expect(launcher).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#assent-messenger iframe")).to_be_hidden()


RULES_OF_THE_SHOP = {
    "landmark-one-main",
    "region",
    "page-has-heading-one",
}  # of its page, which is inert behind it on a phone
LOOKS = [("light", 1100, "en-US"), ("dark", 1100, "ar"), ("light", 360, "ar"), ("dark", 360, "de-DE")]


@over_sqlite
@pytest.mark.parametrize(("scheme", "width", "language"), LOOKS)
def test_axe_finds_nothing_and_targets_are_44_px(
    chromium: Browser, shop: Shop, database: Database, scheme: Any, width: int, language: str
) -> None:
    viewport = {"width": width, "height": 640 if width < 480 else 760}
    context = chromium.new_context(color_scheme=scheme, viewport=viewport, locale=language)  # type: ignore[arg-type]
    page = context.new_page()
    user_with_conversation(database, "sam-1")
    page.goto(shop.signed("/account", "sam-1"))
    launcher = page.locator("#assent-messenger button")
    expect(launcher).to_be_visible()
    launcher.click()
    chat = panel(page)
    expect(chat.locator(".theirs")).to_have_count(1)
    insert_form(database)
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "saved")
    assert [where for rule, where in violations(page) if rule not in RULES_OF_THE_SHOP] == []
    for target in chat.get_by_role("button").all():
        if target.is_visible():
            box = target.bounding_box()
            assert box
            assert min(box["height"], box["width"]) >= 44
    box = page.locator("#assent-messenger iframe").bounding_box()
    assert box
    if width < 480:
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, width, 640)
        assert launcher.is_hidden()
        chat.locator("#close").click()
        expect(launcher).to_be_focused()
    else:
        assert (box["width"], box["height"]) == (380, 620)
    context.close()


@over_sqlite
def test_the_button_is_mirrored_on_a_page_from_right_to_left(page: Page, shop: Shop) -> None:
    page.goto(shop.put("/rtl", "<script>document.documentElement.dir = 'rtl'</script>"))
    box = page.get_by_role("button", name="Open the chat").bounding_box()
    assert box
    assert box["x"] == 20


@over_sqlite
def test_the_panel_accepts_messages_of_its_host_page_only(page: Page, shop: Shop, database: Database) -> None:
    """A frame of eve inside an allowed page can neither send messages to the panel nor read its messages."""
    user_with_conversation(database, "sam-1")
    with other_site({"/": "<!doctype html><title>Eve</title>"}) as eve:
        page.goto(shop.signed("/account", "sam-1"))
        page.evaluate(f"document.body.append(Object.assign(document.createElement('iframe'), {{ src: '{eve}' }}))")
        page.frame_locator("body > iframe").locator("body").wait_for(state="attached")
        frame = next(each for each in page.frames if each.url.startswith(eve))
        expect(page.get_by_role("button", name="Unread messages: 1")).to_be_visible()
        frame.evaluate(
            """() => {
              window.heard = [];
              addEventListener("message", ({ data }) => window.heard.push(data));
              window.told = 0; // the panel is not even among the frames of the page: it is in a shadow tree
              for (let index = 0; index < parent.length; index += 1) {
                if (parent[index] === window) continue;
                window.told += 1;
                for (const type of ["hello", "open", "identity", "token"])
                  parent[index].postMessage({ source: "assent", version: 1, type }, "*");
              }
              for (const type of ["ready", "close", "forget"])
                parent.postMessage({ source: "assent", version: 1, type }, "*");
            }"""
        )
        page.wait_for_timeout(500)
        assert frame.evaluate("[window.told, window.heard]") == [0, []]
        expect(page.get_by_role("button", name="Unread messages: 1")).to_be_visible()
        page.get_by_role("button", name="Unread messages: 1").click()
        expect(panel(page).locator(".theirs .words")).to_have_text("Hello Sam")
