"""The scripts wait for a consent banner, and leave a visitor alone who refused everything."""

import json

import pytest
from playwright.sync_api import Page, expect

from app.db import Database
from tests import make
from tests.browser.shop import Shop, open_chat
from tests.browser.site_page import Recorder, put_site, script

# What happens in the browser alone is the same over either database.
pytestmark = pytest.mark.databases("sqlite")
LAUNCHER = "#assent-messenger button"
SAM = {"phone_number": "+447400123471", "sms_optin": True, "gdpr_optin": True}


@pytest.fixture
def recorder(page: Page) -> Recorder:
    return Recorder(page)


def put_all(shop: Shop, database: Database, user: dict[str, object] | None, options: str = "") -> str:
    """A page with all three scripts; returns its address."""
    with database.unit_of_work() as session:
        key = make.form(session).key
    after = (
        f'<script src="{shop.address}/messenger.js" data-key="{shop.key}" {options} async></script>'
        f'<p></p><script src="{shop.address}/embed.js" data-form="{key}" {options} async></script>'
    )
    before = f"window.insider_object = {{user: {json.dumps(user)}}}" if user else ""
    return put_site(shop, "/all", before, options, after)


@pytest.mark.parametrize("allow", ["Assent.allow()", "window.assent = {allowed: true}"])
def test_with_data_wait_nothing_is_asked_or_sent_before_the_page_allows_it(
    page: Page, shop: Shop, database: Database, recorder: Recorder, allow: str
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(put_all(shop, database, SAM, "data-wait"))
    page.wait_for_function("Boolean(window.Assent?.open)")
    page.evaluate("Assent.open()")
    page.wait_for_timeout(2500)
    scripts = {f"{shop.address}/{name}" for name in ("site.js", "messenger.js", "embed.js")}
    assert {each.partition("?")[0] for each in requests if each.startswith(shop.address)} == scripts
    assert page.locator("iframe").count() == 0
    page.evaluate(allow)
    recorder.wait(1)
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()
    expect(page.frame_locator("#assent-messenger iframe").get_by_label("Your message")).to_be_visible()


def test_gdpr_false_hides_the_form_silences_the_chat_and_is_sent_once(
    page: Page, shop: Shop, database: Database, recorder: Recorder
) -> None:
    requests: list[str] = []
    page.goto(put_all(shop, database, SAM))
    recorder.wait(1)
    open_chat(page)
    form = page.frame_locator("assent-form iframe").get_by_label("Phone number")
    expect(form).to_be_visible()
    page.evaluate("insider_object.user.gdpr_optin = false")
    recorder.wait(2)
    assert recorder.users[1] == SAM | {"gdpr_optin": False}
    expect(page.locator("assent-form")).to_be_hidden()
    assert page.locator("iframe").count() == page.locator("#assent-messenger").count() == 0
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate("Assent.open()")
    page.evaluate("insider_object.user.sms_optin = false; history.pushState({}, '', '/b')")
    page.evaluate("delete insider_object.user")
    page.wait_for_timeout(3000)
    assert requests == []
    page.evaluate("user => { insider_object.user = user }", SAM)
    recorder.wait(3)
    expect(form).to_be_visible()
    expect(page.locator(LAUNCHER)).to_be_visible()


def test_a_page_that_says_gdpr_false_from_the_start_loads_no_form_and_no_chat(
    page: Page, shop: Shop, database: Database, recorder: Recorder
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(put_all(shop, database, SAM | {"gdpr_optin": False}))
    recorder.wait(1)
    assert not [each for each in requests if "/f/form/" in each or "/messenger/" in each or "/site/seen" in each]


def test_without_site_js_the_form_is_hidden_as_well(page: Page, shop: Shop, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    before = script("window.InsiderQueue = [{type: 'user', value: {uuid: 'a1', gdpr_optin: false}}]")
    shop.pages["/form"] = f'<!doctype html>{before}<script src="{shop.address}/embed.js" data-form="{key}"></script>'
    page.goto(f"{shop.origin}/form")
    page.wait_for_timeout(300)
    assert page.locator("iframe").count() == 0
    page.evaluate("InsiderQueue.push({type: 'user', value: {gdpr_optin: true}})")
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()


def test_the_form_follows_the_identity_that_the_chat_is_given(page: Page, shop: Shop, database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, external_id="sam-1", phone_number=make.SAMS_NUMBER)
        key = make.form(session).key
    form_script = f'<script src="{shop.address}/embed.js" data-form="{key}" async></script>'
    shop.signed("/account", "sam-1")
    page.goto(f"{shop.origin}/account")
    signed = page.evaluate("window.assent")
    page.goto(shop.put("/shop", after=form_script))
    form = page.frame_locator("assent-form iframe").locator("main")
    expect(form).to_have_attribute("data-state", "ask")
    page.evaluate("who => Assent.update(who)", signed)
    expect(form).to_have_attribute("data-state", "saved")
    page.evaluate("Assent.shutdown()")
    expect(form).to_have_attribute("data-state", "ask")
    page.evaluate("who => { window.assent = who }", signed)
    expect(form).to_have_attribute("data-state", "saved")


def test_a_wrong_signature_is_one_line_of_form_and_site(page: Page, shop: Shop, database: Database) -> None:
    recorder = Recorder(page)
    recorder.answer["refused"] = [{"field": "identity", "reason": "user_hash_wrong"}]
    with database.unit_of_work() as session:
        key = make.form(session).key
    form_script = f'<script src="{shop.address}/embed.js" data-form="{key}" async></script>'
    wrong = "window.assent = {user_id: 'sam-1', user_hash: '00'}; window.insider_object = {user: {uuid: 'sam-1'}}"
    page.goto(put_site(shop, "/wrong", wrong, after=form_script))
    recorder.wait(1)
    assert recorder.bodies[0]["user_hash"] == "00"
    expect(page.frame_locator("assent-form iframe").locator("main")).to_have_attribute("data-state", "ask")
    assert [line for line in recorder.lines if "assent:" in line] == [
        "assent: identity: user_hash_wrong. See /admin/website"
    ]
