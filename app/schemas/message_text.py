"""The text of a message: plain, or the HTML that Intercom's clients send."""

import html
import re
from typing import Any

import nh3

from app.schemas.fields import Text

BODY_MAX = 5000  # as ``core/conversations/appending.py`` has it
_HTML_MAX = 100_000
_NAMES = "p|br|div|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|img|pre|code|blockquote"
# A tag as clients write it. Attributes are quoted, so that “a <b and c> d” is not taken for a tag.
_TAG = re.compile(rf"""</?(?:{_NAMES})(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""", re.IGNORECASE)
# The end of a line: a break, or the end of a block.
_BREAK = re.compile(r"\s*(?:<br\s*/?>|</(?:p|div|li|h[1-6]|pre|blockquote|ul|ol)>)\s*", re.IGNORECASE)


# After nh3, each attribute is quoted and escaped. There is no link inside a link.
_LINK = re.compile(r'<a(?: href="([^"]*)")?>(.*?)</a>', re.DOTALL)
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
_SHOWN: dict[str, set[str]] = {"a": {"href"}, "img": {"src", "alt"}, "*": set()}
_SPACES = re.compile(" +")
_SCHEMES = {"http", "https", "mailto", "tel"}


class MessageText(Text):
    """A message as plain text. HTML, which Intercom's clients send, loads as its text, each paragraph as a line.

    Addresses of links and images stay, in parentheses after their text.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(most=BODY_MAX, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        if isinstance(value, str) and len(value) <= _HTML_MAX and _TAG.search(value):
            value = plain(value)
        return super()._deserialize(value, attr, data, **more)


def plain(markup: str) -> str:
    """The text of HTML, with the addresses of links and images."""
    lined = _BREAK.sub("\n", " ".join(markup.split()))
    cleaned = nh3.clean(lined, tags={"a", "img"}, attributes=_SHOWN, url_schemes=_SCHEMES, link_rel=None)
    pictured = _IMAGE.sub(_image, cleaned)
    text = html.unescape(_LINK.sub(lambda link: _addressed(link[2], link[1]), pictured))
    return "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n")).strip()


def _image(image: re.Match[str]) -> str:
    attributes = dict(_ATTRIBUTE.findall(image[1]))
    return f" {_addressed(attributes.get('alt', ''), attributes.get('src'))} "


def _addressed(text: str, address: str | None) -> str:
    """``text (address)``; the address alone where the text is the address or empty. Both are escaped."""
    scheme, _, rest = (address or "").partition(":")
    if not rest:
        return text
    shown = rest.partition("?")[0] if scheme in {"mailto", "tel"} else f"{scheme}:{rest}"
    said = text.strip()
    bare = shown.removeprefix(f"{scheme}://").strip("/")
    return shown if said.removeprefix(f"{scheme}://").strip("/") in {"", bare} else f"{text} ({shown})"
