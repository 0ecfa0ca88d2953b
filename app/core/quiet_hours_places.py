"""Where the holder of a number may be: time zones, and which rows of ``quiet_hours.toml`` may be about the number."""

from dataclasses import dataclass
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from babel.core import get_global
from phonenumbers import NumberParseException, PhoneNumber
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from app.core.quiet_hours_rows import Row, rows, split_area_codes, states

_UNKNOWN_STATE = "unknown"


@dataclass(frozen=True)
class Place:
    """:param zones: at least one"""

    country: str
    zones: tuple[ZoneInfo, ...]
    rows: tuple[Row, ...]


@lru_cache(maxsize=65_536)
def place_of(phone: str, time_zone: str | None) -> Place:
    """Where a number may be. A known time zone of the contact counts before what the number says.

    The state of a number in the United States is that of its area code, as far as the time zone agrees. Where it does
    not, the person may have moved: the states of that zone count, too. Numbers without an area code of a state may be
    in any.
    """
    try:
        number = phonenumbers.parse(phone)
    except NumberParseException:
        return Place("", (ZoneInfo("UTC"),), _rows("", frozenset()))
    country = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(
        number.country_code or 0
    )
    area_code = str(number.national_number)[:3] if country == "US" else ""
    known = time_zone if time_zone in _zone_names() else None
    zones = frozenset({known}) if known else _zones(number, country, area_code)
    return Place(country, tuple(map(ZoneInfo, sorted(zones))), _rows(country, _states(country, area_code, known)))


def _zones(number: PhoneNumber, country: str, area_code: str) -> frozenset[str]:
    if area_code and not _state_of(area_code):
        return _zones_of_country(country)
    named = frozenset(time_zones_for_number(number)) - {UNKNOWN_TIMEZONE}
    return (named & _zone_names()) | split_area_codes().get(area_code, frozenset()) or _zones_of_country(country)


@lru_cache(maxsize=2048)
def _states(country: str, area_code: str, time_zone: str | None) -> frozenset[str]:
    """The states that a number may be in; ``unknown`` beside all of them where nothing is certain."""
    if country != "US":
        return frozenset()
    state = _state_of(area_code)
    if state is None:
        return frozenset({*states(), _UNKNOWN_STATE})
    if time_zone is None or time_zone in states()[state].zones:
        return frozenset({state})
    return frozenset({state, *(name for name, each in states().items() if time_zone in each.zones)})


@cache
def _state_of(area_code: str) -> str | None:
    return next((name for name, state in states().items() if area_code in state.area_codes), None)


@lru_cache(maxsize=1024)
def _rows(country: str, of_states: frozenset[str]) -> tuple[Row, ...]:
    about = tuple(row for row in rows() if country in row.countries and (not row.states or row.states & of_states))
    return about or tuple(row for row in rows() if "*" in row.countries)


@cache
def _zones_of_country(country: str) -> frozenset[str]:
    of_country = {zone for zone, territory in get_global("zone_territories").items() if territory == country}
    return frozenset(of_country & _zone_names()) or frozenset({"UTC"})


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
