"""How pages name a person, and the initials and the color that stand beside the name."""

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from flask import Flask

from app.core import clock, phone
from app.core.wording import DEFAULT_LOCALE, translatable
from app.web import formatting, i18n
from app.web.i18n import gettext

# English names of countries that take an article: from the Netherlands.
_WITH_ARTICLE = "AE AX BQ BS CC CF CK DO FK FO GB GM IM IO KM KY MH MP MV NL PH PS SB SC TC US VG VI"
_ROLES = {"admin": translatable("Admin"), "marketer": translatable("Marketer"), "agent": translatable("Agent")}
TONES = 8  # the pairs --tone-0, --on-tone-0 … of static/css/tokens.css


class Person(Protocol):
    """A contact, or a row of a list with what its label needs."""

    @property
    def name(self) -> str | None: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...
    @property
    def phone_country(self) -> str | None: ...
    @property
    def time_zone(self) -> str | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def erased_at(self) -> datetime | None: ...


def init_app(app: Flask) -> None:
    """Add the filters ``contact | label(time_zone)``, ``label | initials``, ``id | tone`` and ``role | role_name``."""
    app.add_template_filter(label)
    app.add_template_filter(initials)
    app.add_template_filter(tone)
    app.add_template_filter(role_name)


def label(person: Person, time_zone: str) -> str:
    """The best name that a contact has. Without one: ``Visitor from Ireland, 20:23``, the time of the first contact.

    The country is that of the number, else that of the time zone; unknown, it is left out. Before today the time has
    its day: ``Visitor from Ireland, 2 Nov, 20:23``.

    :param time_zone: of the workspace
    """
    if person.erased_at is not None:
        return gettext("Erased contact")
    if known := person.name or person.external_id or person.email:
        return known
    zone, today = ZoneInfo(time_zone), clock.now()
    is_today = person.created_at.astimezone(zone).date() == today.astimezone(zone).date()
    at = formatting.day_and_time(person.created_at, zone, "" if is_today else "MMMd")
    country = person.phone_country or phone.country_of_time_zone(person.time_zone)
    if country is None:
        return gettext("Visitor, %(time)s", time=at)
    return gettext("Visitor from %(country)s, %(time)s", country=_with_article(country), time=at)


def _with_article(country: str) -> str:
    """The name of a country, in English with its article. In other languages the sentence is worded to need none."""
    name = formatting.country(country)
    return f"the {name}" if i18n.current_locale() == DEFAULT_LOCALE and country in _WITH_ARTICLE else name


def initials(name: str) -> str:
    """``SR`` for ``Sam Rivera``, ``S`` for ``sam@example.com``; empty where no word begins with a letter or digit."""
    words = [word for word in name.partition("@")[0].split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper() if words else ""


def tone(key: str | int) -> int:
    """The number of a person's color: the same for the same id on every page.

    :param key: the public id of a contact (hexadecimal digits), or the id of an agent
    """
    return (int(key[:6], 16) if isinstance(key, str) else key) % TONES


def role_name(role: str) -> str:
    """``Marketer`` for ``marketer``, in the language of the page."""
    return gettext(_ROLES[role])
