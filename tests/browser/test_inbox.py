"""The inbox in Chromium: two agents, live updates, the keyboard, and broken connections."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from app.core import clock
from app.core.accounts import agents
from app.core.accounts.agents import NewAgent
from app.core.conversations import appending, lifecycle, messages
from app.core.conversations import forms as conversation_forms
from app.core.conversations import views as conversation_views
from app.core.conversations.appending import NewMessage
from app.core.forms import insertion
from app.db import Database
from app.models import Contact, InsertedForm, MessageKind, Role
from tests import make
from tests.browser.conftest import PASSWORD, sign_in
from tests.browser.shop import polls_every_second
from tests.browser.themes import in_every_look

ANA = "ana@example.com"


@pytest.fixture
def sam(database: Database) -> Contact:
    with database.unit_of_work() as session:
        return make.contact(session, name="Sam Rivera", phone_number=make.SAMS_NUMBER)


@pytest.fixture
def max_(page: Page, address: str) -> Page:
    """Max, signed in, in a separate browser."""
    sign_in(page, address)
    return page


@pytest.fixture
def ana(chromium: Browser, address: str, database: Database) -> Iterator[Page]:
    with database.unit_of_work() as session:
        new = NewAgent(ANA, "Ana", Role.AGENT, agents.hash_password(PASSWORD))
        agents.create_agent(session, new, at=clock.now())
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill(ANA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{address}/inbox")
    yield page
    context.close()


def post_as_contact(database: Database, sam: Contact, body: str) -> int:
    with database.unit_of_work() as session:
        chat = lifecycle.find_or_start(session, sam.id, at=clock.now())
        messages.post(session, chat.id, NewMessage("contact", body), at=clock.now())
        return chat.id


def bodies_shown_to(database: Database, sam: Contact, chat: int) -> list[str]:
    with database.read_only() as session:
        page = conversation_views.contact_page(session, chat, sam.id, at=clock.now())
        return [line.body for line in page.messages]


def test_two_agents_see_changes_and_each_other_without_reloading(
    max_: Page, ana: Page, address: str, database: Database, sam: Contact
) -> None:
    problems: list[str] = []
    for page in (max_, ana):
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
    ana.goto(f"{address}/inbox")
    chat = post_as_contact(database, sam, "Is anybody there?")
    row = ana.locator("#chats").get_by_role("link", name=re.compile("Sam Rivera"))
    expect(row).to_contain_text("Is anybody there?")
    polls_every_second(ana, ana.locator("body"))
    expect(ana).to_have_title(re.compile(r"^\(1\) Inbox"))
    expect(ana.locator("#announcer")).to_contain_text("New from Sam Rivera: Is anybody there?")
    row.click()
    ana.evaluate("window.isTheSamePage = true")
    expect(ana).not_to_have_title(re.compile(r"^\("))

    max_.goto(f"{address}/inbox/{chat}")
    expect(ana.locator("#chat-head")).to_contain_text("Max is here, too")
    expect(max_.locator("#chat-head")).to_contain_text("Ana is here, too")
    max_.get_by_role("radio", name="Internal note").check()
    max_.get_by_label("Your message").fill("I know him. Be quick.")
    max_.get_by_role("button", name="Save note").click()
    expect(ana.locator(".line-note")).to_contain_text("I know him. Be quick.")
    expect(ana.locator("#announcer")).to_have_text("Max, Internal note: I know him. Be quick.")
    expect(max_.locator("#announcer")).to_have_text("Sent")
    ana.get_by_label("Your message").fill("At your service, Sam.")
    ana.keyboard.press("Control+Enter")
    expect(max_.locator(".line-agent")).to_contain_text("At your service, Sam.")
    expect(ana.locator("#announcer")).to_have_text("Sent")
    expect(max_.locator("#announcer")).to_have_text("Ana: At your service, Sam.")
    expect(ana.get_by_label("Your message")).to_have_value("")
    assert bodies_shown_to(database, sam, chat) == ["Is anybody there?", "At your service, Sam."]

    with database.unit_of_work() as session:
        messages.mark_seen_by_contact(session, chat, 3, at=clock.now())
    expect(ana.locator("#line-seen")).to_have_text("Seen by Sam Rivera")
    max_.get_by_role("button", name="Close", exact=True).click()
    expect(ana.locator("#chat-head")).to_contain_text("Closed")
    max_.wait_for_url(f"{address}/inbox")
    expect(ana.locator("#chat-head")).not_to_contain_text("here, too")
    assert ana.evaluate("window.isTheSamePage")
    assert problems == []


def test_a_page_that_is_being_left_no_longer_reports_its_conversation_as_shown(
    ana: Page, address: str, database: Database, sam: Contact
) -> None:
    """The report could be handled after that of leaving: others saw Ana there for a minute."""
    chat = post_as_contact(database, sam, "Hello")
    with ana.expect_response(re.compile("/here$")):
        ana.goto(f"{address}/inbox/{chat}")
    reports: list[str] = []
    ana.on("request", lambda request: reports.append(request.url) if request.url.endswith("/here") else None)
    ana.evaluate("dispatchEvent(new Event('beforeunload'))")
    post_as_contact(database, sam, "Still there?")
    expect(ana.locator(".line-text").last).to_have_text("Still there?")
    assert reports == []


def test_a_button_that_is_replaced_while_it_is_pressed_does_what_it_says(
    ana: Page, address: str, database: Database, sam: Contact
) -> None:
    chat = post_as_contact(database, sam, "Hello")
    ana.goto(f"{address}/inbox/{chat}")
    for name, becomes in (("Assign to me", "Assigned to you"), ("Close", "Closed")):
        box = ana.get_by_role("button", name=name, exact=True).bounding_box()
        assert box
        ana.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        ana.mouse.down()
        post_as_contact(database, sam, f"Not yet {name}")
        expect(ana.locator(".line-text").last).to_have_text(f"Not yet {name}")
        ana.mouse.up()
        if name == "Close":  # which opens the list
            ana.wait_for_url(f"{address}/inbox")
            ana.goto(f"{address}/inbox/{chat}")
        expect(ana.locator("#chat-head")).to_contain_text(becomes)


def test_a_configured_form_is_inserted_and_its_card_changes_live(
    ana: Page, address: str, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, name="Tastings")
    chat = post_as_contact(database, sam, "Tell me about tastings")
    ana.goto(f"{address}/inbox/{chat}")
    ana.get_by_role("link", name="Send form").click()
    ana.get_by_role("link", name="Custom form").click()
    preview = ana.frame_locator("iframe[name=preview]")
    ana.get_by_label("Title", exact=True).fill("A seat for you")
    ana.get_by_label("Legal text", exact=True).fill("You agree to get **texts**.")
    expect(preview.get_by_role("heading")).to_have_text("A seat for you")
    expect(preview.locator("main")).to_have_attribute("data-state", "saved")
    expect(preview.locator("main")).to_contain_text("+1 ••• ••• ••23")
    expect(preview.get_by_role("button")).to_have_text("Sign Up Now")
    ana.get_by_role("button", name="Send form").click()
    ana.wait_for_url(re.compile(rf"/inbox/{chat}(#reply)?$"))
    card = ana.get_by_role("article", name="Form: A seat for you")
    expect(card).to_have_attribute("data-state", "waiting")
    with database.read_only() as session:
        token = session.scalars(select(InsertedForm.token)).one()
    person = ana.context.browser.new_context(locale="en-US") if ana.context.browser else None
    assert person
    visitor = person.new_page()
    visitor.goto(f"{address}/f/{token}")
    expect(card).to_have_attribute("data-state", "seen")
    visitor.get_by_role("button", name="Sign Up Now").click()
    expect(card).to_have_attribute("data-state", "signed_up")
    expect(card).to_contain_text("Agreed to Tastings with +1 202-555-0123")
    expect(ana.locator("#panel")).to_contain_text("Opted in")
    card.get_by_text("What they agreed to").click()
    expect(card.locator("strong", has_text="texts")).to_be_visible()
    card.get_by_role("button", name="Say thank you").click()
    expect(ana.get_by_label("Your message")).to_have_value("Thank you for signing up.")
    expect(ana.get_by_label("Your message")).to_be_focused()
    person.close()


def test_a_broken_connection_neither_loses_nor_repeats_a_message(
    ana: Page, address: str, database: Database, sam: Contact
) -> None:
    chat = post_as_contact(database, sam, "Hello")
    ana.goto(f"{address}/inbox/{chat}")
    expect(ana.locator(".line")).to_have_count(1)

    def swallow(route) -> None:  # type: ignore[no-untyped-def]  # the request arrives, its response does not
        ana.request.post(route.request.url, data=route.request.post_data_buffer, headers=route.request.headers)
        route.abort()

    ana.route("**/messages*", swallow)
    ana.get_by_label("Your message").fill("Only once, please")
    ana.get_by_role("button", name="Send").click()
    expect(ana.get_by_role("alert")).to_contain_text("The message was not sent")
    ana.unroute("**/messages*")
    ana.context.set_offline(True)
    ana.get_by_role("button", name="Close", exact=True).click()
    expect(ana.locator("#chat-head")).to_contain_text("You’re offline. Nothing was changed.")
    for number in range(5):
        post_as_contact(database, sam, f"missed {number}")
    expect(ana.locator("#offline")).to_be_visible()
    ana.context.set_offline(False)
    expect(ana.get_by_text("missed 4", exact=True).first).to_be_visible()
    expect(ana.locator("#offline")).to_be_hidden()
    ana.get_by_role("button", name="Send").click()
    expect(ana.get_by_label("Your message")).to_have_value("")
    time.sleep(1.5)
    shown = ana.locator(".line-text").all_inner_texts()
    assert shown == ["Hello", "Only once, please", *(f"missed {number}" for number in range(5))]
    assert bodies_shown_to(database, sam, chat) == shown


def test_text_typed_while_a_reply_is_sent_is_kept(ana: Page, address: str, database: Database, sam: Contact) -> None:
    chat = post_as_contact(database, sam, "Hello")
    ana.goto(f"{address}/inbox/{chat}")
    field, trouble = ana.get_by_label("Your message"), ana.locator("#not-sent")

    def lose(route) -> None:  # type: ignore[no-untyped-def]  # the request arrives, its response does not
        ana.request.post(route.request.url, data=route.request.post_data_buffer, headers=route.request.headers)
        route.abort()

    ana.route("**/messages*", lose, times=1)
    field.fill("At five")
    field.press("Control+Enter")
    expect(trouble).to_contain_text("You’re offline")
    field.fill("At six")
    field.press("Control+Enter")
    expect(field).to_have_value("")

    def write_on(route) -> None:  # type: ignore[no-untyped-def]
        field.press_sequentially(" And bring")
        route.continue_()

    ana.route("**/messages*", write_on, times=1)
    field.fill("See you.")
    field.press("Control+Enter")
    expect(field).to_have_value(" And bring")
    field.evaluate("field => { field.value = 'x'.repeat(5001); }")
    field.press("Control+Enter")
    expect(trouble).to_have_text("Not sent. Use at most 5000 characters.")
    expect(ana.locator(".line-text")).to_have_text(["Hello", "At five", "At six", "See you."])
    assert bodies_shown_to(database, sam, chat) == ["Hello", "At five", "At six", "See you."]


def test_without_scripts_every_action_works_by_plain_pages(
    chromium: Browser, ana: Page, address: str, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        make.form(session, name="Offers by text")
    chat = post_as_contact(database, sam, "Hello")
    context = chromium.new_context(java_script_enabled=False, storage_state=ana.context.storage_state())
    page = context.new_page()
    page.goto(f"{address}/inbox")
    page.locator("#chats").get_by_role("link", name=re.compile("Sam Rivera")).click()
    page.get_by_label("Your message").fill("\n".join(["Hi Sam"] + ["so long"] * 40))
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".line-agent")).to_contain_text("Hi Sam")
    bottom = page.locator("#thread").bounding_box(), page.locator(".line-agent").bounding_box()
    assert bottom[0]
    assert bottom[1]
    assert bottom[1]["y"] + bottom[1]["height"] <= bottom[0]["y"] + bottom[0]["height"], "the newest is on the screen"
    page.get_by_role("link", name="Send form").click()
    page.locator("label", has_text="Offers by text").click()
    page.get_by_role("button", name="Send form").click()
    expect(page.locator(".form-card")).to_have_attribute("data-state", "waiting")
    page.get_by_role("button", name="Assign to me").click()
    expect(page.locator("#chat-head")).to_contain_text("Assigned to you")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator("#chat-head")).to_contain_text("Closed")
    assert [body[:6] for body in bodies_shown_to(database, sam, chat)] == ["Hello", "Hi Sam", ""]
    context.close()


def test_a_note_never_reaches_the_page_of_the_contact(database: Database, sam: Contact) -> None:
    chat = post_as_contact(database, sam, "Hello")
    with database.unit_of_work() as session:
        messages.post(session, chat, NewMessage("agent:1", "secret", kind=MessageKind.NOTE), at=clock.now())
    assert bodies_shown_to(database, sam, chat) == ["Hello"]


def test_the_inbox_has_no_accessibility_violations_and_does_not_scroll_sideways(
    ana: Page, address: str, database: Database, sam: Contact
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session, name="Offers by text")
        chat = lifecycle.find_or_start(session, sam.id, at=clock.now()).id
        messages.post(session, chat, NewMessage("contact", "x" * 300), at=clock.now())
        messages.post(session, chat, NewMessage("agent:1", "Look", kind=MessageKind.NOTE), at=clock.now())
        inserted = insertion.insert_for(session, form, sam, inserted_by="agent:1", at=clock.now())
        conversation_forms.place(session, appending.lock(session, chat), inserted, author="agent:1", at=clock.now())
    paths = (f"/inbox/{chat}", f"/inbox/{chat}/forms", f"/inbox/{chat}/insert", f"/inbox/new/{sam.public_id}")
    for path in ("/inbox", "/inbox?q=zz", *paths):
        ana.goto(f"{address}{path}")
        ana.wait_for_timeout(300)
        assert in_every_look(ana, is_sample=path == paths[0]) == []
    ana.goto(f"{address}/inbox/{chat}")
    for key, dialog in (("?", "#inbox-settings"), ("i", "#picker")):
        ana.locator("#thread").focus()
        ana.keyboard.press(key)
        expect(ana.locator(dialog)).to_be_visible()
        assert in_every_look(ana, is_sample=False) == []
        ana.keyboard.press("Escape")
