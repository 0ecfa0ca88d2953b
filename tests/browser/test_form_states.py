"""The form in every state: what axe finds in both looks, undo, and how it sits in other pages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from app.core import clock
from app.core.confirmations import replies
from app.core.forms import content as form_content
from app.core.forms import publishing
from app.core.forms.content import FormText
from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import Confirmation, Consent, ConsentEvent, SmsMessage
from app.web.form_page import share
from tests import make
from tests.browser import themes
from tests.browser.shop import Shop, count

# What happens in the browser alone is the same over either database.
pytestmark = pytest.mark.databases("sqlite")
LEGAL = (
    "By signing up you agree to receive up to four marketing texts a month from Harbour Coffee at this number. Message "
    "and data rates may apply. Reply **STOP** to opt out, **HELP** for help. Consent is no condition of purchase. See "
    "our [privacy policy](https://harbour.example.com/privacy)."
)
TEXTS = {
    "en": FormText("Fresh offers by text, every Friday", "", LEGAL, "See you on Friday!"),
    "de": FormText("Neue Angebote per SMS, jeden Freitag", "", "Antworten Sie mit **STOP** zum Beenden."),
    "ar": FormText("عروض جديدة برسائل نصية كل جمعة", "", "أرسل STOP للإيقاف."),
}


@pytest.fixture
def key(shop: Shop, database: Database) -> str:
    with database.unit_of_work() as session:
        values = {
            "privacy_url": "https://harbour.example.com/privacy",
            "terms_url": "https://harbour.example.com/terms",
            "help_contact": "help@harbour.example.com",
        }
        workspace_settings.change(session, values, actor="agent:1", at=clock.now())
        return make.form(session, texts=TEXTS, default_country="GB").key


def _paths(database: Database, key: str) -> Iterator[tuple[str, str]]:
    """The name and path of each state that a person meets without acting."""
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        amy = make.contact(session, phone_number=make.EVES_NUMBER)
        make.opt_in(session, amy, offers)
        form = make.form(session, offers, texts=TEXTS)
        expired = make.inserted(session, form, sam)
        expired.expires_at = clock.now() - timedelta(days=1)
        closed = make.form(session, texts=TEXTS)
        publishing.archive(session, closed, actor="agent:1", at=clock.now())
        saved, signed_up = (make.inserted(session, form, each).token for each in (sam, amy))
        paths = {
            "saved": saved,
            "signed_up": signed_up,
            "expired": expired.token,
            "unavailable": f"form/{closed.key}",
            "error": "no-such-form",
            "ask": f"form/{key}?lang=ar",
        }
    yield from paths.items()


def test_axe_finds_nothing_in_any_state(page: Page, shop: Shop, database: Database, key: str) -> None:
    found: list[str] = []
    for state, path in _paths(database, key):
        page.goto(f"{shop.address}/f/{path}")
        expect(page.locator("main")).to_have_attribute("data-state", state)
        found += themes.in_every_look(page)
    assert page.evaluate("document.documentElement.dir") == "rtl"
    page.goto(f"{shop.address}/f/form/{key}")
    _sign_up(page, "123")
    expect(page.locator("main")).to_have_attribute("data-error", "phone_too_short")
    found += themes.in_every_look(page)
    _sign_up(page, "07400 123456")
    expect(page.locator("main")).to_have_attribute("data-state", "done")
    found += themes.in_every_look(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Undone. You will not receive texts")
    found += themes.in_every_look(page)
    assert found == []


def test_a_number_is_confirmed_by_code_by_reply_and_by_two_taps(page: Page, shop: Shop, database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        keys = {each: make.form(session, offers, verify_number=each).key for each in ("code", "reply", "sms_link")}
    found: list[str] = []
    main = page.locator("main")
    for method, key in keys.items():
        page.goto(f"{shop.address}/f/form/{key}?lang=en")
        _sign_up(page, "+44 7400 123456")
        expect(main).to_have_attribute("data-state", "confirm")
        expect(page.get_by_role("status")).to_be_focused()
        if method == "code":
            page.get_by_label("Code").fill("000000")
            page.get_by_role("button", name="Confirm").click()
            expect(main).to_have_attribute("data-error", "wrong_code")
            expect(page.get_by_label("Code")).to_be_focused()
            page.get_by_role("button", name="Send another text").click()
            expect(main).to_have_attribute("data-error", "wait")
            expect(page.get_by_role("button", name="Send another text")).to_be_focused()
        found += themes.in_every_look(page)
        with database.unit_of_work() as session:
            text = session.scalars(select(SmsMessage.body).order_by(SmsMessage.id.desc())).first()
            waiting = session.scalars(select(Confirmation).order_by(Confirmation.id.desc())).first()
            assert waiting
            if method == "reply":
                assert replies.confirm_by_reply(session, waiting.phone_hash, make.evidence(), at=clock.now())
            elif method == "sms_link":
                own = page.locator(".saved bdi").last.inner_text()
                assert replies.confirm_by_nonce(session, waiting.phone_hash, own, make.evidence(), at=clock.now())
        if method == "code":
            page.get_by_label("Code").fill(str(text)[:6])
            page.get_by_role("button", name="Confirm").click()
        expect(main).to_have_attribute("data-state", "done")  # by itself, where we wait for a text
        expect(main).to_have_attribute("data-verified", "")
        found += themes.in_every_look(page)
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("status")).to_contain_text("Undone.")
    assert found == []


@pytest.mark.parametrize(("time_zone", "chosen"), [("Europe/Paris", "FR"), ("America/New_York", "")])
def test_the_country_of_the_browser_is_chosen_where_the_time_zone_agrees(
    page: Page, shop: Shop, database: Database, time_zone: str, chosen: str
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session, texts=TEXTS).key
    browser = page.context.browser
    assert browser
    person = browser.new_context(locale="fr-FR", timezone_id=time_zone).new_page()
    person.goto(f"{shop.address}/f/form/{key}?lang=en")
    expect(person.locator("select")).to_have_value(chosen)
    expect(person.get_by_text("Choose the country, or start with")).to_be_visible(visible=not chosen)
    person.context.close()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_sign_up_is_undone_on_the_spot(
    page: Page, shop: Shop, database: Database, key: str, *, has_scripts: bool
) -> None:
    browser = page.context.browser
    assert browser
    person = browser.new_context(locale="en-GB", java_script_enabled=has_scripts).new_page()
    person.goto(f"{shop.address}/f/form/{key}")
    _sign_up(person, "07400 123456")
    person.get_by_role("button", name="Undo").click()
    expect(person.get_by_role("status")).to_contain_text("Undone. You will not receive texts")
    if has_scripts:
        expect(person.get_by_role("status")).to_be_focused()
    assert count(database, Consent, ConsentEvent) == [0, 2]
    person.reload()
    expect(person.locator("main")).to_have_attribute("data-state", "ask")
    _sign_up(person, "07400 123456")
    expect(person.locator("main")).to_have_attribute("data-state", "done")
    person.context.close()


def test_the_example_disappears_when_another_country_is_chosen(page: Page, shop: Shop, key: str) -> None:
    page.goto(f"{shop.address}/f/form/{key}")
    expect(page.locator("#hint")).to_contain_text("(United Kingdom).")
    page.get_by_label("Country").select_option("FR")
    expect(page.locator("#hint")).to_be_hidden()
    _sign_up(page, "12")
    expect(page.locator("#hint")).to_contain_text("(France).")


def test_a_plain_iframe_of_the_offered_height_does_not_scroll_at_320_px(
    page: Page, shop: Shop, database: Database, key: str
) -> None:
    with database.read_only() as session:
        form = next(each for each in publishing.find_all(session) if each.form.key == key)
        content = form_content.content_of(form.version)
    height = share.iframe_height(content, "sms")
    page.set_viewport_size({"width": 320, "height": height})
    for language in TEXTS:
        page.goto(f"{shop.address}/f/form/{key}?lang={language}")
        expect(page.locator("main")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollHeight") <= height
    page.goto(f"{shop.address}/f/form/{key}")
    assert height - page.locator("main").evaluate("main => main.offsetHeight") < 120


def test_a_form_in_the_corner_is_closed_for_the_visit_and_names_its_button_in_the_language_of_the_form(
    page: Page, shop: Shop, key: str
) -> None:
    address = _host(shop, key, 'data-place="corner" data-lang="de" data-radius="24"')
    page.goto(address)
    form = _opened(page)
    assert form.evaluate("each => getComputedStyle(each).position") == "fixed"
    expect(page.frame_locator("assent-form iframe").get_by_role("button", name="Jetzt anmelden")).to_be_visible()
    page.get_by_role("button", name="Schließen").click()
    expect(form).to_have_count(0)
    page.reload()
    page.wait_for_timeout(300)
    expect(form).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_transparent_form_shows_the_page_below_it(page: Page, shop: Shop, key: str, theme: str) -> None:
    page.emulate_media(color_scheme="light" if theme == "dark" else "dark")
    page.goto(_host(shop, key, 'data-background="transparent"', f"color-scheme:{theme};background:rgb(10,120,200)"))
    form = _opened(page)
    assert form.locator("iframe").evaluate("each => getComputedStyle(each).borderTopWidth") == "0px"
    inside = page.frame_locator("assent-form iframe").locator("body")
    assert inside.evaluate("body => getComputedStyle(body).backgroundColor") == "rgba(0, 0, 0, 0)"
    scheme = "each => getComputedStyle(each).colorScheme"
    assert inside.evaluate(scheme) == form.locator("iframe").evaluate(scheme) == theme


def test_two_forms_of_one_page_have_looks_of_their_own(page: Page, shop: Shop, database: Database, key: str) -> None:
    with database.unit_of_work() as session:
        other = make.form(session, texts=TEXTS).key
    second = f'<script src="{shop.address}/embed.js" data-form="{other}" data-radius="0"></script>'
    page.goto(_host(shop, key, 'data-radius="20"', after=second))
    corners = page.locator("assent-form iframe")
    expect(corners).to_have_count(2)
    radius = "each => getComputedStyle(each).borderTopLeftRadius"
    assert [corners.nth(number).evaluate(radius) for number in (0, 1)] == ["20px", "0px"]


def _host(shop: Shop, key: str, options: str, style: str = "", after: str = "") -> str:
    """The address of a page with this form."""
    script = f'<script src="{shop.address}/embed.js" data-form="{key}" {options}></script>'
    shop.pages["/host"] = f'<!doctype html><html lang=en style="{style}"><title>Shop</title><p>Shop</p>{script}{after}'
    return f"{shop.origin}/host"


def _opened(page: Page) -> Locator:
    expect(page.frame_locator("assent-form iframe").locator("h1")).to_be_visible()
    return page.locator("assent-form")


def _sign_up(page: Page, number: str) -> None:
    page.get_by_label("Phone number").fill(number)
    page.get_by_role("button", name="Sign Up Now").click()
