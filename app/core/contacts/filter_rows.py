"""One condition of a query as a row of a form, and the row as a condition. Uses no database.

A row has a field, an operator with its own name (``is_not``, ``empty``) and a text. What no row can show, such as
a list of values, is a row with the field ``json`` whose text is the filter, so that nothing is lost.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.core.contacts import filter_json, filters
from app.core.contacts.filters import Filter, Operator, Value
from app.core.errors import InvalidInput

ADVANCED = "json"
CUSTOM_PREFIX, SUBSCRIPTION_PREFIX = "custom_attributes.", "subscription_types."
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


class Control(StrEnum):
    """What a row asks for beside its operator."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    NOTHING = "nothing"


class RowKind(StrEnum):
    """Which operators a row offers."""

    TEXT = "text"
    CHOICE = "choice"
    OPTIONAL_CHOICE = "optional_choice"
    DATE = "date"
    YES_NO = "yes_no"
    CUSTOM = "custom"
    ADVANCED = "advanced"


@dataclass(frozen=True)
class RowOperator:
    """:param value: what it compares with, where the row asks for nothing"""

    operator: Operator
    control: Control = Control.TEXT
    value: bool | None = None


_IS = {"is": RowOperator(Operator.EQUALS), "is_not": RowOperator(Operator.DIFFERS)}
_EMPTY = {
    "empty": RowOperator(Operator.EQUALS, Control.NOTHING),
    "known": RowOperator(Operator.DIFFERS, Control.NOTHING),
}
_PARTS = {
    "contains": RowOperator(Operator.CONTAINS),
    "lacks": RowOperator(Operator.LACKS),
    "starts": RowOperator(Operator.STARTS),
    "ends": RowOperator(Operator.ENDS),
}
_YES_NO = {
    "yes": RowOperator(Operator.EQUALS, Control.NOTHING, value=True),
    "no": RowOperator(Operator.EQUALS, Control.NOTHING, value=False),
}
OPERATORS: Mapping[RowKind, Mapping[str, RowOperator]] = {
    RowKind.TEXT: {**_IS, **_PARTS, **_EMPTY},
    RowKind.CHOICE: _IS,
    RowKind.OPTIONAL_CHOICE: {**_IS, **_EMPTY},
    RowKind.DATE: {
        "on": RowOperator(Operator.EQUALS, Control.DAY),
        "before": RowOperator(Operator.LESS, Control.DAY),
        "after": RowOperator(Operator.GREATER, Control.DAY),
        "empty": RowOperator(Operator.EQUALS, Control.NOTHING),
    },
    RowKind.YES_NO: _YES_NO,
    RowKind.CUSTOM: {
        **_IS,
        **_PARTS,
        "number_is": RowOperator(Operator.EQUALS, Control.NUMBER),
        "number_is_not": RowOperator(Operator.DIFFERS, Control.NUMBER),
        "less": RowOperator(Operator.LESS, Control.NUMBER),
        "more": RowOperator(Operator.GREATER, Control.NUMBER),
        "at_most": RowOperator(Operator.AT_MOST, Control.NUMBER),
        "at_least": RowOperator(Operator.AT_LEAST, Control.NUMBER),
        **_YES_NO,
        **_EMPTY,
    },
    RowKind.ADVANCED: {},
}
FIELDS: Mapping[str, RowKind] = {
    **dict.fromkeys(("name", "email", "email_domain", "phone", "external_id", "language_override"), RowKind.TEXT),
    **dict.fromkeys(("role", "segment_id"), RowKind.CHOICE),
    **dict.fromkeys(("phone_country", "tag_id", "owner_id"), RowKind.OPTIONAL_CHOICE),
    **dict.fromkeys(("created_at", "updated_at", "signed_up_at", "last_seen_at"), RowKind.DATE),
    **dict.fromkeys(("blocked", "archived", "unsubscribed_from_emails"), RowKind.YES_NO),
}


def kind_of(field: str) -> RowKind | None:
    """Which operators the row of a field offers; null for a field that the form does not have."""
    if field == ADVANCED:
        return RowKind.ADVANCED
    if field.startswith(CUSTOM_PREFIX):
        return RowKind.CUSTOM
    return RowKind.CHOICE if field.startswith(SUBSCRIPTION_PREFIX) else FIELDS.get(field)


@dataclass(frozen=True)
class Row:
    """One condition, as it was typed."""

    field: str
    operator: str = ""
    value: str = ""

    @property
    def kind(self) -> RowKind:
        return kind_of(self.field) or RowKind.ADVANCED

    @property
    def asks_for(self) -> Control:
        """What the row asks for with its operator."""
        chosen = OPERATORS[self.kind].get(self.operator)
        return chosen.control if chosen else Control.TEXT


def row_of(query: Filter, zone: ZoneInfo) -> Row:
    """The row that shows a condition.

    :param zone: of the workspace, in which days begin and end
    """
    field = str(filter_json.dump(query)["field"])
    kind = kind_of(field)
    if kind is not None and len(query.values) == 1:
        for name, operator in OPERATORS[kind].items():
            if operator.operator == query.operator:
                text = _text(operator, query.values[0], zone)
                if text is not None:
                    return Row(field, name, text)
    return Row(ADVANCED, "", json.dumps(filter_json.dump(query), ensure_ascii=False))


def filter_of(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    """The condition of a row, as JSON values that ``filters.read`` accepts.

    :raises InvalidInput: something is missing, or the field does not take it
    """
    if row.kind == RowKind.ADVANCED:
        return _advanced(row.value)
    chosen = OPERATORS[row.kind].get(row.operator)
    if chosen is None:
        raise InvalidInput("Choose a condition.")
    made = {"field": row.field, "operator": chosen.operator.value, "value": _value(chosen, row.value.strip(), zone)}
    filters.read(made)
    return made


def _advanced(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("This is not valid JSON.") from None
    filters.read(raw)
    return dict(raw)


def _value(operator: RowOperator, typed: str, zone: ZoneInfo) -> Value:
    """The value of a row.

    :raises InvalidInput: it is missing, or no number or no day
    """
    match operator.control:
        case Control.NOTHING:
            return operator.value
        case Control.NUMBER:
            if not _NUMBER.fullmatch(typed):
                raise InvalidInput("Give a number, such as 30 or 7.5.")
            return float(typed) if "." in typed else int(typed)
        case Control.DAY:
            return _seconds(typed, zone)
    if not typed:
        raise InvalidInput("Fill in a value.")
    return typed


def _seconds(typed: str, zone: ZoneInfo) -> int:
    """Noon of a day in a zone: every day has one."""
    try:
        day = date.fromisoformat(typed)
        at_s = int(datetime.combine(day, time(12), tzinfo=zone).timestamp())
    except (ValueError, OverflowError):
        raise InvalidInput("Choose a day.") from None
    if not 0 <= at_s <= filters.SECONDS_MAX:
        raise InvalidInput("Choose a day after 1970.")
    return at_s


def _text(operator: RowOperator, value: Value, zone: ZoneInfo) -> str | None:
    """The text with which a row has this value; null where it cannot have it."""
    match operator.control:
        case Control.NOTHING:
            return "" if value is operator.value else None
        case Control.NUMBER:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return str(value) if is_number and _NUMBER.fullmatch(str(value)) else None
        case Control.DAY:
            return _day(value, zone)
    is_plain = isinstance(value, str) and value.isprintable() and value.strip() == value != ""
    return str(value) if is_plain else None


def _day(value: Value, zone: ZoneInfo) -> str | None:
    if value is None:
        return None
    day = datetime.fromtimestamp(int(value), UTC).astimezone(zone).date().isoformat()
    try:
        _seconds(day, zone)
    except InvalidInput:
        return None
    return day
