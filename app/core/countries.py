"""Countries with phone numbers: names, calling codes, shared numbering plans, and which one a form preselects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from babel.core import get_global
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from app.core import typed_text, wording

# A country and the territories that share its national numbering plan: their people dial each other without a country
# code, although some have their own code. Sources: ARCEP, FCC, Ofcom, ACMA, Traficom, Nkom, ANRT.
_TERRITORIES: Mapping[str, frozenset[str]] = {
    "AU": frozenset({"CC", "CX"}),
    "FI": frozenset({"AX"}),
    "FR": frozenset({"BL", "GF", "GP", "MF", "MQ", "RE", "YT"}),
    "GB": frozenset({"GG", "IM", "JE"}),
    "IT": frozenset({"VA"}),
    "MA": frozenset({"EH"}),
    "NO": frozenset({"SJ"}),
    "US": frozenset({"AS", "GU", "MP", "PR", "VI"}),
}
_COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
_PARENTS = {territory: parent for parent, territories in _TERRITORIES.items() for territory in territories}
# Where people write mobile numbers in another way than the national format of the numbering plans.
_WRITTEN = {
    "AR": "11 2345-6789",
    "CL": "9 6123 4567",
    "EG": "0100 123 4567",
    "IN": "81234 56789",
    "LT": "0612 34567",
    "SL": "025 123456",
}


@dataclass(frozen=True)
class CountryOption:
    """One option of a country select: ISO code, name in the reader's language, and calling code (``+44``)."""

    code: str
    name: str
    calling_code: str


def countries() -> frozenset[str]:
    """Every ISO country code that has numbers."""
    return _COUNTRIES


def calling_code(country: str) -> str:
    """``+44`` for ``GB``."""
    return f"+{phonenumbers.country_code_for_region(country)}"


@lru_cache(maxsize=512)
def example(country: str) -> str:
    """An example of a mobile number as people of a country write it; empty when there is none."""
    number = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    if number is None:
        return ""
    return _WRITTEN.get(country) or phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def siblings(country: str) -> frozenset[str]:
    """The other countries that share a country's national numbering plan; empty for most."""
    parent = _PARENTS.get(country, country)
    return (_TERRITORIES.get(parent, frozenset()) | {parent}) - {country}


def with_territories(allowed: Iterable[str]) -> frozenset[str]:
    """The countries with the territories that share their national numbering plans. An empty list stays empty."""
    allowed = frozenset(allowed)
    return allowed.union(*(_TERRITORIES.get(country, frozenset()) for country in allowed))


@lru_cache(maxsize=128)
def country_options(locale: str, allowed: frozenset[str]) -> list[CountryOption]:
    """The options of a country select, sorted by name without regard to accents.

    :param locale: the reader's language, a key of ``wording.LOCALES``
    :param allowed: ISO codes; empty means every country. Countries without a mobile format are left out.
    """
    chosen = (country for country in countries() if (not allowed or country in allowed) and example(country))
    options = (CountryOption(code, wording.country_name(code, locale), calling_code(code)) for code in chosen)
    return sorted(options, key=lambda option: (typed_text.without_marks(option.name), option.code))


def preselected(
    saved: str | None,
    default: str | None,
    allowed: frozenset[str],
    browser_region: str | None,
    time_zone: str | None,
) -> str | None:
    """The country that a form preselects: the first of these that is allowed; null when the person has to choose.

    :param saved: the saved country of the contact
    :param default: the form's default country
    :param allowed: ISO codes; empty means every country. A single allowed country is preselected.
    :param browser_region: the region of the browser's language, which counts only if the time zone agrees
    :param time_zone: IANA name of the browser's time zone as a script tells it
    """
    only = next(iter(allowed)) if len(allowed) == 1 else None
    agreed = browser_region if browser_region and _is_zone_of(time_zone, browser_region) else None
    for country in (saved, default, only, agreed):
        if country and (option := _as_option(country, allowed)):
            return option
    return None


def country_of_time_zone(time_zone: str | None) -> str | None:
    """``IE`` for ``Europe/Dublin``; null for a zone of no country and for an unknown one."""
    if time_zone is None:
        return None
    territory = get_global("zone_territories").get(get_global("zone_aliases").get(time_zone, time_zone))
    return territory if territory in countries() else None


def _as_option(country: str, allowed: frozenset[str]) -> str | None:
    """The country, or the allowed one whose numbering plan it shares; null when it is no option of the select."""
    if country not in countries() or not example(country):
        return None
    if not allowed or country in allowed:
        return country
    parent = _PARENTS.get(country)
    return parent if parent in allowed else None


def _is_zone_of(time_zone: str | None, country: str) -> bool:
    territory = country_of_time_zone(time_zone)
    return territory is not None and territory in with_territories({country})
