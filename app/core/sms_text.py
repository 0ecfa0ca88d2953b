"""How a text is encoded and split into segments: GSM-7 where every character is in its alphabet, else UCS-2.

Source: 3GPP TS 23.038 (alphabets), TS 23.040 (segments). Carriers charge by segment.
"""

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# These take two septets: an escape and a character.
_EXTENDED = frozenset("\f^{}\\[~]|€")


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
    return list(dict.fromkeys(character for character in text if character not in _BASIC | _EXTENDED))


def _size(character: str, encoding: Encoding) -> int:
    if encoding == Encoding.UCS2:
        return 2 if ord(character) > 0xFFFF else 1
    return 2 if character in _EXTENDED else 1
