"""Reads a page of the preference center as a browser without scripts does."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@dataclass
class Page:
    """One response: its state, its types by id, its forms by address with the fields of their buttons, its links."""

    response: TestResponse
    state: str = ""
    lang: str = ""
    types: dict[int, tuple[str, bool]] = field(default_factory=dict)
    forms: dict[str, dict[str, str]] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    text: str = ""

    @property
    def status(self) -> int:
        return self.response.status_code


def open_page(client: FlaskClient, path: str, language: str = "en") -> Page:
    return read(client.get(path, headers={"Accept-Language": language}))


def press(client: FlaskClient, page: Page, path: str, **changes: str) -> Page:
    """Send the form with this address, as its button does, and follow to the page after it."""
    response = client.post(path, data=page.forms[path] | changes)
    while response.status_code == 303:
        response = client.get(response.headers["Location"])
    return read(response)


def read(response: TestResponse) -> Page:
    page = Page(response)
    _Reader(page).feed(response.get_data(as_text=True))
    page.text = " ".join(page.text.split())
    return page


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.action = ""
        self.is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.is_style = tag == "style"
        if tag == "main":
            self.page.state = given["data-state"]
        if tag == "html":
            self.page.lang = given["lang"]
        if tag == "a":
            self.page.links.append(given["href"])
        if "data-subscription-type" in given:
            is_subscribed = {"true": True, "false": False}[given["data-subscribed"]]
            self.page.types[int(given["data-subscription-type"])] = (given["data-status"], is_subscribed)
        if tag == "form":
            assert given["method"] == "post"
            self.action = given["action"]
            self.page.forms[self.action] = {}
        if tag in {"input", "button"} and given.get("name") and given.get("type") != "checkbox":
            self.page.forms[self.action][given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        self.page.text += "" if self.is_style else data + " "
