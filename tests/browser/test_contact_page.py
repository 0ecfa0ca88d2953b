"""An agent's work on a contact: a switch on and off, a new number with its preview, and the erasure of the person."""

from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core.consent import eligibility
from app.db import Database
from app.models import ConsentEvent, ConsentEvidence, ConsentState, ConsentType, Contact, SubscriptionType
from tests import make
from tests.browser.conftest import sign_in
from tests.browser.themes import in_every_look
from tests.make import SAMS_NUMBER


def _state(database: Database, sam: Contact, offers: SubscriptionType) -> ConsentState:
    with database.read_only() as session:
        return eligibility.status(session, session.get_one(Contact, sam.id), offers).state


def test_an_agent_switches_a_subscription_changes_the_number_and_erases_the_person(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        for number in range(10):  # so many that the page scrolls
            make.live_type(session, name=f"News {number}", consent_type=ConsentType.OPT_OUT)
        offers, sam = make.live_type(session), make.contact(session, name="Sam Rivera", phone_number=SAMS_NUMBER)
    sign_in(page, address)
    page.goto(f"{address}/contacts/{sam.public_id}")
    switch = page.get_by_role("switch", name="Offers")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    note = page.get_by_label("How was consent given?")
    expect(note).to_be_focused()
    assert in_every_look(page) == []
    page.get_by_role("link", name="Cancel").click()
    expect(note).to_be_hidden()
    expect(switch).to_be_focused()
    switch.press("Enter")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(note).to_be_focused()
    note.fill("Signed the card in the shop")
    page.get_by_role("button", name="Switch on").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert _state(database, sam, offers) == ConsentState.OPTED_IN
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(switch).to_be_in_viewport()
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("status").first).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Write something first.")).to_be_in_viewport()
    expect(page.get_by_label("New note")).to_be_focused()

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Country").select_option("GB")
    page.get_by_label("Phone number").fill("07400 123456")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No longer counts: they opted in with the old number.")).to_be_visible()
    assert in_every_look(page) == []
    assert _state(database, sam, offers) == ConsentState.OPTED_IN
    page.get_by_role("button", name="Save with the new number").click()
    expect(page.get_by_text("The details are saved.")).to_be_visible()
    expect(page.get_by_text("Number changed")).to_be_visible()
    assert _state(database, sam, offers) == ConsentState.NEVER_ASKED

    page.locator("summary", has_text="Erase this person").click()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Check the box to erase this person.")
    page.get_by_label("Erase this person permanently").check()
    page.get_by_role("button", name="Erase", exact=True).click()
    expect(page.get_by_role("heading", name="Erased contact")).to_be_visible()
    assert in_every_look(page) == []
    with database.read_only() as session:
        assert session.get_one(Contact, sam.id).phone is None
        notes = session.scalars(select(ConsentEvidence.note).where(ConsentEvidence.note.is_not(None))).all()
        assert notes == []
        actions = session.scalars(select(ConsentEvent.action).order_by(ConsentEvent.id)).all()
        assert actions == ["opt_in", "opt_out", "opt_in", "number_change", "erase"]
