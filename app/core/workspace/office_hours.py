"""Office hours: from when to when the team answers on each day of the week, in the workspace's time zone."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core.errors import InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# At most once a month, so that a typing mistake does not silence bots for years.
PAUSE_HOURS_MAX = 24 * 31
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MIDNIGHT = "00:00"


def checked(value: Mapping[str, Any] | None) -> dict[str, list[str]] | None:
    """Office hours as they are stored: ``{"mon": ["09:00", "17:00"]}``, without the days that are closed.

    ``00:00`` as the end is the end of the day. Null, or no day at all, means that the office is always open.

    :raises InvalidInput: a day or a time is unknown, one of the two times is missing, or a day ends before it begins
    """
    hours = {}
    for day, times in (value or {}).items():
        if day not in DAYS or not isinstance(times, list | tuple) or len(times) != 2:
            raise InvalidInput("Give both a time from and a time to for each day.", field="office_hours")
        opens, closes = times
        if not all(isinstance(each, str) and _TIME.fullmatch(each) for each in times):
            raise InvalidInput("Give both a time from and a time to for each day.", field="office_hours")
        if closes != _MIDNIGHT and closes <= opens:
            raise InvalidInput("A day must end after it begins.", field="office_hours")
        hours[day] = [opens, closes]
    return {day: hours[day] for day in DAYS if day in hours} or None


def is_open(hours: Mapping[str, Any] | None, time_zone: str, *, at: datetime) -> bool:
    """Whether this is a time within office hours. Without office hours the office is always open."""
    if not hours:
        return True
    local = at.astimezone(ZoneInfo(time_zone))
    times = hours.get(DAYS[local.weekday()])
    if not times:
        return False
    opens, closes = times
    return bool(opens <= f"{local:%H:%M}" and (closes == _MIDNIGHT or f"{local:%H:%M}" < closes))


def _pause_hours(value: int | None) -> int:
    if value is None or not 0 <= value <= PAUSE_HOURS_MAX:
        raise InvalidInput("Give a number from 0 to %(most)s.", field="bot_pause_hours", most=PAUSE_HOURS_MAX)
    return value


CHECKS: Mapping[str, Callable[[Any], Any]] = {"office_hours": checked, "bot_pause_hours": _pause_hours}
