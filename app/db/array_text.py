"""Lists as PostgreSQL reads arrays in text. The driver takes several times as long to write them."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_NOTHING = object()


class ArrayText(TypeDecorator[Sequence[Any]]):
    """The type of a parameter with the values of a column: texts, numbers, booleans, dates, times, bytes and JSON."""

    impl = ARRAY
    cache_ok = True

    def __init__(self, item_type: TypeEngine[Any]) -> None:
        super().__init__(item_type)
        self._item = item_type

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[Any] | None], str]:
        binder = self._item.dialect_impl(dialect).bind_processor(dialect)
        return lambda values: _text_of(values or (), binder)


def _text_of(values: Sequence[Any], binder: Callable[[Any], Any] | None) -> str:
    """Lists of whole numbers or of plain texts are joined; else each value is converted, and what follows itself once:
    rows of a set share most values.
    """
    if binder is None and (joined := _joined(values)) is not None:
        return joined
    last: Any = _NOTHING
    element, elements = "", []
    for value in values:
        if value is not last:
            last, element = value, _element(binder(value) if binder else value)
        elements.append(element)
    return f"{{{','.join(elements)}}}"


def _joined(values: Sequence[Any]) -> str | None:
    """Null where the values need more than commas or quotation marks between them."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return f"{{{','.join(map(str, values))}}}"
    if kinds != {str}:
        return None
    text = '","'.join(values)
    is_plain = "\\" not in text and text.count('"') == 2 * (len(values) - 1)
    return f'{{"{text}"}}' if is_plain else None


def _element(value: Any) -> str:
    """Source: PostgreSQL documentation, 8.15.6 Array Input and Output Syntax."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float | Decimal):
        return str(value)
    if isinstance(value, date):  # a datetime is one, too
        return f'"{value.isoformat()}"'
    return _element_of_driver(value)


def _element_of_driver(value: Any) -> str:
    from psycopg import Binary  # a server on SQLite never loads this driver, which takes 9 MB
    from psycopg.types.json import Json

    if isinstance(value, Binary):
        return f'"\\\\x{value.obj.hex()}"'
    if isinstance(value, Json):
        return _element(json.dumps(value.obj))
    raise TypeError(f"{type(value).__name__} is no value of an array")
