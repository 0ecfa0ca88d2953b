"""The text of a message: plain, or the HTML that Intercom's clients send."""

import html
import re
from typing import Any

import nh3

from app.schemas.fields import Text

BODY_MAX = 5000  # as ``core/conversations/messages.py`` has it
_HTML_MAX = 100_000
_NAMES = "p|br|div|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|img|pre|code|blockquote"
# A tag as clients write it. Attributes are quoted, so that “a <b and c> d” is not taken for a tag.
_TAG = re.compile(rf"""</?(?:{_NAMES})(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""", re.IGNORECASE)
# The end of a line: a break, or the end of a block.
_BREAK = re.compile(r"\s*(?:<br\s*/?>|</(?:p|div|li|h[1-6]|pre|blockquote|ul|ol)>)\s*", re.IGNORECASE)


class MessageText(Text):
    """A message as plain text. HTML, which Intercom's clients send, loads as its text, each paragraph as a line."""

    def __init__(self, **more: Any) -> None:
        super().__init__(most=BODY_MAX, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        if isinstance(value, str) and len(value) <= _HTML_MAX and _TAG.search(value):
            value = plain(value)
        return super()._deserialize(value, attr, data, **more)


def plain(markup: str) -> str:
    """The text of HTML."""
    lined = _BREAK.sub("\n", " ".join(markup.split()))
    text = html.unescape(nh3.clean(lined, tags=set()))
    return "\n".join(line.strip() for line in text.split("\n")).strip()
