"""``make pictures``: takes the README's pictures of the demo; with ``--all`` every page in every theme and width."""

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.config import ROOT
from app.core import demo
from tests.browser import actions as acts
from tests.browser import tour
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.shop import form_in, open_chat, panel, write
from tests.installations import settings_of
from tests.serve import web_process

README_PICTURES = ROOT / "docs" / "pictures"


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.browser.pictures", description=__doc__)
    arguments.add_argument("--all", type=Path, metavar="FOLDER", help="every page, wide and narrow, light and dark")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="assent-pictures-") as folder, sync_playwright() as playwright:
        settings = settings_of(Path(folder))
        filled = tour.fill(settings)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with web_process(settings) as address:
            take_all(browser, filled.at(address), chosen.all) if chosen.all else take(browser, filled.at(address))
        browser.close()
    return 0


def take(browser: Browser, shop: tour.Demo) -> None:
    """Take the pictures of the README."""
    README_PICTURES.mkdir(parents=True, exist_ok=True)
    page = new_page(browser, "light", 1120, 760)
    page.goto(f"{shop.address}/shop")
    page.frame_locator("iframe[src*='/f/form/']").locator("main").wait_for()
    page.locator("iframe[src*='/f/form/']").scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    save(page, "shop")
    tour.sign_in(page, shop.address, demo.ADMIN)
    for name, path in (
        ("form", shop.form),
        ("proof", shop.contact),
        ("types", "/admin/subscription-types"),
        ("overview", "/admin/overview"),
    ):
        page.goto(f"{shop.address}{path}")
        page.wait_for_timeout(600)
        save(page, name)
    both_sides(browser, shop)
    for language in ("en-US", "ar"):
        phone = new_page(browser, "dark" if language == "ar" else "light", 360, 620, language)
        phone.goto(f"{shop.address}{shop.asking}")
        save(phone, f"embed-{language[:2]}")
    phone = new_page(browser, "light", 360, 620)
    phone.goto(f"{shop.address}{next(path for path, state in shop.embeds.items() if state == 'preferences')}")
    save(phone, "preferences")


def both_sides(browser: Browser, shop: tour.Demo) -> None:
    """A customer and an agent in two browsers: the chat with a form, and the inbox after the form was answered."""
    customer, agent = new_page(browser, "light", 400, 760), new_page(browser, "light", 1280, 800)
    customer.goto(f"{shop.address}/shop")
    open_chat(customer)
    write(customer, "Hello! When is the Lighthouse roasted next?")
    panel(customer).locator(".mine time").wait_for()
    tour.sign_in(agent, shop.address, demo.AGENT)
    agent.locator("a[href^='/inbox/']", has_text="Lighthouse").first.click()
    agent.get_by_label("Your message").fill("This Friday. Shall we text you when it is out?")
    agent.get_by_role("button", name="Send").click()
    panel(customer).locator(".theirs .words", has_text="This Friday").wait_for()
    agent.get_by_role("link", name="Send form").click()
    agent.locator("#picker label", has_text="offers by text").click()
    agent.get_by_role("button", name="Send form").click()
    form = form_in(customer)
    form.get_by_label("Phone number").fill("+1 202 555 0123")
    customer.wait_for_timeout(600)
    save(customer, "messenger")
    form.locator("button").click()
    form.locator("[data-state=done]").wait_for()
    agent.locator("[data-chat][aria-current=page]", has_text="Signed up").wait_for()
    agent.wait_for_timeout(600)
    save(agent, "inbox")


def take_all(browser: Browser, shop: tour.Demo, folder: Path) -> None:
    """Take every page in every theme and width, to be looked at."""
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for width in (1280, 320):
            page = new_page(browser, scheme, width, 900)
            paths = [*shop.signed_out, *shop.embeds]
            for number, path in enumerate(paths):
                page.goto(f"{shop.address}{path}")
                page.wait_for_timeout(200)
                page.screenshot(path=folder / f"out-{number:02d}-{scheme}-{width}.png", full_page=True)
            chat(page, shop, folder, f"{scheme}-{width}")
            tour.sign_in(page, shop.address, demo.ADMIN)
            for number, path in enumerate(shop.staff):
                page.goto(f"{shop.address}{path}")
                page.wait_for_timeout(300)
                page.screenshot(path=folder / f"staff-{number:02d}-{scheme}-{width}.png", full_page=True)
            for name in acts.walk(page, shop, f"{scheme}-{width}"):
                page.screenshot(path=folder / f"act-{name}-{scheme}-{width}.png", full_page=True)


def chat(page: Page, shop: tour.Demo, folder: Path, look: str) -> None:
    """The messenger in the demo's shop: empty, with a message, and with one that cannot be sent."""
    page.goto(f"{shop.address}/shop")
    open_chat(page)
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"chat-0-{look}.png")
    write(page, "Hello! Do you ship to Spain, and how long does it take? https://example.com/map")
    panel(page).locator(".mine time").wait_for()
    page.screenshot(path=folder / f"chat-1-{look}.png")
    page.route("**/messenger/api/messages", lambda route: route.abort())
    write(page, "And to Portugal?")
    panel(page).get_by_role("button", name="Try again").wait_for()
    page.screenshot(path=folder / f"chat-2-{look}.png")
    page.unroute("**/messenger/api/messages")


def new_page(browser: Browser, scheme: str, width: int, height: int, language: str = "en-US") -> Page:
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        locale=language,
    )
    return context.new_page()


def save(page: Page, name: str) -> None:
    file = README_PICTURES / f"{name}.png"
    page.screenshot(path=file)
    print(file.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
