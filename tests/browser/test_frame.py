"""The frame of the staff pages in Chromium: sections, steps that ask first, and edits that are not saved."""

from itertools import pairwise, product

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from app.core.accounts import api_tokens
from app.core.contacts import tags
from app.core.subscriptions import subscription_types
from app.db import Database
from app.models import AgentSession
from tests import make
from tests.browser.conftest import MAX, PASSWORD

NARROW, WIDE = {"width": 320, "height": 700}, {"width": 1280, "height": 800}


def signed_in(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill(MAX)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def test_sections_are_at_the_left_and_on_small_screens_behind_one_button(chromium: Browser, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=WIDE)
    page = context.new_page()
    signed_in(page, address)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Team").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Team")
    expect(page.get_by_role("link", name="Team", exact=True)).to_have_attribute("aria-current", "page")
    page.set_viewport_size(NARROW)
    expect(page.get_by_role("link", name="Webhooks")).to_be_hidden()
    page.locator("summary", has_text="Menu").click()
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks")
    context.close()


def test_archiving_asks_first_and_can_be_undone_without_scripts(
    chromium: Browser, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    context = chromium.new_context(java_script_enabled=False, viewport=WIDE)
    page = context.new_page()
    signed_in(page, address)
    page.goto(f"{address}/admin/subscription-types/{type_id}")
    expect(page.get_by_role("button", name="Archive this type")).to_be_hidden()
    page.locator("summary", has_text="Archive").click()
    expect(page.get_by_text("No one is opted in; the history is kept.")).to_be_visible()
    page.get_by_role("button", name="Archive this type").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").first).to_contain_text("is restored")
    with database.read_only() as session:
        assert subscription_types.find(session, type_id).state == "live"
    context.close()


def test_after_an_action_the_focus_is_on_its_message_and_tab_leads_to_undo(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        type_id = make.live_type(session).id
    signed_in(page, address)
    page.goto(f"{address}/admin/subscription-types/{type_id}")
    page.locator("summary", has_text="Archive").click()
    page.get_by_role("button", name="Archive this type").click()
    expect(page.get_by_role("status").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.goto(f"{address}/admin/settings")
    assert page.evaluate("document.activeElement === document.body")
    page.goto(f"{address}/contacts")
    page.get_by_label("Find a contact").fill("nothing like it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("0 contacts")).to_be_focused()
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Find a country").fill("austr")
    expect(page.locator("#countries").get_by_role("status")).to_have_text("Found: 2")


def test_a_form_with_changes_asks_before_it_is_left(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    signed_in(page, address)
    page.goto(f"{address}/admin/settings")
    page.get_by_role("link", name="Team").click()
    page.wait_for_url("**/admin/agents")
    assert asked == []
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Workspace name").fill("Harbour Tea")
    page.get_by_role("link", name="Team").click()
    page.wait_for_url("**/admin/agents")
    assert asked == ["beforeunload"]
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Workspace name").fill("Harbour Tea")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("status").first).to_contain_text("The settings are saved.")
    assert asked == ["beforeunload"]


def test_a_refused_form_asks_before_it_is_left_because_nothing_was_saved(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    signed_in(page, address)
    page.goto(f"{address}/admin/settings")
    page.get_by_label("Workspace name").fill("")
    page.get_by_role("button", name="Save settings").click()
    page.locator("[aria-invalid]").first.wait_for()
    page.get_by_role("link", name="Team").click()
    page.wait_for_url("**/admin/agents")
    assert asked == ["beforeunload"]


def test_a_long_word_in_a_name_pushes_no_column_out_of_a_table(page: Page, address: str, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session, name=f"Offers {'long' * 13}")
        make.opt_in(session, make.contact(session, name="long" * 20, phone_number=make.SAMS_NUMBER), offers)
        make.form(session, offers)
        api_tokens.create(
            session,
            "The tills of all our shops in the old town",
            ["read"],
            at=make.NOON,
            expires_at=None,
            actor="agent:1",
        )
    page.set_viewport_size(WIDE)
    signed_in(page, address)
    for path in ("/contacts", "/contacts/opt-ins", "/admin/forms"):
        page.goto(f"{address}{path}")
        wide = page.evaluate("[...document.querySelectorAll('.table-wrap')].map(e => e.scrollWidth - e.clientWidth)")
        assert max(wide, default=0) <= 0, path
    page.goto(f"{address}/admin/tokens")
    button, table = (
        page.locator("summary", has_text="Revoke").bounding_box(),
        page.locator(".table-wrap").bounding_box(),
    )
    assert button
    assert table
    assert button["x"] + button["width"] < table["x"] + table["width"], "the button is cut off"


def test_no_language_pushes_a_column_of_a_table_out_of_a_common_window(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        max_ = {"name": "Maximiliane von Hohenstein", "email_address": "maximiliane@beispielunternehmen.example"}
        contact = make.contact(session, phone_number=make.SAMS_NUMBER, **max_)
        for name in ("Offers and news", "Order updates"):
            make.form(session, offers := make.live_type(session, name=name))
            make.opt_in(session, contact, offers)
        sale = tags.create(session, "Sommerschlussverkauf 2026", actor="agent:1", at=make.NOON)
        tags.attach(session, contact.public_id, sale.id, actor="agent:1", at=make.NOON)
    signed_in(page, address)
    chosen = "/contacts?" + "&".join(f"columns={each}" for each in ("phone", "email", "tags", "country", "created"))
    for locale, width in product(("en", "de", "es", "fr", "pt-BR", "ar"), (1280, 1440)):
        page.context.set_extra_http_headers({"Accept-Language": locale})
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("/contacts", chosen, "/admin/overview"):
            page.goto(f"{address}{path}")
            wide = page.evaluate(
                "[...document.querySelectorAll('.table-wrap')].map(e => e.scrollWidth - e.clientWidth)"
            )
            assert max(wide, default=0) <= 0, (locale, width, path)


def test_the_menus_of_the_list_of_contacts_fit_a_phone_and_long_names_of_types(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        for number in range(12):
            make.live_type(session, name=f"Offers and news of the shop in the old town {number}")
        make.contact(session)
    page.set_viewport_size(NARROW)
    signed_in(page, address)
    page.goto(f"{address}/contacts")
    page.locator("summary", has_text="More").click()
    expect(page.get_by_role("button", name="Unsubscribe users")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.reload()
    page.locator("summary", has_text="Order and columns").click()
    labels = [each.bounding_box() for each in page.locator(".list-view .choice label").all()]
    places = [(box["y"], box["y"] + box["height"]) for box in labels if box]
    assert len(places) > 12
    assert all(end <= begins + 1 for (_, end), (begins, _) in pairwise(places)), "two names overlap"


def test_what_was_typed_when_the_session_ended_is_there_after_the_sign_in(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam").public_id
    signed_in(page, address)
    page.goto(f"{address}/contacts/{sam}")
    note = page.get_by_label("New note")
    note.fill("They called about the order.")
    with database.unit_of_work() as session:
        session.execute(delete(AgentSession))
    page.get_by_role("button", name="Add note").click()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Email").fill(MAX)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(note).to_have_value("They called about the order.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("The note is saved.")).to_be_visible()
    expect(note).to_have_value("")
