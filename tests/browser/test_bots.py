"""Bots on pages of another origin: greeted, signed up in two clicks, and nothing stored for those who only look."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.core import clock
from app.core.bots import rules
from app.core.bots.rule_values import RuleValues
from app.core.workspace import settings
from app.db import Database
from app.models import Base, BotGreeting, ConsentEvent, Contact, Conversation, Message
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.shop import Shop, bodies, form_in, open_chat, panel, write

pytestmark = pytest.mark.databases("sqlite")
UNREAD = re.compile("Unread messages: 1")


def bot(database: Database, **values: Any) -> int:
    """A rule that is on, with a form."""
    with database.unit_of_work() as session:
        chosen = {"name": "Welcome", "trigger": "page", "body": "Get our offers first!"} | values
        with_form = RuleValues(**chosen, form_id=make.form(session).id)
        made = rules.create(session, with_form, actor="agent:1", at=clock.now())
        return rules.switch(session, made.id, is_on=True, actor="agent:1", at=clock.now()).id


def rows(database: Database) -> dict[str, int]:
    with database.read_only() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
            if name != "snippet_origins"
        }


def test_a_visitor_is_greeted_after_a_second_presses_the_card_and_opts_in(
    page: Page, shop: Shop, database: Database
) -> None:
    bot(database, seconds=1)
    before = rows(database)
    page.goto(shop.origin)
    expect(page.get_by_role("button", name=UNREAD)).to_be_visible()
    page.goto(shop.put("/next"))
    page.get_by_role("button", name=UNREAD).click()
    offer = panel(page).get_by_role("button", name=re.compile("Sign Up Now"))
    expect(offer).to_contain_text("Texts from Harbour Coffee")
    page.reload()
    page.get_by_role("button", name="Open the chat", exact=True).click()
    expect(offer).to_be_visible()
    assert rows(database) == before
    offer.click()
    form = form_in(page)
    expect(form.locator("main")).to_have_attribute("data-state", "ask")
    expect(panel(page).locator(".offer")).to_have_count(0)
    expect(panel(page).locator(".theirs .words")).to_have_text(["Get our offers first!"])
    form.get_by_label("Phone number").fill("+1 202 555 0123")
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    with database.read_only() as session:
        assert session.scalars(select(ConsentEvent.action)).one() == "opt_in"
        conversation_id = session.scalars(select(Conversation.id)).one()
    sign_in(page, shop.address)
    page.goto(f"{shop.address}/inbox/{conversation_id}")
    expect(page.locator(".line-head").first).to_contain_text("Bot")
    expect(page.locator(".form-card")).to_contain_text("Agreed to")


def test_a_greeting_that_is_answered_is_stored_before_the_answer_and_words_are_answered(
    page: Page, shop: Shop, database: Database
) -> None:
    bot(database, trigger="open", body="Can we help?")
    with database.unit_of_work() as session:
        settings.change(session, {"bot_pause_hours": 0}, actor="agent:1", at=clock.now())
        values = RuleValues("Price", "words", "It is on the page.", words=["price"])
        made = rules.create(session, values, actor="agent:1", at=clock.now())
        rules.switch(session, made.id, is_on=True, actor="agent:1", at=clock.now())
    page.goto(shop.origin)
    open_chat(page)
    expect(panel(page).locator(".theirs .words")).to_have_text(["Can we help?"])
    write(page, "What is the price?")
    expect(panel(page).locator(".words")).to_have_text(["Can we help?", "What is the price?", "It is on the page."])
    assert bodies(database) == ["Can we help?", "What is the price?", "It is on the page."]
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "ask")
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
        assert session.scalar(select(func.count()).select_from(BotGreeting)) == 2
        assert session.scalar(select(func.count()).select_from(Message)) == 4
    page.goto(shop.put("/other"))
    open_chat(page)
    expect(panel(page).locator(".words")).to_have_count(3)
