"""Paths of websites as the integration check keeps them: without query, and without what could name a person."""

import re

from app.core import origins

PATH_MAX = 200
_REPLACED = "*"
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:-]*")
_PARTS = re.compile(r"[^A-Za-z0-9]+")
_SEGMENT_MAX, _WORD_MAX, _ID_MIN, _HEX_MIN = 60, 24, 10, 8
_HEX = re.compile(r"[0-9a-fA-F]+")
_DIGIT = re.compile(r"[0-9]")
# Years, numbers of orders and parts of phone numbers; a whole segment with this many digits names one thing.
_DIGITS = re.compile(r"[0-9]{3,}")
_DIGITS_MAX = 5


def of(page: str) -> str:
    """The path of a page's address, with ``*`` in place of ids: ``/orders/4711?x=1`` becomes ``/orders/*``.

    Query, fragment, parameters after a semicolon, slashes at the end and empty segments are dropped. What is replaced:
    numbers, UUIDs and other codes, addresses, and everything that is percent-encoded, as names often are. At most
    200 characters. An address that cannot be read is ``/``.
    """
    path = origins.parts_of(page.strip()).path
    segments = [_shown(each) for each in path.split(";")[0].split("/") if each]
    return ("/" + "/".join(segments))[:PATH_MAX].rstrip("/") or "/"


def _shown(segment: str) -> str:
    if len(segment) > _SEGMENT_MAX or not _PLAIN.fullmatch(segment) or _has_many_digits(segment):
        return _REPLACED
    if any(_is_code(part) for part in _PARTS.split(segment)):
        return _REPLACED
    return _DIGITS.sub(_REPLACED, segment)


def _has_many_digits(segment: str) -> bool:
    return segment.isdigit() or len(_DIGIT.findall(segment)) > _DIGITS_MAX


def _is_code(part: str) -> bool:
    """Whether a part between hyphens looks like an id rather than a word."""
    has_digit = _DIGIT.search(part) is not None
    is_hexadecimal = len(part) >= _HEX_MIN and _HEX.fullmatch(part) is not None
    return len(part) > _WORD_MAX or (has_digit and (len(part) >= _ID_MIN or is_hexadecimal))
