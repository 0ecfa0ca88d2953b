"""The data of ``quiet_hours.toml``: hours in which laws allow marketing texts, holidays, states and area codes."""

import re
import tomllib
from calendar import monthcalendar
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True)
class Row:
    """Hours of some weekdays. ``start`` and ``end`` are minutes of the local day; ``end`` itself is not allowed.

    :param countries: ISO codes, ``*``: those that no other row is about
    :param states: of the United States; empty: the whole country; ``unknown``: numbers of no certain state
    """

    key: str
    name: str
    days: frozenset[int]
    start: int
    end: int
    countries: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    source: str = ""
    url: str = ""
    as_of: date | None = None


@dataclass(frozen=True)
class State:
    zones: frozenset[str]
    area_codes: frozenset[str]


def to_minutes(time: str) -> int:
    """Minutes of the day for ``09:30`` (or ``24:00``).

    :raises ValueError: it is nothing like that
    """
    if not _TIME.fullmatch(time):
        raise ValueError(time)
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


@cache
def rows() -> tuple[Row, ...]:
    """Every row, in the order of the file: states before their country."""
    return tuple(_row(table) for table in _file()["rows"])


@cache
def states() -> dict[str, State]:
    """The states of the United States by their two letters."""
    return {
        name: State(frozenset(table["zones"]), frozenset(map(str, table["area_codes"])))
        for name, table in _file()["states"].items()
    }


@cache
def split_area_codes() -> dict[str, frozenset[str]]:
    """Area code to every zone of its area, for those that have several."""
    split: dict[str, frozenset[str]] = {}
    for zone, codes in _file()["split_area_codes"].items():
        for code in map(str, codes):
            split[code] = split.get(code, frozenset()) | {zone}
    return split


@lru_cache(maxsize=256)
def holidays(country: str, year: int) -> frozenset[date]:
    """The public holidays of a country in a year; empty where the file has none."""
    return frozenset(
        _holiday(day, year) for table in _file()["holidays"] if country in table["countries"] for day in table["days"]
    )


def _holiday(day: dict[str, Any], year: int) -> date:
    if "day" in day:
        return date(year, day["month"], day["day"])
    weekday, nth = DAYS.index(day["weekday"]), day["nth"]
    found = [week[weekday] for week in monthcalendar(year, day["month"]) if week[weekday]]
    return date(year, day["month"], found[nth - 1 if nth > 0 else nth])


def _row(table: dict[str, Any]) -> Row:
    return Row(
        table["key"],
        table["name"],
        frozenset(DAYS.index(day) for day in table["days"]),
        to_minutes(table["start"]),
        to_minutes(table["end"]),
        frozenset(table["countries"]),
        frozenset(table.get("states", ())),
        table["source"],
        table.get("url", ""),
        table["as_of"],
    )


@cache
def _file() -> dict[str, Any]:
    with Path(__file__).with_name("quiet_hours.toml").open("rb") as file:
        return tomllib.load(file)
