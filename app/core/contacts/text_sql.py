"""Comparisons of text columns, for conditions of queries."""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, false, func, or_

from app.core.contacts.filters import Operator

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
    """Begins or ends with the text, contains it, or lacks it, whatever the case of its letters."""
    match operator:
        case Operator.STARTS:
            return column.istartswith(wanted, autoescape=True)
        case Operator.ENDS:
            return column.iendswith(wanted, autoescape=True)
        case Operator.LACKS:
            return ~func.coalesce(column.icontains(wanted, autoescape=True), false())
        case _:
            return column.icontains(wanted, autoescape=True)


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
