"""``embed.js`` on pages of other sites: mounted by React, removed, mounted again; and where a form may not be shown."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from app.core.workspace import settings as workspace_settings
from app.db import Database
from app.models import Contact, InsertedForm
from tests import make
from tests.browser import npm
from tests.browser.shop import Shop, count, wait_until

# What happens in the browser alone is the same over either database.
pytestmark = pytest.mark.databases("sqlite")
# A component as React's documentation writes it; twice=true runs its effect as StrictMode does during development.
REACT_PAGE = """<!doctype html><title>Shop</title><div id="root"></div>
<script src="/react.js"></script><script src="/react-dom.js"></script>
<script>
  const { createElement, useEffect, useRef } = React;
  const add = (parent, { target, address }) => {
    const script = document.createElement("script");
    script.src = address;
    if (target) script.dataset.target = target;
    parent.append(script);
    return () => { if (target) script.remove(); };
  };
  const Form = ({ inHead, ...options }) => {
    const place = useRef(null);
    useEffect(() => {
      const parent = inHead ? document.head : place.current;
      add(parent, options)(); // the effect and its end
      return add(parent, options);
    }, []);
    return createElement("div", { id: "place", ref: place });
  };
  const root = ReactDOM.createRoot(document.querySelector("#root"));
  window.mount = (options) => root.render(createElement(Form, options));
  window.unmount = () => root.render(null);
</script>"""


@pytest.fixture
def key(shop: Shop, database: Database) -> str:
    with database.unit_of_work() as session:
        return make.form(session).key


def listeners(browser: CDPSession) -> int:
    """How many listeners the window has."""
    window = browser.send("Runtime.evaluate", {"expression": "window"})["result"]["objectId"]
    return len(browser.send("DOMDebugger.getEventListeners", {"objectId": window})["listeners"])


def frames_alive(browser: CDPSession) -> int:
    """How many iframe elements exist after a garbage collection, in the page or not."""
    browser.send("HeapProfiler.collectGarbage")
    expression = "HTMLIFrameElement.prototype"
    prototype = browser.send("Runtime.evaluate", {"expression": expression})["result"]["objectId"]
    found = browser.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]["objectId"]
    length = {"functionDeclaration": "function () { return this.length }", "objectId": found, "returnByValue": True}
    return int(browser.send("Runtime.callFunctionOn", length)["result"]["value"])


@pytest.mark.parametrize("options", [{}, {"target": "#place"}, {"target": "#place", "inHead": True}])
def test_a_component_shows_one_form_and_leaves_nothing_behind(
    page: Page, shop: Shop, key: str, options: dict[str, Any]
) -> None:
    shop.pages["/react.js"], shop.pages["/react-dom.js"] = npm.script(npm.REACT), npm.script(npm.REACT_DOM)
    shop.pages["/app"] = REACT_PAGE
    page.goto(f"{shop.origin}/app")
    browser = page.context.new_cdp_session(page)
    before = listeners(browser)
    for _ in range(4):
        page.evaluate("options => mount(options)", {**options, "address": f"{shop.address}/embed.js?form={key}"})
        expect(page.frame_locator("iframe").get_by_label("Phone number")).to_be_visible()
        page.wait_for_timeout(150)
        assert page.locator("#place iframe").count() == page.locator("iframe").count() == 1
        page.evaluate("unmount()")
        expect(page.locator("iframe")).to_have_count(0)
    assert listeners(browser) == before
    assert frames_alive(browser) == 0


def test_two_places_of_one_page_show_the_same_form(page: Page, shop: Shop, key: str) -> None:
    snippet = f'<script src="{shop.address}/embed.js" data-form="{key}"></script>'
    shop.pages["/two"] = f"<!doctype html><title>Shop</title><p>Top</p>{snippet}<p>Foot</p>{snippet}"
    page.goto(f"{shop.origin}/two")
    expect(page.locator("p + script + assent-form iframe")).to_have_count(2)
    for frame in page.locator("iframe").all():
        expect(frame.content_frame.get_by_label("Phone number")).to_be_visible()


def test_the_evidence_names_the_page_that_the_form_was_answered_on(page: Page, shop: Shop, key: str) -> None:
    shop.pages["/old"] = f'<!doctype html><script src="{shop.address}/embed.js" data-form="{key}"></script>'
    page.goto(f"{shop.origin}/old")
    form = page.frame_locator("iframe")
    expect(form.locator("[name=page]")).to_have_value(f"{shop.origin}/old")
    page.evaluate("history.pushState({}, '', '/new')")
    expect(form.locator("[name=page]")).to_have_value(f"{shop.origin}/new")


def refusal(page: Page, shop: Shop, key: str, head: str = "") -> tuple[str, str]:
    """The code and the console line of a form that is not shown. It takes no space."""
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    listen = "<script>addEventListener('assent:error', (event) => { window.code = event.detail.code; })</script>"
    source = f"{shop.address}/embed.js?form={key}"
    shop.pages["/refused"] = f'<!doctype html><title>Shop</title>{head}{listen}<script src="{source}"></script>'
    page.goto(f"{shop.origin}/refused")
    page.wait_for_function("window.code")
    wait_until(page, lambda: any(line.startswith("assent:") for line in lines))
    box = page.locator("assent-form").bounding_box()
    assert box
    assert box["height"] == 0
    (line,) = [line for line in lines if line.startswith("assent:")]
    return page.evaluate("window.code"), line


def test_a_form_takes_no_space_where_it_is_not_allowed(page: Page, shop: Shop, key: str, database: Database) -> None:
    with database.unit_of_work() as session:
        workspace_settings.change(session, {"allowed_origins": []}, actor="agent:1", at=make.NOON)
    sentence = f"assent: {shop.origin} is not among this form's allowed origins: {shop.address}/admin/forms"
    assert refusal(page, shop, key) == ("origin_not_allowed", sentence)


def test_a_form_with_a_wrong_key_takes_no_space(page: Page, shop: Shop) -> None:
    sentence = f"assent: no form has the key no-such-form: {shop.address}/admin/forms"
    assert refusal(page, shop, "no-such-form") == ("unknown_form", sentence)


def test_a_form_that_the_pages_own_policy_forbids_takes_no_space(page: Page, shop: Shop, key: str) -> None:
    head = """<meta http-equiv="Content-Security-Policy" content="frame-src 'self'; connect-src 'self'">"""
    code, line = refusal(page, shop, key, head)
    assert code == "not_shown"
    assert line.startswith("assent: the form did not open.")
    assert f"allows {shop.address} in frame-src" in line


def test_a_form_that_is_only_slow_is_shown(page: Page, shop: Shop, key: str) -> None:
    page.clock.install()
    page.route("**/embed_page.js*", lambda route: route.abort())
    shop.pages["/slow"] = f'<!doctype html><script src="{shop.address}/embed.js" data-form="{key}"></script>'
    page.goto(f"{shop.origin}/slow")
    expect(page.frame_locator("iframe").get_by_label("Phone number")).to_be_visible()
    with page.expect_response("**/identify"):
        page.clock.fast_forward(10_000)
    page.wait_for_timeout(200)
    box = page.locator("iframe").bounding_box()
    assert box
    assert box["height"] == 420


def test_a_user_whom_the_page_signs_sees_the_saved_number_masked(
    page: Page, shop: Shop, key: str, database: Database
) -> None:
    with database.unit_of_work() as session:
        make.contact(session, external_id="sam-1", phone_number=make.SAMS_NUMBER)
    shop.signed("/account", "sam-1")
    shop.pages["/account"] += f'<script src="{shop.address}/embed.js" data-form="{key}" data-theme="dark"></script>'
    page.goto(f"{shop.origin}/account")
    form = page.frame_locator("assent-form iframe")
    expect(form.locator("main")).to_have_attribute("data-state", "saved")
    expect(form.locator("main")).to_contain_text("••23")
    expect(form.locator("html")).to_have_attribute("data-theme", "dark")
    assert count(database, Contact, InsertedForm) == [1, 0]
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    assert count(database, Contact, InsertedForm) == [1, 1]


@pytest.mark.parametrize(
    ("head", "theme"),
    [
        ("", "light"),
        ("<style>:root { color-scheme: dark }</style>", "dark"),
        ('<meta name="color-scheme" content="light dark">', None),
    ],
)
def test_a_form_has_the_color_scheme_of_its_page(
    page: Page, shop: Shop, key: str, head: str, theme: str | None
) -> None:
    page.emulate_media(color_scheme="dark")
    shop.pages["/color"] = f'<!doctype html>{head}<script src="{shop.address}/embed.js" data-form="{key}"></script>'
    page.goto(f"{shop.origin}/color")
    form = page.frame_locator("iframe")
    expect(form.get_by_label("Phone number")).to_be_visible()
    assert form.locator("html").get_attribute("data-theme") == theme


@pytest.mark.parametrize("sandbox", ["allow-forms allow-scripts", "allow-forms"])
def test_a_form_in_a_frame_with_sandbox_is_answered(
    page: Page, shop: Shop, database: Database, key: str, sandbox: str
) -> None:
    address = f"{shop.address}/f/form/{key}"
    shop.pages["/sandbox"] = (
        f'<!doctype html><iframe sandbox="{sandbox}" src="{address}" width=400 height=700></iframe>'
    )
    page.goto(f"{shop.origin}/sandbox")
    form = page.frame_locator("iframe")
    form.get_by_label("Phone number").fill("+447400123471")
    form.get_by_role("button", name="Sign Up Now").click()
    expect(form.locator("main")).to_have_attribute("data-state", "done")
    assert count(database, Contact) == [1]
