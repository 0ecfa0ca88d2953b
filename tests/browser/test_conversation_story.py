"""The whole story: a visitor on another origin, an agent, a signed user, and a stranger who claims to be that user."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from app.db import Database
from app.models import ConsentEvent, ConsentEvidence, InsertedForm, Wording
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.shop import Shop, form_in, identity, open_chat, panel, user_with_conversation, write


def configure(agent: Page, title: str) -> None:
    """Configure a form in place and insert it."""
    agent.get_by_role("link", name="Send form").click()
    agent.get_by_role("link", name="Custom form").click()
    agent.get_by_label("Title", exact=True).fill(title)
    agent.get_by_label("Legal text", exact=True).fill("You agree to get **texts** from Harbour Coffee.")
    agent.get_by_role("button", name="Send form").click()
    agent.wait_for_url(re.compile(r"/inbox/\d+(#reply)?$"))


@pytest.mark.databases("sqlite", "postgresql")
def test_a_visitor_writes_an_agent_inserts_a_form_and_the_ledger_has_the_consent(
    chromium: Browser, page: Page, address: str, shop: Shop, database: Database
) -> None:
    with database.unit_of_work() as session:
        make.live_type(session, name="Tastings")
    user_with_conversation(database, "sam-1")
    sign_in(page, address)
    page.goto(f"{address}/inbox")
    people = [chromium.new_context(locale="en-US") for _ in range(3)]
    visitor, eve, sam = (person.new_page() for person in people)

    visitor.goto(shop.origin)
    open_chat(visitor)
    write(visitor, "Do you have tastings?")
    row = page.get_by_role("link", name=re.compile("Do you have tastings"))
    expect(row).to_be_visible()
    row.click()
    configure(page, "A seat for you")
    form = form_in(visitor)
    form.get_by_label("Phone number").fill("+1 202 555 0199")
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    card = page.get_by_role("article", name="Form: A seat for you")
    expect(card).to_have_attribute("data-state", "signed_up")
    with database.read_only() as session:
        event = session.scalars(select(ConsentEvent)).one()
        evidence = session.get_one(ConsentEvidence, event.id)
        words = session.get_one(Wording, evidence.wording_hash).body
        inserted = session.get_one(InsertedForm, event.inserted_form_id)
    assert "A seat for you" in words
    assert "<strong>texts</strong> from Harbour Coffee" in words
    assert (evidence.origin, evidence.destination) == (shop.origin, make.EVES_NUMBER)
    assert f"/inbox/{inserted.conversation_id}" in page.url
    visitor.reload()
    open_chat(visitor)
    expect(form_in(visitor).locator("main")).to_have_attribute("data-state", "signed_up")

    page.goto(f"{address}/inbox")
    page.get_by_role("link", name=re.compile("Sam 1|Hello Sam")).first.click()
    configure(page, "Only for Sam")
    eve.goto(shop.put("/eve", identity(user_id="sam-1", phone=make.SAMS_NUMBER)))
    open_chat(eve)
    write(eve, "I am Sam")
    expect(panel(eve).locator(".mine time")).to_be_visible()
    shown = panel(eve).locator("main").inner_html()
    assert not re.search(r"Hello Sam|Only for Sam|202\D*555|••23", shown)

    sam.goto(shop.signed("/account", "sam-1"))
    sam.get_by_role("button", name="Unread messages: 2").click()
    form = form_in(sam)
    expect(form.locator("main")).to_contain_text("+1 202-555-0123")
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    expect(form.locator("main")).to_contain_text("+1 202-555-0123")
    card = page.get_by_role("article", name="Form: Only for Sam")
    expect(card).to_have_attribute("data-state", "signed_up")
    for person in people:
        person.close()
