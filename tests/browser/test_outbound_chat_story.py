"""Max sends an outbound chat. Sam and a lead get it at their next visit; sam opts in, and the report shows it."""

import re

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from app.core import clock
from app.db import Database
from app.jobs import run_outbound_chats
from app.models import Message, MessageKind
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.shop import Shop, form_in, open_chat, panel, write
from tests.browser.themes import in_every_look


def test_max_sends_an_outbound_chat_and_sam_opts_in_at_the_next_visit(
    chromium: Browser, page: Page, address: str, shop: Shop, database: Database
) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session, name="Offers")
        make.form(session, offers, name="Spring offers")
        make.contact(session, name="Sam Rivera", external_id="sam-1", phone_number=make.SAMS_NUMBER)
        gone = make.contact(session, name="Eve Stone", external_id="eve-1", phone_number=make.EVES_NUMBER)
        make.opt_in(session, gone, offers)
    people = [chromium.new_context(locale="en-US") for _ in range(2)]
    lead, sam = (person.new_page() for person in people)
    lead.goto(shop.origin)
    open_chat(lead)
    write(lead, "Do you have tastings?")
    expect(panel(lead).locator(".mine time")).to_be_visible()
    lead.goto("about:blank")
    sign_in(page, address)

    page.goto(f"{address}/outbound-chats")
    page.get_by_role("link", name="New outbound chat").click()
    page.get_by_label("Name", exact=True).fill("Spring tasting")
    page.get_by_label("Text", exact=True).fill("Hi {{ first_name | there }}, our spring tasting is near.")
    page.get_by_label("Form", exact=True).select_option(label="Spring offers")
    check = page.locator("#check")
    expect(check).to_contain_text("Hi Sam, our spring tasting is near.")
    assert in_every_look(page) == []
    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_role("status").first).to_contain_text("Nothing is sent yet.")
    expect(page.locator(".reach")).to_contain_text("2 people of 3 contacts")
    page.get_by_role("link", name="Show the contacts: Has opted in already").click()
    expect(page.get_by_role("table")).to_contain_text("Eve Stone")
    page.go_back()
    assert in_every_look(page) == []
    page.locator("summary", has_text="Send now").click()
    page.get_by_role("button", name="Send to 2 people").click()
    chat_id = int(page.url.rpartition("/")[2])
    run_outbound_chats.run_until_active(database, chat_id)
    expect(page.locator("#progress")).to_contain_text("Delivered to 0 of 2 people")

    sam.goto(shop.signed("/account", "sam-1"))
    sam.get_by_role("button", name="Unread messages: 2").click()
    expect(panel(sam).get_by_role("log")).to_contain_text("Hi Sam, our spring tasting is near.")
    form = form_in(sam)
    expect(page.get_by_role("row", name=re.compile("Seen"))).to_contain_text("1")
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    expect(page.get_by_role("row", name=re.compile("Signed up"))).to_contain_text("1")
    lead.goto(shop.origin)
    lead.get_by_role("button", name="Unread messages: 2").click()
    expect(panel(lead).get_by_role("log")).to_contain_text("Hi there, our spring tasting is near.")
    expect(panel(lead).get_by_role("log")).to_contain_text("Do you have tastings?")
    for visitor in (lead, sam):
        visitor.reload()
        visitor.get_by_role("button", name=re.compile("chat|Unread")).click()
        expect(panel(visitor).get_by_role("log")).to_contain_text("our spring tasting is near.")
    assert in_every_look(page) == []

    page.locator("summary", has_text="Stop outbound chat").click()
    page.get_by_label("Also withdraw forms that were not answered").check()
    page.get_by_role("button", name="Stop permanently").click()
    run_outbound_chats.follow(database)
    expect(page.get_by_role("row", name=re.compile("Withdrawn"))).to_contain_text("1")
    page.get_by_role("row", name=re.compile("Signed up")).get_by_role("link").click()
    expect(page.get_by_role("table")).to_contain_text("Sam Rivera")
    assert in_every_look(page) == []
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    assert "signed_up" in download.value.path().read_text("utf-8")
    with database.read_only() as session:
        texts = select(Message.author).where(Message.kind == MessageKind.MESSAGE, Message.created_at < clock.now())
        assert list(session.scalars(texts)).count(f"outbound:{chat_id}") == 2
    for person in people:
        person.close()
