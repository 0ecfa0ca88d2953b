"""Texts with variables: ``Hello {{ name | there }}``. What stands behind the bar is used where there is no value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import InvalidInput

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_. -]*?)\s*(?:\|([^{}|]*))?\}\}")


@dataclass(frozen=True)
class Template:
    """A parsed text: parts that are texts, or a variable with its fallback."""

    parts: tuple[str | tuple[str, str | None], ...]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(each[0] for each in self.parts if not isinstance(each, str))

    def fill(self, values: Mapping[str, str | None]) -> str:
        """The text for one person."""
        filled = (each if isinstance(each, str) else values.get(each[0]) or each[1] or "" for each in self.parts)
        return "".join(filled)


def parse(body: str) -> Template:
    """:raises InvalidInput: braces that are no variable"""
    parts: list[str | tuple[str, str | None]] = []
    position = 0
    for found in _VARIABLE.finditer(body):
        parts.append(body[position : found.start()])
        fallback = found[2].strip() if found[2] is not None else None
        parts.append((found[1], fallback))
        position = found.end()
    parts.append(body[position:])
    for part in parts:
        if isinstance(part, str) and ("{{" in part or "}}" in part):
            raise InvalidInput("Write a variable as {{ name | fallback }}.", field="body")
    return Template(tuple(part for part in parts if part))
