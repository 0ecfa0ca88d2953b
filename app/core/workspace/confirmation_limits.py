"""How many texts forms may cause: the limits that ``core/confirmations/limits.py`` counts against."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from app.core.errors import InvalidInput
from app.core.wording import translatable
from app.models import Workspace

_MOST = 1_000_000_000
# What each limit is called, for agents.
NAMES = {
    "address_hour": translatable("texts per hour caused from one IP address"),
    "number_hour": translatable("texts per hour to one number"),
    "prefix_hour": translatable("texts per hour to numbers that differ only in the last four digits"),
    "country_hour": translatable("texts per hour to one country"),
    "total_day": translatable("texts per day in all"),
    "spend_day": translatable("estimated cost per day"),
}


@dataclass(frozen=True)
class Limits:
    """How many texts forms may cause. ``spend_day``: in whole units of the workspace's currency; 0: no ceiling."""

    address_hour: int = 20
    number_hour: int = 5
    prefix_hour: int = 20
    country_hour: int = 300
    total_day: int = 2000
    spend_day: int = 0


def of(workspace: Workspace) -> Limits:
    """The limits of the workspace, the defaults where it has set none."""
    stored: Mapping[str, Any] = workspace.confirmation_limits or {}
    return Limits(**{each.name: stored[each.name] for each in fields(Limits) if each.name in stored})


def checked(values: Mapping[str, Any] | None) -> dict[str, int] | None:
    """The limits as the workspace stores them; null: all are the defaults.

    :raises InvalidInput: one is no whole number, or too small; ``field`` names it
    """
    names = {each.name for each in fields(Limits)}
    values = values or {}
    for name, value in values.items():
        least = 0 if name == "spend_day" else 1
        if name not in names or not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
            raise InvalidInput(
                "Give a whole number of at least %(least)s.", field=f"confirm_{name[:40]}", least=str(least)
            )
    limits = Limits(**values)
    return None if limits == Limits() else asdict(limits)
