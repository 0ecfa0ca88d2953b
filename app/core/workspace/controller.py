"""Who is responsible for the data, as receipts name them: checks of these settings."""

from collections.abc import Callable, Mapping
from typing import Any

from app.core.errors import InvalidInput

NAME_MAX, ADDRESS_MAX, LINE_MAX, PURPOSE_MAX, RECIPIENTS_MAX = 120, 300, 200, 500, 20


def _line(field: str, most: int) -> Callable[[str], str]:
    """A check for one line of text, without spaces at its ends; empty is allowed."""

    def check(value: str) -> str:
        if len(text := " ".join(value.split())) > most:
            raise InvalidInput("Use at most %(most)s characters.", field=field, most=most)
        return text

    return check


def _lines(field: str, most: int) -> Callable[[str], str]:
    """A check for a text of several lines, without empty ones."""

    def check(value: str) -> str:
        text = "\n".join(line for each in value.splitlines() if (line := " ".join(each.split())))
        if len(text) > most:
            raise InvalidInput("Use at most %(most)s characters.", field=field, most=most)
        return text

    return check


def _recipients(value: list[str]) -> list[str]:
    """Each name once, without empty ones."""
    names = list(dict.fromkeys(name for each in value if (name := " ".join(each.split()))))
    if len(names) > RECIPIENTS_MAX or any(len(name) > LINE_MAX for name in names):
        raise InvalidInput(
            "Name at most %(most)s recipients, each in one line of at most %(length)s characters.",
            field="recipients",
            most=RECIPIENTS_MAX,
            length=LINE_MAX,
        )
    return names


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "controller_name": _line("controller_name", NAME_MAX),
    "controller_address": _lines("controller_address", ADDRESS_MAX),
    "controller_contact": _line("controller_contact", LINE_MAX),
    "jurisdiction": _line("jurisdiction", LINE_MAX),
    "storage_location": _line("storage_location", LINE_MAX),
    "purpose": _lines("purpose", PURPOSE_MAX),
    "recipients": _recipients,
}
