"""Sam leaves by a link, in Chromium without scripts."""

from playwright.sync_api import Browser, expect

from app.core import clock, public_urls
from app.core.preferences import links
from app.db import Database
from app.models import EvidenceLevel, Suppression
from tests import make


def test_sam_leaves_by_a_link_and_stops_all_texts_without_scripts(
    address: str, database: Database, chromium: Browser
) -> None:
    with database.unit_of_work() as session:
        offers, news = make.live_type(session), make.live_type(session, name=f"News {'long' * 15}")
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        for subscription_type in (offers, news):
            make.opt_in(session, sam, subscription_type)
        token = links.issue(session, sam, level=EvidenceLevel.PERSONAL_LINK, at=clock.now())
    context = chromium.new_context(java_script_enabled=False, locale="en-US", viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.goto(public_urls.preferences(token, base=address))
    rows = page.locator("[data-subscription-type]")
    expect(rows).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    button = rows.filter(has_text="Offers").get_by_role("button", name="Unsubscribe")
    box = button.bounding_box()
    assert box
    assert box["height"] >= 44
    button.click()
    expect(page.get_by_role("status")).to_have_text("You are unsubscribed from “Offers”.")
    expect(rows.filter(has_text="Offers")).to_have_attribute("data-subscribed", "false")
    expect(rows.filter(has_text="News")).to_have_attribute("data-subscribed", "true")
    page.get_by_role("button", name="Stop all texts").click()
    expect(page.get_by_role("status")).to_have_text("All texts are stopped.")
    expect(rows.filter(has_text="News")).to_have_attribute("data-subscribed", "false")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert context.cookies() == []
    context.close()
    with database.read_only() as session:
        assert session.get_one(Suppression, sam.phone_hash).cause == "preference_center"
