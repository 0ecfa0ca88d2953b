"""A query as the rows of a form, and the rows as a query: for people who build a filter. Uses no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from app.core.contacts import filter_rows, filters
from app.core.contacts.filter_rows import OPERATORS, Row, kind_of
from app.core.contacts.filters import PARTS_MAX, Filter, Query
from app.core.errors import InvalidInput


@dataclass(frozen=True)
class RowGroup:
    """Conditions of which all or any must apply."""

    is_all: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class FilterForm:
    """The whole form: conditions and groups of which all or any must apply."""

    is_all: bool = True
    parts: tuple[Row | RowGroup, ...] = ()

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Every row with its place: ``2``, or ``3-0`` in a group."""
        for place, part in enumerate(self.parts):
            if isinstance(part, Row):
                yield str(place), part
            else:
                yield from ((f"{place}-{inner}", row) for inner, row in enumerate(part.rows))


def form_of(query: Query | None, zone: ZoneInfo) -> FilterForm:
    """The form that shows a query.

    :param zone: of the workspace, in which days begin and end
    """
    if query is None:
        return FilterForm()
    if isinstance(query, Filter):
        return FilterForm(parts=(filter_rows.row_of(query, zone),))
    return FilterForm(query.is_and, tuple(_part(part, zone) for part in query.parts))


def from_fields(fields: Mapping[str, str]) -> FilterForm:
    """The form with these HTML fields: ``match``, ``part-2-field``, ``part-3-match``, ``part-3-0-operator``."""
    parts: list[Row | RowGroup] = []
    for place in range(PARTS_MAX + 1):
        if (match := fields.get(f"part-{place}-match")) is not None:
            rows = (_typed_row(fields, f"{place}-{inner}") for inner in range(PARTS_MAX + 1))
            parts.append(RowGroup(match != "any", tuple(row for row in rows if row)))
        elif row := _typed_row(fields, str(place)):
            parts.append(row)
    return FilterForm(fields.get("match") != "any", tuple(parts))


def edited(form: FilterForm, act: str, new_field: str = "") -> FilterForm:
    """The form after one of its buttons.

    :param act: ``add`` a row, ``add:3`` to a group, ``group`` for a new group, ``remove:2``, ``remove:3-0``; others
        change nothing
    """
    verb, _, at = act.partition(":")
    parts = list(form.parts)
    if verb == "group" and len(parts) < PARTS_MAX:
        parts.append(RowGroup(not form.is_all, ()))
    elif verb == "add" and kind_of(new_field):
        _add(parts, Row(new_field, next(iter(OPERATORS[Row(new_field).kind]), "")), at)
    elif verb == "remove":
        _remove(parts, at)
    return replace(form, parts=tuple(parts))


def query_of(form: FilterForm, zone: ZoneInfo) -> tuple[dict[str, Any] | None, dict[str, InvalidInput]]:
    """The query of a form as JSON values, null for an empty form; and what is wrong, by the place of the row.

    What is wrong with the form as a whole has the place ``""``.
    """
    errors: dict[str, InvalidInput] = {}
    found: dict[str, dict[str, Any]] = {}
    for place, row in form.rows():
        try:
            found[place] = filter_rows.filter_of(row, zone)
        except InvalidInput as error:
            errors[place] = error
    parts = list(_joined(form, found))
    if errors or not parts:
        return None, errors
    query = parts[0] if len(parts) == 1 else {"operator": _word(is_all=form.is_all), "value": parts}
    try:
        filters.read(query)
    except InvalidInput as error:
        return None, {"": error}
    return query, {}


def _joined(form: FilterForm, found: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for place, part in enumerate(form.parts):
        if isinstance(part, Row):
            if (only := found.get(str(place))) is not None:
                yield only
            continue
        inner = [each for at in range(len(part.rows)) if (each := found.get(f"{place}-{at}")) is not None]
        if inner:
            yield inner[0] if len(inner) == 1 else {"operator": _word(is_all=part.is_all), "value": inner}


def _word(*, is_all: bool) -> str:
    return "AND" if is_all else "OR"


def _add(parts: list[Row | RowGroup], row: Row, at: str) -> None:
    if not at:
        if len(parts) < PARTS_MAX:
            parts.append(row)
        return
    place = int(at) if at.isdecimal() and len(at) < 3 else PARTS_MAX
    group = parts[place] if place < len(parts) else None
    if isinstance(group, RowGroup) and len(group.rows) < PARTS_MAX:
        parts[place] = replace(group, rows=(*group.rows, row))


def _remove(parts: list[Row | RowGroup], at: str) -> None:
    outer, _, inner = at.partition("-")
    place = int(outer) if outer.isdecimal() and len(outer) < 3 else PARTS_MAX
    if place >= len(parts):
        return
    group = parts[place]
    if not inner:
        del parts[place]
    elif isinstance(group, RowGroup):
        parts[place] = replace(group, rows=tuple(row for at, row in enumerate(group.rows) if str(at) != inner))


def _typed_row(fields: Mapping[str, str], place: str) -> Row | None:
    field = fields.get(f"part-{place}-field", "")
    if kind_of(field) is None:
        return None
    return Row(field, fields.get(f"part-{place}-operator", ""), fields.get(f"part-{place}-value", ""))


def _part(part: Query, zone: ZoneInfo) -> Row | RowGroup:
    if isinstance(part, Filter):
        return filter_rows.row_of(part, zone)
    return RowGroup(
        part.is_and, tuple(filter_rows.row_of(each, zone) for each in part.parts if isinstance(each, Filter))
    )
