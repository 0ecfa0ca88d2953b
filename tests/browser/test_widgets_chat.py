"""The chat on pages of other sites: hidden, printed, in an isolated page, with tall forms and with input methods."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core.forms.content import FormText
from app.db import Database
from app.models import ConsentEvidence
from tests import make
from tests.browser.shop import (
    Shop,
    bodies,
    form_in,
    identity,
    insert_form,
    open_chat,
    opened,
    panel,
    user_with_conversation,
    wait_until,
    write,
)

# What happens in the browser alone is the same over either database.
pytestmark = pytest.mark.databases("sqlite")
LAUNCHER = "#assent-messenger button"
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


def test_the_chat_can_be_hidden_shown_and_signed_out(page: Page, shop: Shop) -> None:
    page.goto(shop.origin)
    open_chat(page)
    write(page, "Hello")
    panel(page).get_by_label("Your message").fill("A draft")
    page.evaluate("Assent.hide()")
    expect(page.locator("#assent-messenger")).to_be_hidden()
    page.evaluate("Assent.show()")
    expect(page.locator(LAUNCHER)).to_be_visible()
    expect(panel(page).locator("main")).to_be_hidden()
    page.evaluate("Assent.hide()")
    page.evaluate("Assent.open()")
    expect(panel(page).get_by_label("Your message")).to_have_value("A draft")
    page.evaluate("Assent.hide()")
    page.evaluate("Assent.shutdown()")
    page.wait_for_timeout(500)
    assert page.locator("#assent-messenger").count() == 0
    page.evaluate("Assent.show()")
    open_chat(page)
    assert panel(page).locator(".mine").count() == 0


def test_a_chat_that_is_hidden_from_the_start_loads_nothing(page: Page, shop: Shop) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    source = f"{shop.address}/messenger.js?key={shop.key}"
    shop.pages["/hidden"] = f"<!doctype html><script src='{source}'></script><script>Assent.hide()</script>"
    page.goto(f"{shop.origin}/hidden")
    page.wait_for_timeout(500)
    assert not [each for each in requests if "/messenger/frame" in each]
    page.evaluate("Assent.show()")
    expect(page.locator(LAUNCHER)).to_be_visible()


def test_the_button_is_not_printed(page: Page, shop: Shop) -> None:
    page.goto(shop.origin)
    expect(page.locator(LAUNCHER)).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(LAUNCHER)).to_be_hidden()


def test_the_key_that_ends_the_conversion_of_an_input_method_sends_nothing(
    page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.origin)
    field = open_chat(page).get_by_label("Your message")
    field.fill("東京")
    for composing in ({"keyCode": 229}, {"isComposing": True}):
        field.evaluate(
            """(field, values) => field.dispatchEvent(new KeyboardEvent("keydown",
              { key: "Enter", bubbles: true, cancelable: true, ...values }))""",
            composing,
        )
    expect(field).to_have_value("東京")
    field.press("Enter")
    expect(panel(page).locator(".mine time")).to_be_visible()
    assert bodies(database) == ["東京"]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (320, 568)])
def test_a_form_that_is_taller_than_the_panel_is_read_from_its_top(
    page: Page, shop: Shop, database: Database, width: int, height: int
) -> None:
    legal = "By signing up you agree to get texts from us, at most four a month. " * 30
    page.set_viewport_size({"width": width, "height": height})
    page.goto(shop.origin)
    open_chat(page)
    for number in range(6):
        write(page, f"Question {number}")
    expect(panel(page).locator(".mine time")).to_have_count(6)
    insert_form(database, FormText("Texts from Harbour Coffee", legal_text=legal))
    expect(panel(page).locator(".form iframe")).not_to_have_css("block-size", "320px")

    def shows_the_title() -> None:
        page.wait_for_timeout(400)
        log, title = panel(page).locator("#log").bounding_box(), form_in(page).get_by_role("heading").bounding_box()
        assert log
        assert title
        assert log["y"] <= title["y"] <= title["y"] + title["height"] <= log["y"] + log["height"]

    shows_the_title()
    page.reload()
    open_chat(page)
    expect(panel(page).locator(".form iframe")).not_to_have_css("block-size", "320px")
    shows_the_title()


def test_the_evidence_names_the_page_where_the_form_in_the_chat_was_answered(
    page: Page, shop: Shop, database: Database
) -> None:
    page.goto(shop.put("/old"))
    open_chat(page)
    write(page, "Tell me about your offers")
    expect(panel(page).locator(".mine time")).to_be_visible()
    insert_form(database)
    expect(form_in(page).locator("[name=page]")).to_have_value(f"{shop.origin}/old")
    page.evaluate("history.pushState({}, '', '/new?token=secret')")
    form_in(page).get_by_label("Phone number").fill(make.SAMS_NUMBER)
    expect(form_in(page).locator("[name=page]")).to_have_value(f"{shop.origin}/new")
    form_in(page).get_by_role("button", name="Sign Up Now").click()
    expect(form_in(page).locator("main")).to_have_attribute("data-state", "done")
    with database.read_only() as session:
        assert session.scalars(select(ConsentEvidence.page)).one() == f"{shop.origin}/new"


def test_a_wrong_hash_is_named_in_the_console(page: Page, shop: Shop, database: Database) -> None:
    user_with_conversation(database, "sam-1")
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    page.goto(shop.put("/wrong", identity(user_id="sam-1", user_hash="0" * 64)))
    open_chat(page)
    wait_until(page, lambda: any(line.startswith("assent:") for line in lines))
    (line,) = [line for line in lines if line.startswith("assent:")]
    assert "not signed in: user_hash is not the HMAC-SHA256 (hex) of this user_id with the identity secret" in line


def test_several_scripts_of_a_page_name_one_wrong_hash_once(page: Page, shop: Shop, database: Database) -> None:
    user_with_conversation(database, "sam-1")
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    site = f'<script src="{shop.address}/site.js" data-key="{shop.key}" async></script>'
    with page.expect_response("**/site/collect"):
        page.goto(shop.put("/both", identity(user_id="sam-1", user_hash="0" * 64), after=site))
        open_chat(page)
    wait_until(page, lambda: any(line.startswith("assent:") for line in lines))
    page.wait_for_timeout(500)
    assert len([line for line in lines if line.startswith("assent:")]) == 1, lines


@pytest.fixture
def isolated_shop(address: str, database: Database) -> Iterator[Shop]:
    with opened(address, database, ISOLATED) as running:
        yield running


def test_chat_and_form_work_in_a_cross_origin_isolated_page(
    page: Page, isolated_shop: Shop, database: Database
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    script = f'<script src="{isolated_shop.address}/embed.js" data-form="{key}" data-target="[" crossorigin></script>'
    page.goto(isolated_shop.put("/both", after=script))
    assert page.evaluate("crossOriginIsolated")
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()
    open_chat(page)
    write(page, "Hello")
    expect(panel(page).locator(".mine time")).to_be_visible()
    assert not [line for line in lines if "BLOCKED" in line or "CORS" in line], lines
    assert "assent: no element matches data-target [" in lines
