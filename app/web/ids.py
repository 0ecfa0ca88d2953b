"""Whole numbers as they come in addresses and forms: ids, and places in a list."""

from flask import Flask
from werkzeug.routing import IntegerConverter

from app.schemas.fields import ID_MAX


class _Id(IntegerConverter):
    """``<int:…>`` of every route; a number that no row can have is an address that is not there."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **({"max": ID_MAX} | options))  # type: ignore[arg-type]


def init_app(app: Flask) -> None:
    """Let no route take a number that a database cannot."""
    app.url_map.converters = app.url_map.converters | {"int": _Id}


def whole(text: str) -> int:
    """For ``request.args.get(…, type=whole)``. :raises ValueError: it is no number, or none that a database takes"""
    number = int(text)
    if abs(number) > ID_MAX:
        raise ValueError("too large")
    return number


def parse(text: str | None) -> int | None:
    """The id that a form or an address names, written in ASCII digits; null when the text is not one."""
    if not text or not text.isascii() or not text.isdigit():
        return None
    number = int(text[:20])
    return number if number <= ID_MAX else None
