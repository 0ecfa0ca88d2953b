"""Comparisons of text columns, for conditions of queries."""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, false, func, or_

from app.core.contacts.filters import Operator
from app.db import HasOtherLetters, InOneCase, unmarked, without_marks

_LAST = "~"  # no number holds this character or one behind it


def equality(column: ColumnElement[Any], operator: Operator, values: list[Any]) -> ColumnElement[bool]:
    """Equal to one of them; not equal includes what is empty."""
    known = [value for value in values if value is not None]
    hit = or_(false(), *([column == known[0]] if len(known) == 1 else [column.in_(known)] if known else []))
    if None in values:
        hit = or_(hit, column.is_(None))
    if operator in {Operator.EQUALS, Operator.IN}:
        return hit
    return ~func.coalesce(hit, false())


def part(column: ColumnElement[Any], operator: Operator, wanted: str) -> ColumnElement[bool]:
    """Begins or ends with the text, contains it, or lacks it, whatever the case of its letters and their marks."""
    match operator:
        case Operator.STARTS:
            return _in_any_form(column, wanted, "startswith")
        case Operator.ENDS:
            return _in_any_form(column, wanted, "endswith")
        case Operator.LACKS:
            return ~func.coalesce(contains(column, wanted), false())
        case _:
            return contains(column, wanted)


def contains(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """Contains the text, whatever the case of its letters and their marks."""
    return _in_any_form(column, wanted, "contains")


def _in_any_form(column: ColumnElement[Any], wanted: str, comparison: str) -> ColumnElement[bool]:
    plain = without_marks(wanted) or wanted
    if not plain.isascii():
        compare = getattr(unmarked(column), f"i{comparison}")
        return and_(HasOtherLetters(column), compare(plain, autoescape=True))
    # Texts that can have no marks are compared as they are, which is quicker.
    as_it_is, without = (getattr(InOneCase(each), comparison) for each in (column, unmarked(column)))
    part = plain.lower()
    return or_(as_it_is(part, autoescape=True), and_(HasOtherLetters(column), without(part, autoescape=True)))


class Parameter(str):
    """The name of a parameter, in place of a text that is not known while a statement is built."""

    __slots__ = ()


def begins_with(dialect: str, column: ColumnElement[Any], beginning: str) -> ColumnElement[bool]:
    """By code points, as the index of numbers is kept; everything begins with the empty text."""
    begin: Any
    end: Any
    if isinstance(beginning, Parameter):
        begin, end = (bindparam(name, type_=String) for name in _names(beginning))
    elif not beginning:
        return column.is_not(None)
    elif beginning[-1] >= _LAST:
        return false()
    else:
        begin, end = beginning, _end(beginning)
    if dialect == "sqlite":
        return and_(column >= begin, column < end)
    return and_(column.op("~>=~", is_comparison=True)(begin), column.op("~<~", is_comparison=True)(end))


def range_parameters(parameter: Parameter, beginning: str) -> dict[str, str] | None:
    """The parameters of ``begins_with(…, parameter)`` for a beginning; null for one that is no range of texts."""
    if not beginning or beginning[-1] >= _LAST:
        return None
    return dict(zip(_names(parameter), (beginning, _end(beginning)), strict=True))


def _names(parameter: Parameter) -> tuple[str, str]:
    return str(parameter), f"{parameter}_end"


def _end(beginning: str) -> str:
    """The first text behind all those with this beginning."""
    return beginning[:-1] + chr(ord(beginning[-1]) + 1)
