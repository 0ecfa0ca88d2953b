"""Cursors: where a page ended, as text that means something to us only.

A cursor holds the key of the last row, so rows that are added or taken away meanwhile shift nothing; and what was
counted for the first page, so that it is not counted again.
"""

import base64
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.core.errors import InvalidInput
from app.schemas.contact import EMAIL_MAX, EXTERNAL_ID_MAX, NAME_MAX, PHONE_MAX

PER_PAGE_MAX = 150
PAGE_MAX = 10_000
# The longest text that a list is sorted by; as a cursor each character is at most six bytes of JSON, then base64.
_TEXT_MAX = max(NAME_MAX, EXTERNAL_ID_MAX, EMAIL_MAX, PHONE_MAX)
_CURSOR_MAX = (6 * _TEXT_MAX + 100) * 4 // 3
Item = TypeVar("Item")


@dataclass(frozen=True)
class Place:
    """Where a page begins: its number, the key of the row before it, and what was counted for page 1."""

    page: int = 1
    key: tuple[int | float | str | None, ...] | None = None
    total: int | None = None
    is_minimum: bool = False


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some rows; ``key`` of the last one when there are more, and the total (a minimum where it was capped)."""

    items: list[Item]
    key: tuple[Any, ...] | None
    total: int
    is_minimum: bool


def read(starting_after: str | None, *, keys: int) -> Place:
    """The place that a cursor means; the beginning when there is none.

    :param keys: how many parts the key of a row has
    :raises InvalidInput: it is none of ours, or of another list
    """
    if not starting_after:
        return Place()
    place = _unpacked(starting_after) if len(starting_after) <= _CURSOR_MAX else None
    if place is None or place.key is None or len(place.key) != keys:
        raise InvalidInput(
            "This is not a cursor of this list. Use the “starting_after” of the page before, as it is.",
            field="starting_after",
            code="client_error",
        )
    return place


def pages_of(page: Page[Any], place: Place, per_page: int) -> dict[str, Any]:
    """What a list says of its pages. ``next`` is left out on the last one."""
    answer: dict[str, Any] = {
        "type": "pages",
        "page": place.page,
        "per_page": per_page,
        "total_pages": math.ceil(page.total / per_page),
    }
    if page.key is not None:
        parts = [place.page + 1, page.total, page.is_minimum, *page.key]
        packed = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
        cursor = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        answer["next"] = {"page": place.page + 1, "starting_after": cursor}
    return answer


def listed(page: Page[Item], place: Place, per_page: int, body: Callable[[Item], Any]) -> dict[str, Any]:
    """A list as Intercom answers it, with ``total_count_is_minimum`` beside ``total_count``."""
    return {
        "type": "list",
        "data": [body(item) for item in page.items],
        "total_count": page.total,
        "total_count_is_minimum": page.is_minimum,
        "pages": pages_of(page, place, per_page),
    }


def _unpacked(text: str) -> Place | None:
    try:
        packed = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        page, total, is_minimum, *key = json.loads(packed)
    except (ValueError, TypeError, RecursionError):
        return None
    is_ours = _is_count(page) and _is_count(total) and isinstance(is_minimum, bool) and all(map(_is_plain, key))
    return Place(page, tuple(key), total, is_minimum) if is_ours else None


def _is_plain(part: object) -> bool:
    if isinstance(part, str):
        return len(part) <= _TEXT_MAX and "\0" not in part and not any("\ud800" <= char <= "\udfff" for char in part)
    if isinstance(part, bool) or part is None:
        return part is None
    if isinstance(part, int):
        return abs(part) < 2**62
    return isinstance(part, float) and math.isfinite(part)


def _is_count(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 2**31
