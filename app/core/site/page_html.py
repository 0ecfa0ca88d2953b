"""Reads from the HTML of a page, which may be hostile, its scripts and the policies in its ``<meta>`` elements."""

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser

_CHUNK, _TOTAL_S = 8_192, 5.0
_SCRIPTS_MAX, _METAS_MAX = 500, 50


@dataclass
class Script:
    """A script, in the order of the page. ``src`` is empty for an inline one, whose code is ``text``."""

    src: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class PageHtml:
    """What was read. ``is_cut``: reading took too long, so that the end is missing."""

    scripts: list[Script] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    is_cut: bool = False


def read(html: str) -> PageHtml:
    """Read a page, for at most five seconds."""
    parser = _Parser()
    ends_s = time.monotonic() + _TOTAL_S
    for begin in range(0, len(html), _CHUNK):
        parser.feed(html[begin : begin + _CHUNK])
        if time.monotonic() > ends_s:
            parser.found.is_cut = True
            break
    return parser.found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = PageHtml()
        self._inside: Script | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "script" and len(self.found.scripts) < _SCRIPTS_MAX:
            self._inside = Script(attributes.get("src", "").strip(), attributes)
            self.found.scripts.append(self._inside)
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "content-security-policy":
            self.found.policies = [*self.found.policies, attributes.get("content", "")][:_METAS_MAX]

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._inside.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = None
