"""Leaving where one signed up: on the form, in the chat, and in the messenger's own screen."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.db import Database
from app.models import ConsentEvent
from tests import make
from tests.browser.shop import Shop, form_in, insert_form, open_chat, panel, user_with_conversation

# What happens in the browser alone is the same over either database.
over_sqlite = pytest.mark.databases("sqlite")


def _acts(database: Database) -> list[tuple[str, str, str]]:
    with database.read_only() as session:
        events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id))
        return [(each.action, each.source, each.evidence_level) for each in events]


@over_sqlite
def test_sam_leaves_in_the_messenger_and_again_in_the_card_of_the_chat(
    page: Page, shop: Shop, database: Database
) -> None:
    user_with_conversation(database, "sam")
    insert_form(database)
    page.goto(shop.signed("/sam", "sam"))
    chat = open_chat(page)
    card = form_in(page)
    card.get_by_role("button", name="Sign Up Now").click()
    expect(card.get_by_role("button", name="Manage your subscriptions")).to_be_visible()
    chat.get_by_role("button", name="Your subscriptions").press("Enter")
    offers = chat.get_by_role("listitem").filter(has_text="Offers")
    expect(offers).to_contain_text("Subscribed")
    expect(chat.get_by_role("heading", name="Your subscriptions")).to_be_focused()
    expect(chat.get_by_role("link", name="Manage all on your preference page")).to_have_attribute("target", "_blank")
    page.route("**/unsubscribe*", lambda route: route.abort())
    offers.get_by_role("button", name="Unsubscribe").press("Enter")
    expect(chat.get_by_role("status")).to_have_text("That failed, so you may still be subscribed. Please try again.")
    page.unroute("**/unsubscribe*")
    offers.get_by_role("button", name="Unsubscribe").press("Enter")
    expect(chat.get_by_role("status")).to_have_text("You are unsubscribed from “Offers”.")
    expect(offers).to_have_attribute("data-subscribed", "false")
    expect(offers.locator(".status")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chat.get_by_role("button", name="Your subscriptions")).to_be_focused()
    card.get_by_role("button", name="Sign Up Now").click()
    expect(card.locator("main")).to_have_attribute("data-state", "done")
    page.reload()
    open_chat(page)
    card.get_by_role("button", name="Withdraw consent").click()
    expect(card.get_by_role("status")).to_contain_text("You have withdrawn your consent.")
    expect(card.locator("main")).to_have_attribute("data-state", "saved")
    signed = "signed_identity"
    assert _acts(database) == [
        ("opt_in", "form", signed),
        ("opt_out", "messenger", signed),
        ("opt_in", "form", signed),
        ("opt_out", "form", signed),
    ]
    with page.expect_popup() as opened:
        panel(page).get_by_role("button", name="Your subscriptions").click()
        panel(page).get_by_role("link", name="Manage all on your preference page").click()
    expect(opened.value.locator("main")).to_have_attribute("data-state", "preferences")


@over_sqlite
def test_a_visitor_of_a_public_form_leaves_by_the_link_that_they_kept(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    page.goto(f"{address}/f/form/{key}")
    page.get_by_label("Phone number").fill(make.SAMS_NUMBER)
    page.get_by_role("button", name="Sign Up Now").click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Keep this link to withdraw later").click()
    kept = opened.value
    expect(kept.locator("main")).to_have_attribute("data-state", "signed_up")
    kept.get_by_role("button", name="Withdraw consent").click()
    expect(kept.get_by_role("status")).to_contain_text("You will not receive texts from this sign-up.")
    assert [action for action, *_ in _acts(database)] == ["opt_in", "opt_out"]
    page.goto(f"{address}/f/form/{key}")
    expect(page.locator("main")).to_have_attribute("data-state", "ask")
