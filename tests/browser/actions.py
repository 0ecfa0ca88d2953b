"""Staff pages that appear only after an action: refusals, new objects, one-time links, confirmations."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from passlib.totp import TOTP
from playwright.sync_api import Page

from app.core import clock
from tests.browser import tour

PASSWORD = "correct horse battery"
_BLANK = """form => {
  form.querySelectorAll("input:not([type=hidden], [type=radio], [type=checkbox]), textarea").forEach((field) => {
    field.value = "";
  });
  form.submit();
}"""
_REFUSED = (
    "/admin/forms/new",
    "/admin/subscription-types/new",
    "/admin/settings",
    "/admin/agents/invite",
    "/admin/webhooks/new",
    "/admin/tokens",
)


def walk(page: Page, shop: tour.Demo, look: str) -> Iterator[str]:
    """Opens each page in turn and yields its name; the caller checks it and continues.

    max is signed in at the start, no one at the end.

    :param look: makes names that were not used before
    """
    yield from _refused(page, shop)
    yield from _found(page, shop)
    yield from _made(page, shop, look)
    yield from _newcomer(page, shop, look)


def _refused(page: Page, shop: tour.Demo) -> Iterator[str]:
    forms = [(path, "form:has(.field)", path.replace("/", "-")) for path in _REFUSED]
    forms += [(shop.contact, f"form[action$='/{what}']", f"-{what}") for what in ("forms", "gdpr", "erase")]
    for path, form, name in forms:
        page.goto(f"{shop.address}{path}")
        with page.expect_navigation():
            page.locator(f"main {form}").first.evaluate(_BLANK)
        page.locator("[aria-invalid], .field-wrong").first.wait_for()
        yield f"refused{name}"


def _found(page: Page, shop: tour.Demo) -> Iterator[str]:
    for typed, name in ((shop.number, "shown"), ("+12025550177", "shown-nothing")):
        page.goto(f"{shop.address}/show-me")
        page.get_by_label("Phone number or email address").fill(typed)
        page.get_by_role("button", name="Show everything").click()
        page.get_by_text("New search").wait_for()
        yield name


def _made(page: Page, shop: tour.Demo, look: str) -> Iterator[str]:
    page.goto(f"{shop.address}/admin/tokens")
    page.get_by_label("Name", exact=True).fill(f"Till {look}")
    page.get_by_role("button", name="Create token").click()
    page.get_by_text("shown only now").wait_for()
    yield "token"
    page.goto(f"{shop.address}/admin/webhooks/new")
    page.locator("input[type=url]").fill(f"https://{look}.example.com/hooks")
    page.locator("input[type=checkbox]").first.check()
    page.locator("main button.button-primary").click()
    page.wait_for_load_state()
    yield "webhook-secret"


def _newcomer(page: Page, shop: tour.Demo, look: str) -> Iterator[str]:
    """ivy is invited, chooses a password, opens a page for admins, sets up a second factor, and signs in with it."""
    email = f"ivy-{look}@example.com"
    page.goto(f"{shop.address}/admin/agents/invite")
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Create the link").click()
    link = page.locator("#one-time-link").input_value()
    yield "link"
    page.context.clear_cookies()
    page.goto(f"{shop.address}{urlsplit(link).path}")
    yield "new-password"
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main button").first.click()
    _sign_in(page, shop, email)
    page.wait_for_url("**/inbox")
    page.goto(f"{shop.address}/admin/forms")
    yield "forbidden"
    for path in ("/account/confirm", "/account/recovery-codes", "/account/second-factor"):
        page.goto(f"{shop.address}{path}")
        yield path.rpartition("/")[2]
    page.get_by_role("button", name="Set up an app").click()
    key = page.locator(".key").inner_text()
    yield "second-factor-code"
    page.get_by_role("textbox").fill(str(TOTP(key).generate(clock.now()).token))
    page.get_by_role("button", name="Switch on").click()
    page.wait_for_url("**/account")
    yield "second-factor-on"
    page.goto(f"{shop.address}/account/recovery-codes")
    page.get_by_role("button", name="Create new codes").click()
    page.locator(".codes").wait_for()
    yield "recovery-codes-made"
    page.context.clear_cookies()
    _sign_in(page, shop, email)
    page.wait_for_url(lambda url: "/sign-in/code" in url)
    yield "sign-in-code"
    page.goto(f"{shop.address}/sign-in/recovery-code")
    yield "sign-in-recovery-code"


def _sign_in(page: Page, shop: tour.Demo, email: str) -> None:
    page.goto(f"{shop.address}/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
