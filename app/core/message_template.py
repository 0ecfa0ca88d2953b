"""The text of a campaign with its variables: ``Hi {{ first_name | there }}``.

A variable is ``name``, ``first_name``, ``email``, ``phone`` or the name of a custom attribute. What follows ``|`` is
the fallback, which people get where the value is not known.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import InvalidInput

BODY_MAX = 1600
# A longer value is cut, so that a long name does not make a text expensive.
VALUE_MAX = 100
# Variables that need no custom attribute.
_OWN_VARIABLES = frozenset({"name", "first_name", "email", "phone"})
_PLACE = re.compile(r"\{\{(?P<inside>.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[^\s{}|](?:[^{}|\n]{0,188}[^\s{}|])?")


@dataclass(frozen=True)
class Variable:
    """:param fallback: null: none, so that an unknown value leaves nothing"""

    name: str
    fallback: str | None = None


@dataclass(frozen=True)
class Template:
    """A text in parts: what is the same for everyone, and the variables between."""

    parts: tuple[str | Variable, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every variable as often as it is used, in their order."""
        return tuple(part for part in self.parts if isinstance(part, Variable))

    def fill(self, values: Mapping[str, str | None]) -> str:
        """The text for one person. A value is put on one line, cut at ``VALUE_MAX``, and never read as a variable."""
        return "".join(
            part if isinstance(part, str) else _value(values.get(part.name)) or part.fallback or ""
            for part in self.parts
        )

    def with_fallbacks(self) -> str:
        """The text for a person without any known value."""
        return self.fill({})


def parse(body: str, *, attributes: Container[str] = frozenset()) -> Template:
    """Read a text.

    :param attributes: the custom attributes in use, which need no fallback
    :raises InvalidInput: a variable is not closed or has no name, or an unknown one has no fallback; ``position`` in
        the sentence counts characters from 1
    """
    parts: list[str | Variable] = []
    end = 0
    for place in _PLACE.finditer(body):
        parts += [_plain(body, end, place.start()), _variable(place, attributes)]
        end = place.end()
    parts.append(_plain(body, end, len(body)))
    return Template(tuple(part for part in parts if part))


def values_of(
    *, name: str | None, email: str | None, phone: str | None, attributes: Mapping[str, Any]
) -> dict[str, str | None]:
    """What ``fill`` takes, of one contact. Of custom attributes only texts and numbers can be shown."""
    values = {key: _shown(value) for key, value in attributes.items()}
    first_name = name.split()[0] if name and name.split() else None
    return {**values, "name": name, "first_name": first_name, "email": email, "phone": phone}


def _shown(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(body: str, start: int, end: int) -> str:
    text = body[start:end]
    if (found := text.find("{{")) >= 0:
        raise InvalidInput(
            "Close the variable at character %(position)s with two braces: {{ name | there }}.",
            field="body",
            position=start + found + 1,
        )
    if (found := text.find("}}")) >= 0:
        raise InvalidInput(
            "The two braces at character %(position)s close no variable.", field="body", position=start + found + 1
        )
    return text


def _variable(place: re.Match[str], attributes: Container[str]) -> Variable:
    name, bar, fallback = place["inside"].partition("|")
    name, fallback = name.strip(), " ".join(fallback.split())
    position = place.start() + 1
    if not _NAME.fullmatch(name):
        raise InvalidInput("The variable at character %(position)s has no valid name.", field="body", position=position)
    if "{" in fallback or "}" in fallback or len(fallback) > VALUE_MAX:
        raise InvalidInput(
            "The fallback at character %(position)s must be a plain text of at most %(most)s characters.",
            field="body",
            position=position,
            most=VALUE_MAX,
        )
    if not fallback and name not in _OWN_VARIABLES and name not in attributes:
        raise InvalidInput(
            "No contact has “%(name)s” (character %(position)s). Add a fallback, such as {{ %(name)s | text }}.",
            field="body",
            name=name,
            position=position,
        )
    return Variable(name, fallback if bar else None)


def _value(value: str | None) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in value).split())[:VALUE_MAX] if value else ""
