"""The workspace: its name and policy."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy.orm import Session

from app.core import audit, origins, phone
from app.core.errors import InvalidInput, InvalidState
from app.core.signing import keys_of
from app.core.wording import LOCALES
from app.core.workspace import confirmation_limits, controller, office_hours, sending, website
from app.db import insert_or_ignore
from app.models import Workspace

FIRST_NAME = "My business"
# The beginnings of time zones that are named by region and city.
REGIONS = (
    "africa/",
    "america/",
    "antarctica/",
    "asia/",
    "atlantic/",
    "australia/",
    "europe/",
    "indian/",
    "pacific/",
)
RETENTION_YEARS_MAX = 30
GREETING_MAX, OFFICE_NAME_MAX = 300, 120
_COLOR = re.compile(r"#[0-9a-f]{6}")


def get(session: Session) -> Workspace:
    """The workspace.

    :raises InvalidState: it does not exist, because the database was never upgraded
    """
    workspace = session.get(Workspace, 1)
    if workspace is None:
        raise InvalidState("The database has no workspace yet: run “assent db upgrade”.")
    return workspace


def ensure(session: Session, *, at: datetime) -> Workspace:
    """The workspace, created when it is missing.

    :raises InvalidState: the database was created with another secret key, so that no keyed hash in it would match,
        not even those of suppressions
    """
    keys = keys_of(session)
    workspace = session.get(Workspace, 1)
    if workspace is None:
        # two processes that start at the same time may both find none
        values = {
            "id": 1,
            "name": FIRST_NAME,
            "key_check": keys.check,
            "number_rules": phone.rules_version(),
            "quiet_hours": sending.FIRST_QUIET_HOURS,
            "created_at": at,
            "updated_at": at,
        }
        insert_or_ignore(session, Workspace, values)
        workspace = session.get_one(Workspace, 1)
    if workspace.key_check != keys.check:
        raise InvalidState(
            "ASSENT_SECRET_KEY is not the one that this database was made with. Opt-outs are kept under that key: "
            "put the old key back."
        )
    return workspace


def change(session: Session, values: Mapping[str, Any], *, actor: str, at: datetime) -> Workspace:
    """Change settings. All values are checked before any is written.

    :param values: any of name, time_zone, default_country, allowed_countries, allowed_origins (lists), privacy_url,
        terms_url, help_contact, accent_color, submissions_per_address, submissions_per_number, api_calls_per_minute,
        agents_write_legal_text, erasure_requests, erasure_due_days (days), evidence_retention_years,
        confirmation_limits, messenger_office_name, messenger_greeting (locale to text), messenger_accent_color, and
        those of ``controller.CHECKS``, ``office_hours.CHECKS``, ``sending.CHECKS`` and ``website.CHECKS``
    :raises InvalidInput: a value is invalid; ``field`` names it
    """
    workspace = get(session)
    checked = {name: check(name, value) for name, value in values.items()}
    changed = {name: value for name, value in checked.items() if getattr(workspace, name) != value}
    website.refuse_unusable(session, changed)
    details = audit.changes({name: getattr(workspace, name) for name in changed}, changed)
    for name, value in changed.items():
        setattr(workspace, name, value)
    if changed:
        touch(workspace, at)
        audit.record(session, actor, "settings.changed", "workspace", details, at=at)
        session.flush()
    return workspace


def check(name: str, value: Any) -> Any:
    """One value of ``change`` as it would be stored.

    :raises InvalidInput: it is invalid; ``field`` names it
    """
    return _CHECKS[name](value)


def touch(workspace: Workspace, at: datetime) -> None:
    """Note that the workspace changed: caches are keyed by its revision."""
    workspace.updated_at = at
    workspace.revision += 1


def _name(value: str) -> str:
    if not (name := " ".join(value.split())) or len(name) > 120:
        raise InvalidInput("Give the workspace a name of at most 120 characters.", field="name")
    return name


@cache
def zones() -> Mapping[str, str]:
    """The names of all IANA time zones, by the name in lower case."""
    return {zone.lower(): zone for zone in sorted(available_timezones() - {"Factory", "localtime"})}


def _time_zone(value: str) -> str:
    typed = value.strip().replace(" ", "_").lower()
    cities = [zone for name, zone in zones().items() if name.rpartition("/")[2] == typed and name.startswith(REGIONS)]
    if found := zones().get(typed) or (cities[0] if len(cities) == 1 else None):
        return found
    if cities:
        raise InvalidInput("Choose one of these: %(zones)s.", field="time_zone", zones=", ".join(cities))
    raise InvalidInput("Choose a time zone by its region and city, such as Europe/Berlin.", field="time_zone")


def country(value: str | None) -> str | None:
    """The ISO country code in capitals; null when empty.

    :raises InvalidInput: no country has this code
    """
    if not value:
        return None
    if (code := value.strip().upper()) not in phone.countries():
        raise InvalidInput("Choose a country by its two-letter code, such as GB.", field="default_country")
    return code


def _countries(value: list[str]) -> list[str]:
    codes = sorted({code.strip().upper() for code in value if code.strip()})
    if unknown := [code for code in codes if code not in phone.countries()]:
        raise InvalidInput(
            "There is no country with the code %(country)s.", field="allowed_countries", country=unknown[0][:8]
        )
    return codes


def _origins(value: list[str]) -> list[str]:
    return list(dict.fromkeys(origins.read(origin) for origin in value))


def _web_link(field: str) -> Any:
    def check(value: str) -> str:
        link = value.strip()
        parts = origins.parts_of(link)
        if link and (parts.scheme not in {"http", "https"} or not parts.netloc or len(link) > 500):
            raise InvalidInput("Give a full web address that begins with https://.", field=field)
        return link

    return check


def _help_contact(value: str) -> str:
    contact = value.strip()
    if len(contact) > 254 or "\n" in contact:
        raise InvalidInput("Give one email address, phone number or web address.", field="help_contact")
    return contact


def _office_name(value: str) -> str:
    if len(name := " ".join(value.split())) > OFFICE_NAME_MAX:
        raise InvalidInput("Use at most %(most)s characters.", field="messenger_office_name", most=OFFICE_NAME_MAX)
    return name


def _greeting(value: Mapping[str, str]) -> dict[str, str]:
    greeting = {locale: text.strip() for locale, text in sorted(value.items()) if text.strip()}
    for locale, text in greeting.items():
        if locale not in LOCALES or len(text) > GREETING_MAX:
            raise InvalidInput(
                "Use at most %(most)s characters.", field=f"messenger_greeting-{locale}"[:60], most=GREETING_MAX
            )
    return greeting


def _accent_color(field: str, *, can_be_empty: bool) -> Any:
    def check(value: str) -> str:
        color = value.strip().lower()
        if not _COLOR.fullmatch(color) and not (can_be_empty and not color):
            raise InvalidInput("Write the color as # and six hexadecimal digits, for example #0b6e4f.", field=field)
        return color

    return check


def _retention(value: int) -> int:
    if not 1 <= value <= RETENTION_YEARS_MAX:
        raise InvalidInput(
            "Give a number of years from 1 to %(most)s.", field="evidence_retention_years", most=RETENTION_YEARS_MAX
        )
    return value


def _limit(field: str) -> Any:
    def check(value: int) -> int:
        if not 1 <= value <= 1_000_000:
            raise InvalidInput("Give a number from 1 to 1,000,000.", field=field)
        return value

    return check


def _due_days(value: int) -> int:
    if not 1 <= value <= 365:
        raise InvalidInput("Give a number of days from 1 to 365.", field="erasure_due_days")
    return value


_CHECKS = {
    **controller.CHECKS,
    **office_hours.CHECKS,
    **sending.CHECKS,
    **website.CHECKS,
    "name": _name,
    "time_zone": _time_zone,
    "default_country": country,
    "allowed_countries": _countries,
    "allowed_origins": _origins,
    "privacy_url": _web_link("privacy_url"),
    "terms_url": _web_link("terms_url"),
    "help_contact": _help_contact,
    "accent_color": _accent_color("accent_color", can_be_empty=False),
    "submissions_per_address": _limit("submissions_per_address"),
    "submissions_per_number": _limit("submissions_per_number"),
    "api_calls_per_minute": _limit("api_calls_per_minute"),
    "agents_write_legal_text": bool,
    "erasure_requests": bool,
    "erasure_due_days": _due_days,
    "evidence_retention_years": _retention,
    "confirmation_limits": confirmation_limits.checked,
    "messenger_office_name": _office_name,
    "messenger_greeting": _greeting,
    "messenger_accent_color": _accent_color("messenger_accent_color", can_be_empty=True),
}
