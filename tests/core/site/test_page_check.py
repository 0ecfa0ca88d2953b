"""A page is checked by its HTML and headers, whatever is written there."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.site import js_literals, page_check, page_html, page_object
from app.core.site.content_policy import ContentPolicy
from app.core.site.integration_check import Outcome
from app.core.site.js_literals import COMPUTED
from app.core.site.page_check import Fetched, Line, Ours

HOME, SHOP = "https://consent.example.com", "https://shop.example.com"
OURS = Ours(HOME, "KEY", frozenset({"FORM"}), frozenset({SHOP}))
OBJECT = """<script>
  // The customer.
  window.insider_object = {user: {
    'uuid': "5f0e6c1a-9b7d-4c53-8a4e-2d1f0b9c7e36", phone_number: '+12025550123', sms_optin: true, gdpr_optin: !0,
  }};
</script>"""
SITE = f'<script src="{HOME}/site.js" data-key="KEY" async></script>'
INSIDER = '<script async src="//harbour.api.useinsider.com/ins.js?id=1"></script>'


def check(html: str, policy: str = "", url: str = f"{SHOP}/cart", status: int = 200) -> list[Line]:
    headers = {"content-type": "text/html", "content-security-policy": policy}
    return page_check.check(Fetched(url, status, headers, html), OURS)


def wrong(html: str, policy: str = "", **more: object) -> str:
    return "\n".join(
        f"{each.text} {each.code}" for each in check(html, policy, **more) if each.outcome == Outcome.WRONG
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("html", "policy"),
    [
        (SITE + OBJECT.replace("!0", "false"), ""),
        (OBJECT.replace("!0", "true") + INSIDER + SITE, ""),
        (f'<SCRIPT src="{HOME}/messenger.js?key=KEY"></SCRIPT><script src="{HOME}/embed.js?form=FORM"></script>', ""),
        (SITE, f"default-src 'self'; script-src {HOME} 'unsafe-inline'; connect-src https:"),
        (SITE.replace("<script", '<script nonce="N"'), f"script-src 'nonce-N' 'strict-dynamic'; connect-src {HOME}"),
        (
            SITE
            + "<script>insider_object = {user: {phone_number: '+12025550123', sms_optin: a.b, gdpr_optin: c}}</script>",
            "",
        ),
        ("<script src='https://www.googletagmanager.com/gtm.js?id=1'></script>", ""),
        (SITE + "<script>insider_object = load(); insider_object.user.uuid</script>", ""),
        (
            SITE
            + "<script>InsiderQueue.push({type: 'user', value: {sms_optin: me.yes}}); InsiderQueue.push(x)</script>",
            "",
        ),
    ],
)
def test_a_page_that_is_right_has_nothing_wrong(html: str, policy: str) -> None:
    assert wrong(html, policy) == ""


@pytest.mark.parametrize(
    ("html", "policy", "sentence"),
    [
        (
            "<p>Hello</p>",
            "",
            f'Add it after the user object. <script src="{HOME}/site.js" data-key="KEY" async>',
        ),
        (SITE.replace("KEY", "OLD"), "", "site.js has a key that does not exist here."),
        (SITE.replace(' data-key="KEY"', ""), "", "site.js has no key."),
        (SITE.replace("consent", "old"), "", "site.js comes from old.example.com, which is not this server."),
        (SITE, f"script-src {HOME} 'nonce-N' 'strict-dynamic'", f"Add this to script-src: {HOME}"),
        (SITE, "script-src 'self'", f"Add this to script-src: {HOME}"),
        (SITE, f"script-src {HOME}; default-src 'none'", f"Add this to connect-src: {HOME}"),
        (SITE.replace("site", "messenger"), f"default-src {HOME}; child-src 'none'", f"Add this to frame-src: {HOME}"),
        (f'<meta http-equiv="Content-Security-Policy" content="script-src http://x">{SITE}', "", "to script-src:"),
        (SITE + OBJECT, f"script-src {HOME} 'nonce-x'", "blocks the inline script with the user object"),
        (SITE + OBJECT.replace("sms_optin: true", "sms_optin: 'true'"), "", "sms_optin is not a boolean"),
        (SITE + OBJECT.replace("+12025550123", "+120394879878"), "", "no such number exists"),
        (SITE + OBJECT.replace("sms_optin: true,", ""), "", "sms_optin is missing."),
        (SITE + OBJECT.replace("5f0e6c1a-9b7d-4c53-8a4e-2d1f0b9c7e36", "undefined"), "", "many visitors share"),
        (SITE + OBJECT + "<script>InsiderQueue.push({type: 'init'})</script>", "", "insider_object and InsiderQueue."),
        (SITE + INSIDER + OBJECT, "", "defined after Insider’s tag"),
    ],
)
def test_each_mistake_of_a_page_is_named(html: str, policy: str, sentence: str) -> None:
    assert sentence in wrong(html, policy)


def test_a_page_elsewhere_or_without_html_is_wrong() -> None:
    assert "https://eve.example.com is not allowed." in wrong(SITE, url="https://eve.example.com/")
    assert "The page answers with 404" in wrong(SITE, status=404)


def test_a_page_of_this_server_is_allowed() -> None:
    assert wrong(SITE, url=f"{HOME}/shop") == ""


def test_values_that_scripts_compute_are_left_open() -> None:
    found = page_object.find(page_html.read(OBJECT).scripts)
    assert (found.source, found.computed) == ("insider_object", ("gdpr_optin",))
    lines = [each.text for each in check(SITE + OBJECT) if each.outcome == Outcome.NOT_SEEN]
    assert lines == ["gdpr_optin: set by a script. Open the page in a browser and look at Website in Assent."]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("{}", {}),
        ("{a: 1, 'b': -2.5, \"c\": null, 4: `x`,}", {"a": 1, "b": -2.5, "c": None, "4": "x"}),
        ("{a: 'it\\'s', /* b */ c: '\\u0041' // d\n}", {"a": "it's", "c": "A"}),
        ("{a: f({b: 1}, ['}']), c: true && x, d}", {"a": COMPUTED, "c": COMPUTED, "d": COMPUTED}),
        ("{a: {b: {c: false}}, d: 'x' + y}", {"a": {"b": {"c": False}}, "d": COMPUTED}),
        ("{a: 1", None),
        ("{...x}", None),
        ("{a:" * 50, None),
    ],
)
def test_literals_are_read_as_pages_write_them(code: str, value: object) -> None:
    assert js_literals.read_object(code, 0) == value


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from([*"{}[]():,'\"`\\/*\n ", "a", "true", "//", "/*", "<!--", "<script>", "insider_object ="]),
        max_size=60,
    )
)
def test_no_page_stops_the_check(parts: list[str]) -> None:
    text = "".join(parts)
    js_literals.read_object(text, 0)
    check(f"{text}<script>insider_object = {{{text}")
    check(f"<script src='http://[{text}'></script>")


@pytest.mark.parametrize(
    "part", ["<!--", "<script ", "<a b='", "<script>/*'{", "&#", "insider_object={a:/*", "<script>insider_object={a:'"]
)
def test_a_large_hostile_page_is_read_in_seconds(part: str) -> None:
    began_s = time.thread_time()
    check((part * 200_000)[:512_000])
    assert time.thread_time() - began_s < 15


@pytest.mark.parametrize(
    ("sources", "url", "is_allowed"),
    [
        ("*", f"{HOME}/x", True),
        ("'none'", f"{HOME}/x", False),
        ("'self'", f"{SHOP}/x", True),
        ("'self'", f"{HOME}/x", False),
        ("http:", f"{HOME}/x", True),
        ("*.example.com", f"{HOME}/x", True),
        ("*.example.com", "https://example.com/x", False),
        ("consent.example.com", "http://consent.example.com/x", False),
        ("consent.example.com:*", "https://consent.example.com:8443/x", True),
        ("consent.example.com", "https://consent.example.com:8443/x", False),
        (f"{HOME}:443/x", f"{HOME}/x", True),
        (f"{HOME}/f/", f"{HOME}/x", False),
        (f"{HOME}/f/", f"{HOME}/f/x", True),
    ],
)
def test_sources_of_a_policy_match_as_in_browsers(sources: str, url: str, *, is_allowed: bool) -> None:
    assert ContentPolicy.read([f"connect-src {sources}"], SHOP).allows("connect-src", url) == is_allowed
    assert not ContentPolicy.read([f"connect-src {sources}, default-src 'none'"], SHOP).allows("connect-src", url)
