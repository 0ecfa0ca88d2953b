"""How pages write times, countries and people."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.dates import format_datetime
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.core import accounts, phone

_ENGLISH = Locale.parse("en_GB")
_BY = {"contact": "The person", "system": "Assent itself", "api": "API token"}


def local_time(at: datetime, time_zone: str) -> Markup:
    """A moment in a time zone, for people and machines: ``<time datetime="…">2 Nov 2026, 13:00 CET</time>``."""
    zone = ZoneInfo(time_zone)
    words = format_datetime(at, "d MMM y, HH:mm zzz", tzinfo=zone, locale=_ENGLISH)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), words)


@lru_cache
def countries() -> tuple[tuple[str, str], ...]:
    """Every country that has phone numbers, as (ISO code, English name), by name."""
    names = {code: _ENGLISH.territories.get(code, code) for code in phone.countries()}
    return tuple(sorted(names.items(), key=lambda pair: pair[1]))


def country(code: str) -> str:
    """``United Kingdom`` for ``GB``."""
    return dict(countries()).get(code, code)


@lru_cache
def time_zones() -> tuple[str, ...]:
    """The zones that people know by region and city, and UTC."""
    regions = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    return ("UTC", *sorted(zone for zone in available_timezones() if zone.startswith(regions)))


def actor(code: str, names: dict[int, str]) -> str:
    """Who did it: ``agent:3`` by the agent's name, ``contact`` as the person.

    :param names: of agents, by id
    """
    kind, _, number = code.partition(":")
    if kind == "agent" and number.isdigit():
        return names.get(int(number), f"Agent {number}")
    return f"{_BY.get(kind, code)} {number}".strip()


def agent_names(session: Session) -> dict[int, str]:
    """What to call everybody who works here, by id."""
    return {agent.id: accounts.label(agent) for agent in accounts.find_all(session)}
