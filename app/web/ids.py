"""Parses ids and positions in addresses and forms."""

from flask import Flask
from werkzeug.routing import IntegerConverter

from app.schemas.fields import ID_MAX

_DIGITS_MAX = len(str(ID_MAX))


class _IdConverter(IntegerConverter):
    """``<int:…>`` of every route. A number that no row can have does not match, so it is a 404."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **({"max": ID_MAX} | options))  # type: ignore[arg-type]


def init_app(app: Flask) -> None:
    """Limit the numbers of all routes to what a database can store."""
    app.url_map.converters = app.url_map.converters | {"int": _IdConverter}


def parse_id(text: str | None) -> int | None:
    """Parse an id of ASCII digits; null when the text is not an id that a row can have."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        return None
    number = int(text)
    return number if number <= ID_MAX else None


def whole_number(text: str) -> int:
    """Parse a whole number: ``request.args.get(…, type=whole_number)``.

    :raises ValueError: it is not a whole number, or too large for the database
    """
    number = int(text)
    if abs(number) > ID_MAX:
        raise ValueError("too large")
    return number
