"""Dates in imported files. One that can be read in two ways is not read."""

import re
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum


class DateOrder(StrEnum):
    """How ``03/04/2025`` is read. ``unknown``: not at all, unless only one reading is a date."""

    UNKNOWN = "unknown"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


_ISO_BEGIN = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECONDS = re.compile(r"\d{9,10}")
_PARTS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_UTC_SUFFIX = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


def read(text: str, *, order: DateOrder, zone: tzinfo) -> datetime | None:
    """The time that a cell holds; null when it is none, or when it can be read in two ways.

    ISO 8601 (also with a space, or ``UTC`` at its end), Unix seconds, ``31.12.2025``, ``31/12/2025``, with a time or
    without. A date alone is its midnight.

    :param zone: of times that name none
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text), UTC)
    found = _iso(text) if _ISO_BEGIN.match(text) else _by_parts(text, order)
    if found is None:
        return None
    try:
        at = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return at if at >= _EARLIEST else None


def _iso(text: str) -> datetime | None:
    bare = _UTC_SUFFIX.sub("", text)
    try:
        found = datetime.fromisoformat(bare)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if bare != text and found.tzinfo is None else found


def _by_parts(text: str, order: DateOrder) -> datetime | None:
    found = _PARTS.fullmatch(text)
    if found is None:
        return None
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    hour, minute, second_of_minute = (int(found[group] or 0) for group in (5, 6, 7))
    if found[2] == ".":  # everywhere the day comes first where dots are written
        order = DateOrder.DAY_FIRST
    day_first, month_first = _date(year, second, first), _date(year, first, second)
    if order != DateOrder.UNKNOWN:
        day = day_first if order == DateOrder.DAY_FIRST else month_first
    else:
        day = day_first or month_first
        if day_first and month_first and day_first != month_first:
            return None
    try:
        return datetime.combine(day, time(hour, minute, second_of_minute)) if day else None
    except ValueError:
        return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
