"""Pagination by key: a cursor says where a page ended, as text that only this API reads.

A cursor holds the key of the last row, so that rows added or removed meanwhile shift nothing; and the total of the
first page, so that it is not counted again.
"""

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.errors import InvalidInput
from app.schemas.contact_input import EMAIL_MAX, EXTERNAL_ID_MAX, NAME_MAX, PHONE_MAX
from app.schemas.entry import read_json
from app.schemas.fields import ID_MAX

# The longest text that a list is sorted by; as a cursor each character is at most six bytes of JSON, then base64.
_TEXT_MAX = max(NAME_MAX, EXTERNAL_ID_MAX, EMAIL_MAX, PHONE_MAX)
_CURSOR_MAX = (6 * _TEXT_MAX + 100) * 4 // 3
Item = TypeVar("Item")
Key = tuple[int | float | str | None, ...]


@dataclass(frozen=True)
class PageRequest:
    """The page that a client requests.

    :param key: the key of the row before it; null for the first page
    :param total: what was counted for the first page; a minimum where ``is_minimum``
    """

    per_page: int
    page: int = 1
    key: Key | None = None
    total: int | None = None
    is_minimum: bool = False

    @property
    def after_id(self) -> int | None:
        """The key of a list that goes by id."""
        return self.key[0] if self.key and isinstance(self.key[0], int) else None


@dataclass(frozen=True)
class Total:
    """How many rows a list has; a minimum where counting stopped."""

    count: int
    is_minimum: bool = False


def read(query: Mapping[str, Any], *, default: int, keys: int = 1) -> PageRequest:
    """The page that a query requests by ``per_page`` and ``starting_after``.

    :param default: rows of a page where the query names none
    :param keys: how many parts the key of a row has
    :raises InvalidInput: the cursor is none of ours, or of another list
    """
    per_page, cursor = query.get("per_page") or default, query.get("starting_after")
    if not cursor:
        return PageRequest(per_page)
    request = _unpacked(cursor, per_page) if len(cursor) <= _CURSOR_MAX else None
    if request is None or request.key is None or len(request.key) != keys or not _ends_with_id(request.key):
        raise InvalidInput(
            "This is not a cursor of this list. Use the “starting_after” of the page before, as it is.",
            field="starting_after",
            code="client_error",
        )
    return request


def read_sort(sort: Mapping[str, Any] | None) -> tuple[str | None, bool]:
    """The field that a search is sorted by, null where none is given, and whether it is descending.

    :raises InvalidInput: the order is neither ascending nor descending
    """
    if sort is None or sort["field"] is None:
        return None, True
    if sort["order"] not in {"ascending", "descending"}:
        raise InvalidInput("The order is “ascending” or “descending”.", field="sort.order", code="invalid_sort_order")
    return sort["field"], sort["order"] == "descending"


def by_key(
    request: PageRequest, found: Sequence[Item], key_of: Callable[[Item], int | str], count: Callable[[], Total]
) -> dict[str, Any]:
    """A page for a ``PagedListSchema``, of rows that were read by key, one more than the page holds.

    :param count: counts the list; called only for a first page that is not the last
    """
    has_more = len(found) > request.per_page
    if request.total is not None:
        total = Total(request.total, is_minimum=request.is_minimum)
    else:
        total = count() if has_more else Total(len(found))
    items = list(found[: request.per_page])
    return paged(request, items, (key_of(items[-1]),) if has_more else None, total)


def capped(count: int, most: int) -> Total:
    """The total of a count that stops at ``most``."""
    return Total(count, is_minimum=count >= most)


def paged(request: PageRequest, items: Sequence[Any], key: Key | None, total: Total) -> dict[str, Any]:
    """A page for a ``PagedListSchema``. ``next`` is left out of its pages on the last one.

    :param key: of the last row; null on the last page
    """
    pages: dict[str, Any] = {
        "page": request.page,
        "per_page": request.per_page,
        "total_pages": math.ceil(total.count / request.per_page),
    }
    if key is not None:
        parts = [request.page + 1, total.count, total.is_minimum, *key]
        packed = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
        cursor = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        pages["next"] = {"page": request.page + 1, "starting_after": cursor}
    return {
        "data": items,
        "total_count": total.count,
        "total_count_is_minimum": total.is_minimum,
        "pages": pages,
    }


def _unpacked(text: str, per_page: int) -> PageRequest | None:
    try:
        packed = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        page, total, is_minimum, *key = read_json(packed)
    except (ValueError, TypeError):
        return None
    is_ours = _is_count(page) and _is_count(total) and isinstance(is_minimum, bool) and all(map(_is_plain, key))
    if not is_ours:
        return None
    return PageRequest(per_page, page, tuple(key), total, is_minimum=is_minimum)


def _ends_with_id(key: Key) -> bool:
    """A key of several parts ends with the id of its row."""
    return len(key) == 1 or (isinstance(key[-1], int) and 0 <= key[-1] <= ID_MAX)


def _is_plain(part: object) -> bool:
    if isinstance(part, str):
        return len(part) <= _TEXT_MAX
    if isinstance(part, bool) or part is None:
        return part is None
    if isinstance(part, int):
        return abs(part) < 2**62
    return isinstance(part, float) and math.isfinite(part)


def _is_count(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 2**31
