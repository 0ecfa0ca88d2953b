"""Reads rows for a verification that may have been altered so that they cannot be read.

A time or JSON that cannot be parsed is replaced by a value that no honest row has, so that the row is found and named.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement, Integer, LargeBinary, TypeDecorator, case, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.models.base import UtcDateTime

TIME = datetime(1, 1, 2, tzinfo=UTC)
NUMBER = -1
# PostgreSQL keeps times that Python cannot express, such as ``infinity``.
_LAST = datetime(9999, 12, 30, tzinfo=UTC)


def readable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column under its own name, with a value in every row.

    A time is ``TIME`` where it is none, and JSON the object ``{"unreadable": text}``. SQLite also keeps values of
    another type than the column's; they are returned as they are.
    """
    expression: ColumnElement[Any]
    match column.type:
        case UtcDateTime():
            is_outside = (column > _LAST) | (column < TIME)
            expression = type_coerce(case((is_outside, TIME), else_=column), _Time())
        case JSON():
            expression = type_coerce(column, _Json())
        case LargeBinary():
            expression = type_coerce(column, _Bytes())
        case Boolean():
            expression = type_coerce(column, _Boolean())
        case _:
            return column
    return expression.label(column.key)


def readable_number(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column under its own name: a whole number, ``NUMBER`` where it is none, or null."""
    return type_coerce(column, _Number()).label(column.key)


def is_bad_text(error: OperationalError) -> bool:
    """Whether a text column of SQLite holds bytes that are no text."""
    return isinstance(error.orig, sqlite3.OperationalError) and "decode to UTF-8" in str(error.orig)


@contextmanager
def any_text(session: Session) -> Iterator[None]:
    """Read such text as bytes inside the block. It is slower, so it is done only where there is such text."""
    driver: Any = session.connection().connection.driver_connection
    driver.text_factory = _text
    try:
        yield
    finally:
        driver.text_factory = str


def _text(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


class _Time(UtcDateTime):
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        read = super().result_processor(dialect, coltype)
        return (lambda value: _or(read, value, TIME)) if read else None


class _Json(TypeDecorator[Any]):
    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        read = super().result_processor(dialect, coltype)
        return (lambda value: _or(read, value, {"unreadable": repr(value)})) if read else None


class _Bytes(TypeDecorator[bytes]):
    impl = LargeBinary
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> None:  # noqa: ARG002
        return None


class _Boolean(TypeDecorator[bool]):
    impl = Boolean
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        is_number = super().result_processor(dialect, coltype) is not None
        return (lambda value: bool(value) if value in {0, 1} else value) if is_number else None


class _Number(TypeDecorator[int]):
    impl = Integer
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        return value if value is None or type(value) is int else NUMBER


def _or(read: Any, value: Any, otherwise: Any) -> Any:
    try:
        return read(value)
    except (TypeError, ValueError):
        return otherwise
