"""Opens and answers an embed page as a browser without scripts does."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@dataclass
class EmbedPage:
    """One response of the embed: its state, hidden fields, the field that is asked for, and all text."""

    response: TestResponse
    path: str
    main: dict[str, str] = field(default_factory=dict)
    root: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    countries: list[str] = field(default_factory=list)
    box: dict[str, str] | None = None
    asks: str | None = None
    action: str = ""
    preferences: str = ""
    text: str = ""

    @property
    def state(self) -> str:
        return self.main.get("data-state", "")

    @property
    def status(self) -> int:
        return self.response.status_code


def open_form(client: FlaskClient, path: str, language: str = "en-US", **headers: str) -> EmbedPage:
    return read(client.get(path, headers={"Accept-Language": language} | headers), path)


def answer(client: FlaskClient, page: EmbedPage, typed: str | None = None, **changes: Any) -> EmbedPage:
    """Submit the form of the page, with the typed text and other ``changes`` of its fields."""
    headers = {"Accept-Language": "en-US"} | changes.pop("headers", {})
    data = page.fields | ({page.asks: typed} if page.asks and typed is not None else {}) | changes
    response = client.post(page.action or page.path, data=data, headers=headers)
    if response.status_code == 303:
        response = client.get(response.headers["Location"], headers=headers)
    return read(response, page.path)


def read(response: TestResponse, path: str) -> EmbedPage:
    page = EmbedPage(response, path)
    _Reader(page).feed(response.get_data(as_text=True))
    page.text = " ".join(page.text.split())
    return page


class _Reader(HTMLParser):
    def __init__(self, page: EmbedPage) -> None:
        super().__init__()
        self.page = page
        self.is_style = False
        self.is_option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.is_style = tag == "style"
        self.is_option = tag == "option"
        if tag == "option":
            self.page.countries.append(values["value"])
            if "selected" in values or len(self.page.countries) == 1:
                self.page.fields["country"] = values["value"]
        if tag == "html":
            self.page.root = values
        elif tag == "main":
            self.page.main = values
        elif tag == "form" and "target" in values:
            self.page.preferences = values["action"]
        elif tag == "form":
            self.page.action = values["action"]
        elif tag == "input" and values.get("type") == "hidden":
            self.page.fields[values["name"]] = values.get("value", "")
        elif tag == "input" and values.get("type") == "checkbox":
            self.page.box = values
        elif tag == "input":
            self.page.asks = values["name"]

    def handle_endtag(self, _tag: str) -> None:
        self.is_style = self.is_option = False

    def handle_data(self, data: str) -> None:
        if not self.is_style and not self.is_option:
            self.page.text += data
