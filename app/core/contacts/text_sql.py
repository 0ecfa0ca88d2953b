"""Comparisons of text columns, for conditions of queries."""

from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_

from app.core.contacts.filters import Operator


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


def begins_with(dialect: str, column: ColumnElement[Any], beginning: str) -> ColumnElement[bool]:
    """By code points, as the index of numbers is kept; everything begins with the empty text."""
    if not beginning:
        return column.is_not(None)
    if beginning[-1] >= "~":  # no number holds such a character
        return false()
    after = beginning[:-1] + chr(ord(beginning[-1]) + 1)
    if dialect == "sqlite":
        return and_(column >= beginning, column < after)
    return and_(column.op("~>=~", is_comparison=True)(beginning), column.op("~<~", is_comparison=True)(after))
