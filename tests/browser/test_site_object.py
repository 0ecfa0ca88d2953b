"""``site.js`` sends what a page says about its visitor, when it changes, and nothing else."""

import json

import pytest
from playwright.sync_api import Page

from tests.browser import npm
from tests.browser.shop import Shop, wait_until
from tests.browser.site_page import Recorder, put_site
from tests.serve import other_site

# What happens in the browser alone is the same over either database.
pytestmark = pytest.mark.databases("sqlite")
SAM = {"phone_number": "+447400123471", "sms_optin": True, "gdpr_optin": True, "uuid": "f3b1-sam"}
AS_OBJECT = f"window.insider_object = {{user: {json.dumps(SAM)}}}"


@pytest.fixture
def recorder(page: Page) -> Recorder:
    return Recorder(page)


def test_an_object_is_sent_once_when_it_is_there_set_later_or_changed(
    page: Page, shop: Shop, recorder: Recorder
) -> None:
    address = put_site(shop, "/object", AS_OBJECT)
    page.goto(address)
    recorder.wait(1)
    (body,) = recorder.bodies
    assert body == {"key": shop.key, "page": address, "user": SAM, "source": "insider_object"}
    page.evaluate("insider_object.user.sms_optin = false; insider_object.user.name = 'Sam'")
    recorder.wait(2)
    assert recorder.users[1] == SAM | {"sms_optin": False}
    page.evaluate("delete insider_object.user")
    recorder.wait(2)
    page.evaluate("user => { insider_object.user = user }", SAM)
    recorder.wait(3)
    assert recorder.users[2] == SAM
    assert page.evaluate("[document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)]") == [""]
    assert recorder.lines == []


def test_a_page_without_an_object_says_so_once_and_is_heard_when_it_sets_one(
    page: Page, shop: Shop, recorder: Recorder
) -> None:
    page.goto(put_site(shop, "/later", "window.assent = {user_id: 'sam-1', user_hash: 'abc', name: 'Sam'}"))
    recorder.wait(1)
    signed = {"user_id": "sam-1", "user_hash": "abc"}
    assert recorder.bodies == [{"key": shop.key, "page": f"{shop.origin}/later", "user": None, "source": "", **signed}]
    page.evaluate("user => { window.insider_object = { user } }", SAM)
    recorder.wait(2)
    assert recorder.users[1] == SAM


def test_a_change_just_before_the_page_is_left_is_sent(page: Page, shop: Shop) -> None:
    noted = "const send = fetch; fetch = (url, request) => (localStorage.sent = request.body, send(url, request))"
    page.goto(put_site(shop, "/left", f"{noted}; {AS_OBJECT}"))
    page.wait_for_function("localStorage.sent")
    shop.put("/next")
    page.evaluate("setTimeout(() => { insider_object.user.sms_optin = false; location.href = '/next'; })")
    page.wait_for_url("**/next")
    assert json.loads(page.evaluate("localStorage.sent"))["user"] == SAM | {"sms_optin": False}


def test_a_single_page_application_sends_each_path_once(page: Page, shop: Shop, recorder: Recorder) -> None:
    page.goto(put_site(shop, "/a", AS_OBJECT))
    recorder.wait(1)
    page.evaluate("history.pushState({}, '', '/b?token=secret#top')")
    recorder.wait(2)
    assert recorder.bodies[1]["page"] == f"{shop.origin}/b"
    page.evaluate("history.back()")
    recorder.wait(2)


def test_the_entries_of_the_queue_add_up_for_one_person(page: Page, shop: Shop, recorder: Recorder) -> None:
    entries = [
        {"type": "user", "value": {"uuid": "f3b1-sam", "phone_number": SAM["phone_number"], "sms_optin": True}},
        {"type": "home"},
        {"type": "user", "value": {"uuid": "f3b1-sam", "gdpr_optin": True}},
        {"type": "init"},
    ]
    page.goto(put_site(shop, "/queue", f"window.InsiderQueue = {json.dumps(entries)}"))
    recorder.wait(1)
    assert (recorder.users[0], recorder.bodies[0]["source"]) == (SAM, "InsiderQueue")
    push = "value => InsiderQueue.push({type: 'user', value})"
    # Consent is for one number, and another person begins with nothing.
    page.evaluate(push, {"uuid": SAM["uuid"], "phone_number": "+447400123456"})
    recorder.wait(2)
    page.evaluate(push, {"uuid": "77aa-kim"})
    recorder.wait(3)
    # Insider's tag takes the entries.
    page.evaluate("window.InsiderQueue = { push() {} }")
    recorder.wait(3)
    kept = {"uuid": SAM["uuid"], "gdpr_optin": True}
    assert recorder.users[1:] == [kept | {"phone_number": "+447400123456"}, {"uuid": "77aa-kim"}]


def test_where_a_page_has_both_the_object_is_used_and_the_console_says_so(
    page: Page, shop: Shop, recorder: Recorder
) -> None:
    page.goto(put_site(shop, "/both", f"{AS_OBJECT}; window.InsiderQueue = [{{type: 'user', value: {{uuid: 'x'}}}}]"))
    recorder.wait(1)
    assert (recorder.users[0], recorder.bodies[0]["source"]) == (SAM, "both")
    assert recorder.lines == ["assent: insider_object.user and InsiderQueue: keep one"]


def test_values_keep_their_type_and_each_refusal_is_one_line(page: Page, shop: Shop, recorder: Recorder) -> None:
    recorder.answer["refused"] = [
        {"field": "sms_optin", "reason": "not_a_boolean"},
        {"field": "identity", "reason": "user_hash_wrong"},
    ]
    given = {"phone_number": 447400123471, "sms_optin": "true", "gdpr_optin": None, "uuid": "", "email": {"a": "b"}}
    page.goto(put_site(shop, "/types", f"window.insider_object = {{user: {json.dumps(given)}}}"))
    recorder.wait(1)
    assert recorder.users[0] == {"phone_number": 447400123471, "sms_optin": "true", "email": {}}
    page.evaluate("insider_object.user.phone_number = '1'")
    recorder.wait(2)
    assert recorder.lines == [
        "assent: gdpr_optin: empty. omit the key",
        "assent: uuid: empty. omit the key",
        "assent: sms_optin: not_a_boolean. true or false, no quotes",
        "assent: identity: user_hash_wrong. See /admin/website",
    ]


def test_a_sign_out_sends_nothing_about_the_former_user(page: Page, shop: Shop, recorder: Recorder) -> None:
    chat = f'<script src="{shop.address}/messenger.js" data-key="{shop.key}"></script>'
    before = f"{AS_OBJECT}; window.assent = {{user_id: 'sam-1', user_hash: 'abc'}}"
    page.goto(put_site(shop, "/out", before, after=chat))
    recorder.wait(1)
    page.evaluate("Assent.shutdown()")
    recorder.wait(1)
    page.evaluate("Assent.update({user_id: 'kim-1', user_hash: 'def'})")
    recorder.wait(2)
    assert [body["user_id"] for body in recorder.bodies] == ["sam-1", "kim-1"]


def test_pages_that_turbo_swaps_send_their_own_object_once(page: Page, shop: Shop, recorder: Recorder) -> None:
    shop.pages["/turbo.js"] = npm.script(npm.TURBO)
    for name, uuid in (("a", "f3b1-sam"), ("b", "77aa-kim")):
        before = f"window.insider_object = {{user: {{uuid: '{uuid}'}}}}"
        put_site(shop, f"/{name}", before, after="<a href='/b'>to b</a><script src='/turbo.js'></script>")
    page.goto(f"{shop.origin}/a")
    recorder.wait(1)
    page.get_by_role("link", name="to b").click()
    recorder.wait(2)
    assert recorder.users == [{"uuid": "f3b1-sam"}, {"uuid": "77aa-kim"}]


def test_a_strict_policy_of_the_page_needs_only_our_origin(page: Page, address: str, shop: Shop) -> None:
    pages: dict[str, str] = {}
    policy = f"default-src 'none'; script-src 'self' {address}; connect-src {address}"
    with other_site(pages, {"Content-Security-Policy": policy}) as origin:
        pages["/object.js"] = AS_OBJECT
        snippet = f'<script src="{address}/site.js?key={shop.key}" async></script>'
        pages["/"] = f"<!doctype html><title>Shop</title><script src='/object.js'></script>{snippet}"
        recorder = Recorder(page)
        page.goto(origin)
        recorder.wait(1)
    assert recorder.users == [SAM]
    assert not [line for line in recorder.lines if "assent" in line or "Content Security Policy" in line]


def test_a_page_that_may_not_be_collected_from_is_named(page: Page, shop: Shop, recorder: Recorder) -> None:
    page.unroute("**/site/collect")
    body = json.dumps({"error": "origin_not_allowed"})
    headers = {"Access-Control-Allow-Origin": "*"}
    page.route("**/site/collect", lambda route: route.fulfill(status=403, headers=headers, body=body))
    page.goto(put_site(shop, "/refused", AS_OBJECT))
    wait_until(page, lambda: any("assent:" in line for line in recorder.lines))
    page.wait_for_timeout(1500)
    assert [line for line in recorder.lines if "assent:" in line] == [
        f"assent: {shop.origin}: origin_not_allowed. See /admin/website"
    ]
