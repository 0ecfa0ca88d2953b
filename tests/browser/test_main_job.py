"""The main job, end to end: an admin creates a form, a person on another site answers it, the admin sees the proof."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Route, expect
from sqlalchemy import func, select

from app.core.forms import daily_counts
from app.core.forms.content import FormText
from app.db import Database
from app.models import ConsentEvent, ConsentEvidence, Contact, Wording
from tests import make
from tests.browser.conftest import CHROMIUM, FLAGS, sign_in
from tests.browser.shop import wait_until
from tests.serve import other_site

LEGAL = "By signing up you agree to **weekly offers** by text. See our [privacy policy](https://harbour.example.com/p)."


def events(database: Database) -> int:
    with database.read_only() as session:
        return session.scalar(select(func.count()).select_from(ConsentEvent)) or 0


def private_context(chromium: Browser, folder: Path, language: str) -> BrowserContext:
    """A browser that lets frames of other sites store data, separately for each site that embeds them."""
    profile = folder / "profile"
    (profile / "Default").mkdir(parents=True)
    chosen = {"block_third_party_cookies": False, "cookie_controls_mode": 0}
    (profile / "Default" / "Preferences").write_text(json.dumps({"profile": chosen}))
    return chromium.browser_type.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=FLAGS, locale=language
    )


def framed(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


@pytest.mark.databases("sqlite", "postgresql")
def test_from_a_new_type_to_a_consent_with_the_exact_wording(
    context: BrowserContext, chromium: Browser, address: str, database: Database, tmp_path: Path
) -> None:
    admin = context.new_page()
    pages: dict[str, str] = {}
    with other_site(pages, host="localhost") as shop:
        snippet = _admin_makes_a_form(admin, address, shop)
        pages["/"] = f"<!doctype html><title>Shop</title><h1>Shop</h1>{snippet}"
        visitor = private_context(chromium, tmp_path, "en-US")
        page = visitor.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(shop)
        page.evaluate("addEventListener('assent:submitted', (event) => { window.heard = event.detail })")
        form = framed(page)
        expect(form.locator("main")).to_have_attribute("data-state", "ask")
        assert "weekly offers" in form.locator("main").inner_text()
        form.get_by_label("Country").select_option("US")
        form.get_by_label("Phone number").fill("(202) 555-0123")
        form.get_by_role("button", name="Count me in").click()
        expect(form.locator("main")).to_have_attribute("data-state", "done")
        expect(form.get_by_role("status")).to_contain_text("+1 202-555-0123")
        page.wait_for_function("window.heard?.type === 'submitted' && window.heard.source === 'assent'")

        page.goto(shop)
        expect(framed(page).locator("main")).to_have_attribute("data-state", "signed_up")
        expect(framed(page).locator("main")).to_contain_text("+1 ••• ••• ••23")
        assert problems == []
        visitor.close()

    _admin_sees_the_proof(admin, address)
    assert events(database) == 1
    with database.read_only() as session:
        evidence = session.scalars(select(ConsentEvidence)).one()
        words = session.get_one(Wording, evidence.wording_hash).body
    assert (evidence.origin, evidence.page) == (shop, f"{shop}/")
    assert "<strong>weekly offers</strong>" in words
    assert '"button":"Count me in"' in words


def _admin_makes_a_form(admin: Page, address: str, shop: str) -> str:
    """Create a form through the pages, as max does; returns the snippet."""
    sign_in(admin, address)
    admin.goto(f"{address}/admin/subscription-types/new")
    admin.get_by_label("Name", exact=True).fill("Weekly offers")
    admin.locator("label", has_text=re.compile("^SMS$")).click()
    admin.locator("label", has_text=re.compile("^Opt-in$")).click()
    admin.get_by_role("button", name=re.compile("^Save")).click()
    admin.get_by_role("button", name="Publish").click()
    admin.goto(f"{address}/admin/forms/new")
    admin.get_by_label("Subscription type").select_option(label="Weekly offers (SMS)")
    admin.get_by_label("Title", exact=True).fill("Offers from the harbour")
    admin.get_by_label("Button text", exact=True).fill("Count me in")
    admin.get_by_label("Legal text", exact=True).fill(LEGAL)
    admin.get_by_label("Allowed origins").fill(shop)
    preview = admin.frame_locator("iframe[name=preview]")
    expect(preview.get_by_role("heading")).to_have_text("Offers from the harbour")
    expect(preview.get_by_role("button")).to_have_text("Count me in")
    admin.get_by_role("button", name="Save and publish").click()
    return admin.get_by_role("textbox", name="Snippet for a page").input_value()


def _admin_sees_the_proof(admin: Page, address: str) -> None:
    admin.goto(f"{address}/contacts")
    admin.get_by_role("link", name=re.compile("Visitor from the United States")).first.click()
    shown = admin.locator("main")
    expect(shown).to_contain_text("Opted in")
    expect(shown).to_contain_text("Offers from the harbour")
    expect(shown).to_contain_text("weekly offers")
    expect(shown).to_contain_text("Count me in")
    expect(shown).to_contain_text("+1 202-555-0123")


def test_a_saved_number_is_signed_up(page: Page, address: str, database: Database) -> None:
    pages: dict[str, str] = {}
    with other_site(pages, host="localhost") as shop:
        with database.unit_of_work() as session:
            sam = make.contact(session, phone_number=make.SAMS_NUMBER)
            token = make.inserted(session, make.form(session, allowed_origins=(shop,)), sam).token
        pages["/"] = _with_frame(f"{address}/f/{token}")
        page.goto(shop)
        main = framed(page).locator("main")
        expect(main).to_have_attribute("data-state", "saved")
        expect(main).to_contain_text("+1 ••• ••• ••23")
        assert framed(page).get_by_role("textbox").count() == 0
        framed(page).get_by_role("button", name="Sign Up Now").dblclick()
        expect(main).to_have_attribute("data-state", "done")
        expect(framed(page).get_by_role("status")).to_be_focused()
        page.goto(shop)
        expect(main).to_have_attribute("data-state", "signed_up")
    assert events(database) == 1
    with database.read_only() as session:
        evidence = session.scalars(select(ConsentEvidence)).one()
        assert (evidence.destination, evidence.origin) == (make.SAMS_NUMBER, shop)


def _with_frame(address: str) -> str:
    """A page with a form in a plain iframe, for sites that allow no scripts."""
    frame = f'<iframe src="{address}" title="Sign up" width="400" height="600" referrerpolicy="origin"></iframe>'
    return f"<!doctype html><title>Shop</title><h1>Shop</h1>{frame}"


def test_the_form_works_without_scripts(chromium: Browser, address: str, database: Database) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        token = make.inserted(session, form, make.contact(session)).token
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{address}/f/{token}")
    page.get_by_label("Country").select_option("GB")
    page.get_by_label("Phone number").fill("07400")
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.get_by_role("alert")).to_contain_text("too short")
    expect(page.get_by_label("Phone number")).to_have_value("07400")
    page.get_by_label("Phone number").fill("07400 123456")
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.locator("main")).to_have_attribute("data-state", "done")
    page.reload()
    expect(page.locator("main")).to_have_attribute("data-state", "done")
    page.goto(f"{address}/f/{token}")
    expect(page.locator("main")).to_have_attribute("data-state", "signed_up")
    pages: dict[str, str] = {}
    with other_site(pages, host="localhost") as shop:
        with database.unit_of_work() as session:
            key = make.form(session, allowed_origins=(shop,)).key
        pages["/"] = _with_frame(f"{address}/f/form/{key}")
        page.goto(shop)
        framed(page).get_by_label("Country").select_option("GB")
        framed(page).get_by_label("Phone number").fill("07400 123456")
        framed(page).get_by_role("button", name="Sign Up Now").click()
        expect(framed(page).locator("main")).to_have_attribute("data-state", "done")
    context.close()
    assert events(database) == 2


def test_the_form_in_arabic_reads_from_right_to_left(
    chromium: Browser, address: str, database: Database, tmp_path: Path
) -> None:
    texts = {"en": FormText("Offers"), "ar": FormText("عروض الميناء", legal_text="بالاشتراك **توافق** على الرسائل.")}
    pages: dict[str, str] = {}
    with other_site(pages, host="localhost") as shop:
        with database.unit_of_work() as session:
            key = make.form(session, texts=texts, allowed_origins=(shop,)).key
        pages["/"] = f'<!doctype html><h1>Shop</h1><script src="{address}/embed.js" data-form="{key}"></script>'
        context = private_context(chromium, tmp_path, "ar-EG")
        page = context.new_page()
        page.goto(shop)
        form = framed(page)
        expect(form.locator("html")).to_have_attribute("dir", "rtl")
        expect(form.get_by_role("heading")).to_have_text("عروض الميناء")
        form.get_by_label("البلد").select_option("EG")
        form.get_by_label("رقم الهاتف").fill("٠١٠٠١٢٣٤٥٦٧")
        form.get_by_role("button", name="اشترك الآن").click()
        expect(form.locator("main")).to_have_attribute("data-state", "done")
        expect(form.get_by_role("status")).to_contain_text("شكرًا لاشتراكك")
        page.goto(shop)
        expect(form.locator("main")).to_have_attribute("data-state", "signed_up")
        context.close()
    with database.read_only() as session:
        evidence = session.scalars(select(ConsentEvidence)).one()
        assert (evidence.locale, evidence.destination) == ("ar", "+201001234567")
        assert "<strong>توافق</strong>" in session.get_one(Wording, evidence.wording_hash).body


def test_a_refusal_is_announced_at_its_field_and_nothing_reloads(page: Page, address: str, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    page.goto(f"{address}/f/form/{key}")
    page.evaluate("window.stayed = true")
    page.get_by_label("Phone number").fill("call me")
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.get_by_role("alert")).to_have_text("Enter just the number, for example +44 7400 123456.")
    expect(page.get_by_label("Phone number")).to_be_focused()
    expect(page.get_by_label("Phone number")).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("window.stayed")
    assert events(database) == 0


def test_without_a_connection_the_number_stays_and_can_be_sent_again(
    context: BrowserContext, page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    page.goto(f"{address}/f/form/{key}")
    page.get_by_label("Phone number").fill(make.SAMS_NUMBER)
    context.set_offline(True)
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.get_by_role("alert")).to_contain_text("may or may not have been sent")
    expect(page.get_by_label("Phone number")).to_have_value(make.SAMS_NUMBER)
    context.set_offline(False)
    page.route("**/f/form/*", _lose_response)
    page.get_by_role("button", name="Sign Up Now").click()
    wait_until(page, lambda: events(database) == 1)
    expect(page.get_by_role("alert")).to_contain_text("may or may not have been sent")
    page.unroute_all()
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.locator("main")).to_have_attribute("data-state", "done")
    assert events(database) == 1


def _lose_response(route: Route) -> None:
    route.fetch(max_redirects=0)
    route.abort("connectionreset")


def test_a_server_error_leaves_the_form_unchanged(page: Page, address: str, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    page.goto(f"{address}/f/form/{key}")
    field = page.get_by_label("Phone number")
    field.evaluate("field => field.removeAttribute('maxlength')")
    field.fill("1" * 20_000)
    for _ in range(2):
        page.get_by_role("button", name="Sign Up Now").click()
        expect(page.get_by_role("alert")).to_have_text("That’s too long.")
        expect(page.get_by_role("button", name="Sign Up Now")).to_be_focused()
        expect(field).to_have_value("1" * 20_000)
    field.fill(make.SAMS_NUMBER)
    page.get_by_role("button", name="Sign Up Now").click()
    expect(page.locator("main")).to_have_attribute("data-state", "done")
    assert events(database) == 1


def test_another_person_at_this_browser_can_sign_up_another_number(
    page: Page, address: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    for typed in (make.SAMS_NUMBER, make.EVES_NUMBER):
        page.goto(f"{address}/f/form/{key}")
        if typed == make.EVES_NUMBER:
            page.get_by_role("link", name="Sign up another number").click()
        page.get_by_label("Phone number").fill(typed)
        page.get_by_role("button", name="Sign Up Now").click()
        expect(page.locator("main")).to_have_attribute("data-state", "done")
    with database.read_only() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 2


def test_a_page_of_another_origin_cannot_frame_the_form_or_get_its_messages(
    page: Page, address: str, database: Database
) -> None:
    pages: dict[str, str] = {}
    with other_site(pages) as eve, other_site({}) as shop:
        with database.unit_of_work() as session:
            key = make.form(session, allowed_origins=(shop,)).key
        pages["/"] = f'<!doctype html><title>Eve</title><script src="{address}/embed.js" data-form="{key}"></script>'
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(eve)
        wait_until(page, lambda: refused)
        assert any("frame-ancestors" in each for each in refused)
        assert framed(page).locator("main").count() == 0


def test_the_frame_grows_with_its_content_and_has_the_forms_title(page: Page, address: str, database: Database) -> None:
    pages: dict[str, str] = {}
    with other_site(pages) as shop:
        with database.unit_of_work() as session:
            key = make.form(session, allowed_origins=(shop,)).key
        pages["/"] = (
            '<!doctype html><html><body><div id="place"></div>'
            f'<script src="{address}/embed.js" data-form="{key}" data-target="#place" async></script></body></html>'
        )
        head = f'<script src="{address}/embed.js" data-form="{key}"></script>'
        pages["/head"] = f"<!doctype html><html><head>{head}</head><body><p>Shop</p></body></html>"
        page.set_viewport_size({"width": 320, "height": 800})
        page.goto(f"{shop}/head")
        expect(page.locator("body > p + assent-form iframe")).to_be_visible()
        page.goto(shop)
        frame = page.locator("#place iframe")
        expect(frame).to_have_attribute("title", "Texts from Harbour Coffee")
        main = framed(page).locator("main")
        expect(frame).not_to_have_css("height", "420px")
        box, inner = frame.bounding_box(), main.bounding_box()
        assert box
        assert inner
        assert abs(box["height"] - inner["height"]) <= 2
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_seen_is_counted_when_the_form_is_on_the_screen(page: Page, address: str, database: Database) -> None:
    pages: dict[str, str] = {}
    with other_site(pages) as shop:
        with database.unit_of_work() as session:
            legal = "Up to four texts a month, until you say no. " * 110
            texts = [FormText("Offers"), FormText("Offers", legal_text=legal)]
            forms = [make.form(session, allowed_origins=(shop,), texts={"en": each}) for each in texts]
        far = '<div style="height:3000px">Far above</div>'
        snippets = [f'<script src="{address}/embed.js" data-form="{form.key}"></script>' for form in forms]
        pages["/"] = f"<!doctype html>{far}{snippets[0]}{far}{snippets[1]}"
        page.set_viewport_size({"width": 360, "height": 500})
        page.goto(shop)
        page.wait_for_timeout(500)
        assert [_seen(database, form.id) for form in forms] == [0, 0]
        for number, seen in ((0, [1, 0]), (1, [1, 1])):
            frame = page.locator("iframe").nth(number)
            frame.evaluate("frame => frame.scrollIntoView()")
            frame.content_frame.locator("main").wait_for(state="attached")
            frame.evaluate("frame => frame.scrollIntoView()")  # the form has its height now
            wait_until(page, lambda seen=seen: [_seen(database, form.id) for form in forms] == seen)
            page.wait_for_timeout(500)  # counted once
            assert [_seen(database, form.id) for form in forms] == seen


def _seen(database: Database, form_id: int) -> int:
    with database.read_only() as session:
        counted = daily_counts.totals(session).get(form_id)
        return counted.seen if counted else 0
