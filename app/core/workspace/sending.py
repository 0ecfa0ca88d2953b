"""The policy of sending texts: checks of these settings."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeGuard

from app.core import phone, quiet_hours
from app.core.errors import InvalidInput

_CURRENCY = re.compile(r"[A-Z]{3}")
# A million a segment is a typing mistake in every currency.
PRICE_MAX_MICROS = 1_000_000_000_000
# Those of a new workspace: laws and customs about the hours of marketing texts apply.
FIRST_QUIET_HOURS = {"rules": "standard"}
CAP_MESSAGES_MAX, CAP_HOURS_MAX, RATE_MAX, APPROVAL_MAX = 1000, 24 * 31, 10_000, 1_000_000_000


class StopScope(StrEnum):
    """What a STOP ends: the programme it answers, every subscription by text, or those by email, too."""

    PROGRAMME = "programme"
    ALL_SMS = "all_sms"
    ALL_CHANNELS = "all_channels"


def _stop_scope(value: str) -> str:
    if value not in set(StopScope):
        raise InvalidInput("Choose what a STOP ends: programme, all_sms or all_channels.", field="stop_scope")
    return value


def _frequency_cap(value: Mapping[str, Any] | None) -> dict[str, int] | None:
    """``{"messages": 3, "hours": 24}``: at most so many marketing texts to one number in so many hours."""
    if not value:
        return None
    messages, hours = value.get("messages"), value.get("hours")
    if set(value) != {"messages", "hours"} or not _is_whole(messages) or not _is_whole(hours):
        raise InvalidInput("Give both a number of texts and a number of hours.", field="frequency_cap")
    if not (1 <= messages <= CAP_MESSAGES_MAX and 1 <= hours <= CAP_HOURS_MAX):
        raise InvalidInput(
            "Give 1 to %(messages)s texts in 1 to %(hours)s hours.",
            field="frequency_cap",
            messages=CAP_MESSAGES_MAX,
            hours=CAP_HOURS_MAX,
        )
    return {"messages": messages, "hours": hours}


def _texts_per_second(value: int | None) -> int:
    if not 0 <= (rate := value or 0) <= RATE_MAX:
        raise InvalidInput("Give a number from 0 to %(most)s.", field="texts_per_second", most=RATE_MAX)
    return rate


def _approval_above(value: int | None) -> int | None:
    if value is not None and not 0 <= value <= APPROVAL_MAX:
        raise InvalidInput("Give a number from 0 to %(most)s.", field="approval_above", most=APPROVAL_MAX)
    return value


def _currency(value: str) -> str:
    if not _CURRENCY.fullmatch(code := value.strip().upper()):
        raise InvalidInput("Give the currency as three letters, such as EUR.", field="currency")
    return code


def _text_prices(value: Mapping[str, Any]) -> dict[str, int]:
    prices: dict[str, int] = {}
    for country, price in value.items():
        if (code := country.strip().upper()) not in phone.countries():
            raise InvalidInput("There is no country with the code %(country)s.", field="text_prices", country=code[:8])
        if not _is_whole(price) or not 0 <= price <= PRICE_MAX_MICROS:
            raise InvalidInput(
                "Give the price of one segment in millionths of the currency, for %(country)s.",
                field="text_prices",
                country=code,
            )
        prices[code] = price
    return dict(sorted(prices.items()))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "stop_scope": _stop_scope,
    "quiet_hours": quiet_hours.check,
    "frequency_cap": _frequency_cap,
    "texts_per_second": _texts_per_second,
    "approval_above": _approval_above,
    "currency": _currency,
    "text_prices": _text_prices,
}
