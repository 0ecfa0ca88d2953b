"""The examples of the guides for websites work as they are printed, with the keys of a workspace."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.config import ROOT
from app.db import Database
from tests import make
from tests.browser import npm
from tests.browser.shop import Shop
from tests.browser.site_page import Recorder

pytestmark = pytest.mark.databases("sqlite")
GUIDES = ROOT / "docs" / "integrate"
LAUNCHER = "#assent-messenger button"


@pytest.fixture
def key(database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session).key


def examples(guide: str, shop: Shop, key: str) -> list[str]:
    """The blocks of code of a guide, with the keys and the address of this workspace."""
    text = Path(GUIDES / f"{guide}.md").read_text()
    for name, value in (("https://consent.example.com", shop.address), ("PUBLIC_KEY", shop.key), ("FORM_KEY", key)):
        text = text.replace(name, value)
    return re.findall(r"```(?:html|js)\n(.*?)```", text, re.DOTALL)


def put(shop: Shop, *parts: str) -> str:
    shop.pages["/guide"] = "<!doctype html><html lang=en><title>Shop</title><h1>Shop</h1>" + "\n".join(parts)
    return f"{shop.origin}/guide"


def test_the_snippets_of_a_plain_site_show_chat_and_form_and_send_the_visitor(page: Page, shop: Shop, key: str) -> None:
    recorder = Recorder(page)
    page.goto(put(shop, examples("website", shop, key)[0].replace('data-after="10"', 'data-after="1"')))
    expect(page.locator(LAUNCHER)).to_be_visible()
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()
    recorder.wait(1)
    assert recorder.bodies[0]["user_id"] == "42"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_banner_of_the_guide_starts_the_scripts(page: Page, shop: Shop, key: str, moment: str) -> None:
    recorder = Recorder(page)
    waiting = examples("website", shop, key)[1]
    page.goto(put(shop, waiting, "<script>onConsent()</script>" if moment == "before" else ""))
    if moment == "after":
        page.wait_for_function("Boolean(window.Assent)")
        page.wait_for_timeout(2500)
        assert recorder.bodies == []
        page.evaluate("onConsent()")
    recorder.wait(1)


@pytest.mark.parametrize("number", [0, 1])
def test_the_user_object_of_the_guide_is_sent(page: Page, shop: Shop, key: str, number: int) -> None:
    recorder = Recorder(page)
    page.goto(put(shop, examples("insider", shop, key)[number]))
    recorder.wait(1)
    user = {"uuid": "f3b1c2", "phone_number": "+447400123471", "sms_optin": True, "gdpr_optin": True}
    assert recorder.users == [user]
    assert recorder.lines == []


def test_the_snippets_for_tag_managers_need_no_attributes(page: Page, shop: Shop, key: str) -> None:
    recorder = Recorder(page)
    page.goto(put(shop, examples("tag-managers", shop, key)[0].replace("after=10", "after=1")))
    expect(page.locator(LAUNCHER)).to_be_visible()
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()
    recorder.wait(1)


def test_the_components_of_the_guide_work_in_react(page: Page, shop: Shop, key: str) -> None:
    recorder = Recorder(page)
    shop.pages["/react.js"], shop.pages["/react-dom.js"] = npm.script(npm.REACT), npm.script(npm.REACT_DOM)
    code = "".join(re.sub(r"^import .*$|^export ", "", each, flags=re.M) for each in examples("react", shop, key))
    use = """
      const { createElement, useEffect, useRef, StrictMode } = React;
      function App({ user, form }) { useVisitor(user); return form && createElement(OptInForm, { form }); }
      const root = ReactDOM.createRoot(document.querySelector("#root"));
      window.render = (values) => root.render(createElement(StrictMode, null, createElement(App, values)));
    """
    site = f'<script src="{shop.address}/site.js?key={shop.key}" async></script>'
    libraries = "<div id=root></div><script src=/react.js></script><script src=/react-dom.js></script>"
    page.goto(put(shop, libraries, f"<script>{use}{code}</script>", site))
    sam = {"id": "f3b1c2", "assentHash": "00", "phone": "+447400123471"}
    page.evaluate("values => render(values)", {"user": sam, "form": key})
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()
    assert page.locator("iframe").count() == 1
    recorder.wait(1)
    assert recorder.users == [{"uuid": "f3b1c2", "phone_number": "+447400123471"}]
    page.evaluate("render({ user: null, form: '' })")
    expect(page.locator("assent-form")).to_have_count(0)
    recorder.wait(1)


def test_the_snippets_for_turbo_follow_its_pages(page: Page, shop: Shop, key: str) -> None:
    recorder = Recorder(page)
    shop.pages["/turbo.js"] = npm.script(npm.TURBO)
    head, body = examples("turbo", shop, key)
    head = head.replace("</head>", "<script src=/turbo.js defer></script></head>")
    for name in "ab":
        link = "<a href=/b>to b</a>"
        shop.pages[f"/{name}"] = (
            f"<!doctype html><html lang=en>{head}<body><h1>Page {name}</h1>{link}{body}</body></html>"
        )
    page.goto(f"{shop.origin}/a")
    recorder.wait(1)
    page.get_by_role("link", name="to b").click()
    expect(page.get_by_role("heading", name="Page b")).to_be_visible()
    expect(page.frame_locator("assent-form iframe").get_by_label("Phone number")).to_be_visible()
    recorder.page.wait_for_timeout(1000)
    recorder.wait(2)
    assert [body["page"] for body in recorder.bodies] == [f"{shop.origin}/a", f"{shop.origin}/b"]
    assert page.locator(LAUNCHER).count() == 1
