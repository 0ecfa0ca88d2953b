"""How a text is encoded and split into segments: GSM-7 where every character is in its alphabet, else UCS-2.

Source: 3GPP TS 23.038 (alphabets), TS 23.040 (segments). Carriers charge by segment.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# These take two septets: an escape and a character.
_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM7 = _BASIC | _EXTENDED
# What people write in a typographic way, often because a program did it for them, and its plain spelling.
_TYPOGRAPHIC: Mapping[str, str] = {
    **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‹", "<"),
    **dict.fromkeys("›", ">"),
    **dict.fromkeys("‐‑‒–—―−•", "-"),
    **dict.fromkeys("\t\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", " "),
    # Soft hyphen, zero width space, word joiner, byte order mark.
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    "…": "...",
    "⁄": "/",
    "×": "x",
    "·": ".",
    "\u2028": "\n",
}
# Letters whose plain spelling is not their form without an accent.
_LETTERS: Mapping[str, str] = {"ı": "i", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe", "Œ": "OE", "ẞ": "SS"}


class Encoding(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


# The most units (septets, or code units of UTF-16) of a text that is one segment, and of each of several.
LIMITS = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True)
class Packed:
    """:param units: septets or UTF-16 code units of the whole text
    :param left: how many of them the last segment has left
    """

    encoding: Encoding
    segments: int
    units: int
    left: int


def pack(text: str) -> Packed:
    """How a text is sent. An empty one has no segment.

    Neither an escaped character nor a surrogate pair is split over two segments, so a segment may end early.
    """
    encoding = Encoding.UCS2 if not_in_gsm7(text) else Encoding.GSM7
    sizes = [_size(character, encoding) for character in text]
    single, part = LIMITS[encoding]
    units = sum(sizes)
    if units <= single:
        return Packed(encoding, 1 if text else 0, units, single - units)
    segments, used = 1, 0
    for size in sizes:
        if used + size > part:
            segments, used = segments + 1, 0
        used += size
    return Packed(encoding, segments, units, part - used)


def not_in_gsm7(text: str) -> list[str]:
    """The characters that make a text UCS-2, each once, in their order."""
    return list(dict.fromkeys(character for character in text if character not in _GSM7))


@dataclass(frozen=True)
class Costly:
    """A character that makes a text UCS-2. ``replacement``: its plain spelling; null: it has none.

    ``is_letter``: the plain spelling changes the spelling of a word, so that it is offered with care.
    """

    index: int
    character: str
    replacement: str | None
    is_letter: bool = False


def costly_characters(text: str) -> list[Costly]:
    """Each character that makes a text UCS-2, with its place and what can replace it."""
    return [_costly(index, character) for index, character in enumerate(text) if character not in _GSM7]


def in_plain_characters(text: str) -> str:
    """The text with typographic characters in their plain spelling. Letters stay as they are.

    Only for a person to choose: no text is changed without its author.
    """
    return "".join(
        _TYPOGRAPHIC.get(character, character) if character not in _GSM7 else character
        for character in unicodedata.normalize("NFC", text)
    )


def in_plain_letters(text: str) -> str:
    """The text with typographic characters and letters in their plain spelling (``café`` keeps its letter,
    ``Łódź`` becomes ``Lodz``). What has none stays, such as emoji and other scripts.
    """
    return "".join(
        character if found is None else found
        for character, found in ((each, None if each in _GSM7 else _letter(each)) for each in in_plain_characters(text))
    )


def _costly(index: int, character: str) -> Costly:
    if character in _TYPOGRAPHIC:
        return Costly(index, character, _TYPOGRAPHIC[character])
    letter = _letter(character)
    return Costly(index, character, letter, letter is not None)


def _letter(character: str) -> str | None:
    """The Latin letter without its accent, where GSM-7 has it."""
    if character in _LETTERS:
        return _LETTERS[character]
    base, *marks = list(unicodedata.normalize("NFD", character))
    is_accented = bool(marks) and all(unicodedata.combining(mark) for mark in marks)
    return base if is_accented and base.isascii() else None


def _size(character: str, encoding: Encoding) -> int:
    if encoding == Encoding.UCS2:
        return 2 if ord(character) > 0xFFFF else 1
    return 2 if character in _EXTENDED else 1
