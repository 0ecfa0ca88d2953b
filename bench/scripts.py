"""``python -m bench.scripts``: by how much the three scripts together delay the load event of a page.

Opens one page with and without ``site.js``, ``embed.js`` and ``messenger.js`` (``async``) in Chromium, by turns, each
time with an empty cache, from a server that runs as in production on another origin, and compares the medians. The page
has an image of its own that takes 300 ms, as usual pages have. ``--bare`` leaves it out: a page of one response is
complete before any script can be fetched, and browsers wait for those; a snippet that loads after the page avoids that.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from app.core import clock
from app.core.workspace import settings
from bench.forms import form_key
from bench.servers import Place, assent_server, prepared
from tests.browser.conftest import CHROMIUM, FLAGS, SHELL
from tests.serve import other_site, slow_front

GOAL_MS, IMAGE_S = 10, 0.3
DELAY = "performance.timing.loadEventEnd > 0 && performance.timing.loadEventEnd - performance.timing.navigationStart"
USER = '{phone_number: "+447400123471", sms_optin: true, gdpr_optin: true, uuid: "a1b2"}'
# A page of a usual size.
PAGE = (
    f"<!doctype html><html lang=en><title>Shop</title><script>window.insider_object = {{user: {USER}}}</script>"
    + "<p>Bread of the day, with seeds and with a crust.</p>" * 2000
)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.scripts", description=__doc__)
    arguments.add_argument("--loads", type=int, default=100, help="loads of each page")
    arguments.add_argument("--bare", action="store_true", help="a page without its own image; it has no goal")
    chosen = arguments.parse_args()
    loads = chosen.loads
    with (
        tempfile.TemporaryDirectory(prefix="assent-bench-") as folder,
        prepared("sqlite", Path(folder)) as place,
        assent_server(place) as address,
        slow_front(address, IMAGE_S) as slow,
    ):
        image = "" if chosen.bare else f'<img src="{slow}/static/css/tokens.css" alt="">'
        without, with_scripts = measure(place, address, PAGE + image, loads)
    delay = with_scripts - without
    verdict = "no goal" if chosen.bare else "met" if delay < GOAL_MS else "MISSED"
    print(f"load event, median of {loads}: {without:.1f} ms without, {with_scripts:.1f} ms with the three scripts")
    print(f"delay: {delay:.1f} ms (goal: less than {GOAL_MS}): {verdict}")
    return 1 if verdict == "MISSED" else 0


def measure(place: Place, address: str, html: str, loads: int) -> tuple[float, float]:
    """The medians in ms, without and with the scripts."""
    pages: dict[str, str] = {}
    with other_site(pages) as origin, sync_playwright() as playwright:
        with place.database.unit_of_work() as session:
            form = form_key(session, clock.now())
            key = settings.change(session, {"allowed_origins": [origin]}, actor="agent:1", at=clock.now()).messenger_key
        pages["/without"] = html
        pages["/with"] = html + "".join(
            f'<script src="{address}/{name}" {option} async></script>'
            for name, option in (
                ("site.js", f'data-key="{key}"'),
                ("messenger.js", f'data-key="{key}"'),
                ("embed.js", f'data-form="{form}"'),
            )
        )
        browser = playwright.chromium.launch(executable_path=SHELL if Path(SHELL).exists() else CHROMIUM, args=FLAGS)
        times: dict[str, list[float]] = {"/without": [], "/with": []}
        for number in range(loads + 3):
            for path, found in times.items():
                found.append(_load_ms(browser, origin + path))
                if number < 3:
                    found.clear()  # the first ones warm up
        browser.close()
    return median(times["/without"]), median(times["/with"])


def _load_ms(browser: Browser, address: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address, wait_until="load")
    taken = page.wait_for_function(DELAY).json_value()
    context.close()
    return float(taken)


if __name__ == "__main__":
    sys.exit(main())
