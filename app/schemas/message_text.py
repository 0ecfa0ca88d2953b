"""What people write to each other, as it comes: plain text, or the HTML that Intercom's clients send."""

import html
import re
from typing import Any

import nh3

from app.schemas.fields import Text

BODY_MAX = 5000  # as ``core/conversations.py`` has it
_HTML_MAX = 100_000
_NAMES = "p|br|div|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|img|pre|code|blockquote"
# A tag as clients write it: attributes are quoted, so that “a <b and c> d” is none.
_TAG = re.compile(rf"""</?(?:{_NAMES})(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""", re.IGNORECASE)
# Where a line ends: a break, and between blocks.
_BREAK = re.compile(r"\s*(?:<br\s*/?>|</(?:p|div|li|h[1-6]|pre|blockquote|ul|ol)>)\s*", re.IGNORECASE)


class Written(Text):
    """What is said, as plain text. Of HTML, which Intercom's clients send, the text is taken, paragraphs as lines."""

    def __init__(self, **more: Any) -> None:
        super().__init__(most=BODY_MAX, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        if isinstance(value, str) and len(value) <= _HTML_MAX and _TAG.search(value):
            value = plain(value)
        return super()._deserialize(value, attr, data, **more)


def plain(written: str) -> str:
    """The text of some HTML."""
    lined = _BREAK.sub("\n", " ".join(written.split()))
    text = html.unescape(nh3.clean(lined, tags=set()))
    return "\n".join(line.strip() for line in text.split("\n")).strip()
