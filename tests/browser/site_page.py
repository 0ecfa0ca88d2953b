"""Pages of a shop with ``site.js``, and what they sent."""

import json
from typing import Any

from playwright.sync_api import Page, Route

from tests.browser.shop import Shop, wait_until

CORS = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}


class Recorder:
    """Answers ``/site/collect`` in place of the server, and keeps the bodies of the calls."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bodies: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"accepted": {}, "refused": []}
        self.lines: list[str] = []
        page.route("**/site/collect", self._collect)
        page.on("console", lambda message: self.lines.append(message.text))

    def _collect(self, route: Route) -> None:
        assert route.request.method == "POST"
        assert "cookie" not in route.request.headers
        self.bodies.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=202, headers=CORS, body=json.dumps(self.answer))

    @property
    def users(self) -> list[Any]:
        return [body["user"] for body in self.bodies]

    def wait(self, calls: int) -> None:
        """Wait until so many calls were made, and for further ones that must not be."""
        wait_until(self.page, lambda: len(self.bodies) >= calls)
        self.page.wait_for_timeout(1300)  # longer than the scripts' interval
        assert len(self.bodies) == calls, self.bodies


def put_site(shop: Shop, path: str, before: str = "", options: str = "", after: str = "") -> str:
    """Add a page with ``site.js``; returns its address."""
    snippet = f'<script src="{shop.address}/site.js" data-key="{shop.key}" {options} async></script>'
    head = "<!doctype html><html lang=en><title>Shop</title>"
    shop.pages[path] = f"{head}<body><h1>Shop</h1>{script(before)}{snippet}{after}"
    return f"{shop.origin}{path}"


def script(source: str) -> str:
    return f"<script>{source}</script>" if source else ""
