"""What people take along to show a form elsewhere: a QR code, and the height of a plain iframe."""

import re
from math import ceil

import segno

from app.core.forms.content import FormContent, FormText
from app.models import Channel

# Of the page at 320 px, the narrowest: everything that is there with any text, and what the lines of each text take.
_FIXED_PX, _COUNTRY_PX = 280, 60
_LINE_PX, _TITLE_LINE_PX = 24, 26
_CHARS_A_LINE, _TITLE_CHARS_A_LINE = 33, 24
_LINK = re.compile(r"\]\([^)]*\)")


def qr_svg(address: str, *, title: str) -> str:
    """The QR code of an address as an SVG element with a title."""
    return segno.make(address, error="m", micro=False).svg_inline(scale=5, dark="#000", light="#fff", title=title)


def iframe_height(content: FormContent, channel: str) -> int:
    """The height in px at which the form fits into a plain iframe at 320 px, in its longest language.

    It is an estimate that rather leaves some space. Refusals are shown in addition, and make the frame scroll.
    """
    tallest = max(_text_px(text) for text in content.texts.values())
    return _FIXED_PX + tallest + (_COUNTRY_PX if channel == Channel.SMS else 0)


def _text_px(text: FormText) -> int:
    legal = _LINK.sub("", text.legal_text)
    paragraphs = [line for line in legal.splitlines() if line.strip()]
    lines = sum(ceil(len(line) / _CHARS_A_LINE) for line in [*paragraphs, text.checkbox_text])
    blocks = 8 * max(0, len(paragraphs) - 1) + (20 if legal else 0) + (20 if text.checkbox_text else 0)
    return lines * _LINE_PX + blocks + ceil(len(text.title) / _TITLE_CHARS_A_LINE) * _TITLE_LINE_PX
