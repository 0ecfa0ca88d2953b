"""Times, numbers, countries and actors as staff pages show them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from functools import lru_cache
from typing import Literal, cast
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from flask import has_request_context, request
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.core import phone, typed_text, wording
from app.core.accounts import agents as accounts
from app.core.accounts import api_tokens
from app.core.wording import translatable
from app.core.workspace.settings import REGIONS
from app.web import i18n
from app.web.i18n import gettext

_ENGLISH = Locale.parse("en_GB")
_BY = {
    "contact": translatable("The person"),
    "system": translatable("Assent itself"),
    "unknown": translatable("Not signed in"),
    "command line": translatable("Command line"),
    "demo": translatable("Demo"),
    "bot": translatable("Bot"),
    "outbound": translatable("Outbound chat"),
}


def local_time(at: datetime, time_zone: str) -> Markup:
    """A time in a time zone, for people and machines: ``<time datetime="…">2 Nov 2026, 13:00 CET</time>``.

    Readers whose browser asks for American English see ``Nov 2, 2026, 1:00 PM CET``.
    """
    return _time_element(at, time_zone, "short")


def exact_time(at: datetime, time_zone: str) -> Markup:
    """As ``local_time``, to the second, as a proof needs it: ``2 Nov 2026, 13:00:00 CET``."""
    return _time_element(at, time_zone, "medium")


def _time_element(at: datetime, time_zone: str, length: Literal["short", "medium"]) -> Markup:
    zone = ZoneInfo(time_zone)
    names = [format_datetime(at, "zzz", tzinfo=zone, locale=locale) for locale in (reader_locale(), _ENGLISH)]
    name = names[0] if names[0].isalpha() else names[1]  # some zones have a name in one of the two only
    words = f"{day_and_time(at, zone, 'yMMMd', length)} {name}"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), words)


def day_and_time(at: datetime, zone: ZoneInfo, day: str = "", length: Literal["short", "medium"] = "short") -> str:
    """The time of the day as the reader writes it, after the day.

    :param day: the parts of the day, as a skeleton of CLDR: ``MMMd``; empty: the time alone
    :param length: ``medium`` has seconds
    """
    locale = reader_locale()
    clock_time = format_time(at, length, tzinfo=zone, locale=locale)
    return f"{format_skeleton(day, at, tzinfo=zone, locale=locale)}, {clock_time}" if day else clock_time


def day(on: date, parts: str = "MMMd") -> str:
    """A day as the reader writes it: ``2 Nov``.

    :param parts: as a skeleton of CLDR: ``yMMMd`` with the year
    """
    return format_skeleton(parts, datetime.combine(on, time()), locale=reader_locale())


def local_day(at: datetime, time_zone: str) -> str:
    """A day in a time zone as the reader writes it: ``2 Nov 2026``."""
    return format_skeleton("yMMMd", at, tzinfo=ZoneInfo(time_zone), locale=reader_locale())


def decimal(number: float) -> str:
    """A number as the reader writes it: ``12,345``, ``12.345`` in German."""
    return format_decimal(number, locale=reader_locale())


def percent(share: float) -> str:
    """A share of 1 as the reader writes it: ``45%``, ``45 %`` in German.

    What is less than 10% or more than 99% has a decimal: a few people who opted out are not 0%, nor all but one 100%.
    """
    if not 0 < share < 0.1 and not 0.99 < share < 1:
        return format_percent(share, locale=reader_locale())
    return format_percent(min(max(round(share, 3), 0.001), 0.999), locale=reader_locale(), decimal_quantization=False)


def listed(items: Iterable[str]) -> str:
    """A list as the reader writes it: ``a, b and c``."""
    return format_list(list(items), locale=reader_locale())


def reader_locale() -> Locale:
    """The language of the page as the reader's country writes it, which the browser tells; British for English."""
    accepted = request.headers.get("Accept-Language", "") if has_request_context() else ""
    return _variety(i18n.current_locale(), accepted)


@lru_cache(maxsize=256)
def _variety(locale: str, accept_language: str) -> Locale:
    language = locale.partition("_")[0]
    for tag in wording.accepted_languages(accept_language):
        if tag.lower().startswith(f"{language}-"):
            with suppress(UnknownLocaleError, ValueError):
                return Locale.parse(tag, sep="-")
    return _ENGLISH if locale == wording.DEFAULT_LOCALE else Locale.parse(locale)


def countries() -> tuple[tuple[str, str], ...]:
    """Every country that has phone numbers, as (ISO code, name in the language of the page), by name."""
    return _countries(i18n.current_locale())


@lru_cache
def _countries(locale: str) -> tuple[tuple[str, str], ...]:
    names = {code: wording.country_name(code, locale) for code in phone.countries()}
    return tuple(sorted(names.items(), key=lambda pair: typed_text.without_marks(pair[1])))


def country(code: str) -> str:
    """``United Kingdom`` for ``GB``, in the language of the page."""
    return wording.country_name(code, i18n.current_locale())


def language(code: str) -> str:
    """The name of a language in the reader's: ``English``. A code that is unknown is returned as it is."""
    with suppress(ValueError, UnknownLocaleError):
        return Locale.parse(code.replace("-", "_")).get_display_name(reader_locale()) or code
    return code


@lru_cache
def time_zones() -> tuple[str, ...]:
    """The time zones that are named by region and city, and UTC."""
    zones = (zone for zone in available_timezones() if zone.lower().startswith(REGIONS))
    return ("UTC", *sorted(zones))


def actor(code: str, names: Mapping[int, str] | Mapping[int | str, str]) -> str:
    """The name of an actor: of the agent (``agent:3``), of the token (``api:4``), or a general one (``contact``).

    :param names: of agents by id; of tokens by actor (``api:4``), where tokens can act
    """
    known = cast(Mapping[int | str, str], names)
    actor_type, _, number = code.partition(":")
    if code in known:
        return gettext("API token “%(name)s”", name=known[code])
    if actor_type == "agent" and number.isdigit():
        return known.get(int(number)) or gettext("Agent %(number)s", number=number)
    if actor_type == "api":
        return gettext("API token %(number)s", number=number)
    return gettext(_BY[actor_type]) if actor_type in _BY else code


def agent_names(session: Session) -> dict[int, str]:
    """The name of each agent, by id."""
    return {agent.id: accounts.label(agent) for agent in accounts.find_all(session)}


def actor_names(session: Session) -> dict[int | str, str]:
    """The names of agents by id, and of API tokens by actor (``api:4``)."""
    agents = cast(dict[int | str, str], agent_names(session))
    return agents | cast(dict[int | str, str], api_tokens.names(session))
