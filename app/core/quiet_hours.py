"""When a marketing text may arrive: the hours of laws (``quiet_hours.toml``) and of the workspace, in local time.

A moment is allowed when every row that may be about the number allows it in every time zone that the number may be in.
Texts that a person waits for (codes, answers to keywords) are not asked about here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from app.core.errors import InvalidInput
from app.core.quiet_hours_places import Place, place_of
from app.core.quiet_hours_rows import DAYS, Row, holidays, rows, to_minutes

OWN_HOURS, HOLIDAY, NO_COMMON_HOUR = "own_hours", "holiday", "no_common_hour"
# Every row of a law allows these hours on each day of the week; own hours have to share an hour with them.
_COMMON = (12 * 60, 17 * 60)
_LOOK_AHEAD = timedelta(days=21)
_STANDARD = "standard"


@dataclass(frozen=True)
class Policy:
    """The workspace's quiet hours, checked.

    :param standard: the rows of laws apply
    :param own: the workspace's own hours; null: none
    :param holidays: nothing is sent on public holidays of the number's country, as far as the rows list them
    :param closed: dates on which nothing is sent to anyone
    """

    standard: bool
    own: Row | None
    holidays: bool
    closed: frozenset[date]


def next_allowed(
    policy: Mapping[str, Any] | None, phone: str, time_zone: str | None, at: datetime
) -> tuple[datetime, str | None]:
    """``at`` and null when a text may arrive then, else the first moment at which it may, and the row that delays it.

    :param policy: the workspace's ``quiet_hours``; null: every moment is allowed
    :param phone: E.164
    :param time_zone: the contact's, when it is known; else every zone counts that the number may be in
    :returns: beside the time, the key of a row, ``own_hours``, ``holiday``, or ``no_common_hour``: within three weeks
        no moment is allowed everywhere, so that the text waits for a day and is asked about again
    Source: 47 CFR 64.1200(c)(1) and the laws of states, see ``quiet_hours.toml``
    """
    if policy is None:
        return at, None
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    opening, key = _first_allowed(_policy_of(policy), place_of(phone, time_zone), minute)
    return (at, None) if key is None else (opening, key)


def name_of(key: str) -> str | None:
    """The English name of a row (``Texas, Sunday``); null for what is no row of a law."""
    return next((row.name for row in rows() if row.key == key), None)


def hours_of(row: Row) -> str:
    """``09:00–21:00``."""
    return "–".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (row.start, row.end))


def check(policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The policy as it is stored: ``rules`` (``standard``), ``start``, ``end`` and ``days``, ``holidays``, ``closed``.

    :raises InvalidInput: it has an unknown key or value; ``field`` is ``quiet_hours``
    """
    if not policy:
        return None
    if unknown := sorted(set(policy) - {"rules", "start", "end", "days", "holidays", "closed"}):
        raise InvalidInput("Quiet hours have no value %(name)s.", name=str(unknown[0])[:40], field="quiet_hours")
    if policy.get("rules") not in (None, _STANDARD):
        raise InvalidInput("The only set of rules is “standard”.", field="quiet_hours")
    stored: dict[str, Any] = {"rules": _STANDARD} if policy.get("rules") else {}
    if policy.get("start") or policy.get("end") or policy.get("days"):
        stored |= _own_hours(policy)
    if policy.get("holidays") is True:
        stored["holidays"] = True
    if closed := policy.get("closed"):
        stored["closed"] = _dates(closed)
    return stored or None


def _own_hours(policy: Mapping[str, Any]) -> dict[str, Any]:
    try:
        start, end = to_minutes(policy["start"]), to_minutes(policy["end"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInput("Give both times as hours and minutes, such as 09:00.", field="quiet_hours") from None
    if min(end, _COMMON[1]) - max(start, _COMMON[0]) < 60:
        raise InvalidInput(
            "Include at least one hour between 12:00 and 17:00: only then every state allows texts.",
            field="quiet_hours",
        )
    days = policy.get("days") or list(DAYS)
    if not isinstance(days, list) or not set(days) <= set(DAYS):
        raise InvalidInput("Give the days as mon, tue, wed, thu, fri, sat, sun.", field="quiet_hours")
    return {"start": policy["start"], "end": policy["end"], "days": [day for day in DAYS if day in days]}


def _dates(values: Any) -> list[str]:
    try:
        dates = sorted({date.fromisoformat(value) for value in values})
    except (TypeError, ValueError):
        raise InvalidInput("Give dates as year, month and day, such as 2026-12-25.", field="quiet_hours") from None
    if len(dates) > 100:
        raise InvalidInput("Give at most %(most)s dates.", most=100, field="quiet_hours")
    return [each.isoformat() for each in dates]


def _policy_of(policy: Mapping[str, Any]) -> Policy:
    hours = (policy["start"], policy["end"], tuple(policy.get("days") or DAYS)) if policy.get("start") else None
    return _policy(
        hours,
        tuple(policy.get("closed") or ()),
        standard=policy.get("rules") == _STANDARD,
        holidays=bool(policy.get("holidays")),
    )


@lru_cache(maxsize=64)
def _policy(
    hours: tuple[str, str, tuple[str, ...]] | None, closed: tuple[str, ...], *, standard: bool, holidays: bool
) -> Policy:
    own = None
    if hours:
        start, end, days = hours
        own = Row(OWN_HOURS, "", frozenset(DAYS.index(day) for day in days), to_minutes(start), to_minutes(end))
    return Policy(standard, own, holidays, frozenset(map(date.fromisoformat, closed)))


@lru_cache(maxsize=16_384)
def _first_allowed(policy: Policy, place: Place, minute: datetime) -> tuple[datetime, str | None]:
    found = _search(policy, place, place.zones, minute)
    if found is None and policy.own is not None:
        # Own hours are a wish, laws are not: of many zones, the wish is kept in one as near to the middle as possible.
        zones = sorted(place.zones, key=lambda zone: minute.astimezone(zone).utcoffset() or timedelta())
        middle = len(zones) // 2
        nearest = sorted(range(len(zones)), key=lambda index: abs(index - middle))
        found = next(filter(None, (_search(policy, place, (zones[index],), minute) for index in nearest)), None)
    return found or (minute + timedelta(days=1), NO_COMMON_HOUR)


def _search(
    policy: Policy, place: Place, own_zones: tuple[ZoneInfo, ...], minute: datetime
) -> tuple[datetime, str | None] | None:
    """The first allowed minute and the key of what delays it most; null when there is none for weeks."""
    at, delays = minute, dict[str, timedelta]()
    while at - minute < _LOOK_AHEAD:
        opening, key = at, ""
        for each, name in _delays(policy, place, own_zones, at):
            if each > opening:
                opening, key = each, name
        if not key:
            return at, max(delays, key=lambda name: delays[name]) if delays else None
        delays[key] = delays.get(key, timedelta()) + (opening - at)
        at = opening
    return None


def _delays(
    policy: Policy, place: Place, own_zones: tuple[ZoneInfo, ...], at: datetime
) -> Iterator[tuple[datetime, str]]:
    """What forbids this moment: before which time it certainly forbids every moment, and its key."""
    laws = place.rows if policy.standard else ()
    for zone in place.zones:
        local = at.astimezone(zone)
        if local.date() in policy.closed or (policy.holidays and local.date() in holidays(place.country, local.year)):
            yield _midnight_after(local), HOLIDAY
        for row in laws:
            if local.weekday() in row.days and (opening := _opening(row, local)):
                yield opening, row.key
    for zone in own_zones if policy.own else ():
        if opening := _own_opening(policy.own, at.astimezone(zone)):
            yield opening, OWN_HOURS


def _own_opening(own: Row | None, local: datetime) -> datetime | None:
    if own is None:
        return None
    return _opening(own, local) if local.weekday() in own.days else _midnight_after(local)


def _opening(row: Row, local: datetime) -> datetime | None:
    """Null: open. After the end of a day it is the next midnight, when another row may apply."""
    minutes = local.hour * 60 + local.minute
    if row.start <= minutes < row.end:
        return None
    if minutes >= row.end:
        return _midnight_after(local)
    # In the second of two equal hours, when clocks are set back, the opening in it is meant, not the one that is past.
    return _instant(local.replace(hour=row.start // 60, minute=row.start % 60))


def _midnight_after(local: datetime) -> datetime:
    return _instant((local + timedelta(days=1)).replace(hour=0, minute=0, fold=0))


def _instant(local: datetime) -> datetime:
    return local.astimezone(UTC)
