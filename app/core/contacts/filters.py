"""Parses the query language: Intercom's search filters, and one field of ours. Uses no database.

A query is ``{"field", "operator", "value"}`` or ``{"operator": "AND" | "OR", "value": [filters or groups]}``. Groups
may be nested two deep, with at most 15 parts in each. Searches, segments and audiences use the same language.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from app.core.errors import InvalidInput

DEPTH_MAX, PARTS_MAX, VALUES_MAX, VALUE_MAX = 2, 15, 500, 1000
# PostgreSQL takes 65,535 parameters in one statement.
ALL_VALUES_MAX = 15_000
# In place of a value of a person who was erased: no contact has it.
ERASED = "(erased person)"
Value = str | int | float | bool | None
_CUSTOM = re.compile(r"custom_attributes\.([^\"]{1,190})")
_SUBSCRIPTION = re.compile(r"subscription_types\.([0-9]{1,9})")
_NUMBER_MAX = 2**53
SECONDS_MAX = 32_503_680_000


class Operator(StrEnum):
    EQUALS = "="
    DIFFERS = "!="
    IN = "IN"
    NOT_IN = "NIN"
    LESS = "<"
    GREATER = ">"
    AT_MOST = "<="
    AT_LEAST = ">="
    CONTAINS = "~"
    LACKS = "!~"
    STARTS = "^"
    ENDS = "$"


class Kind(StrEnum):
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    CUSTOM = "custom"
    SUBSCRIPTION = "subscription"
    SEGMENT = "segment"
    TAG = "tag"
    NUMBER = "number"
    MOMENT = "moment"
    TYPED = "typed"  # in no JSON: what was typed to find a contact (typed_search.py), which finds archived ones, too


class SubscriptionStatus(StrEnum):
    """The values of a subscription filter: the three states of a consent, and two conditions derived from them."""

    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"
    NEVER_ASKED = "never_asked"
    SUBSCRIBED = "subscribed"
    REACHABLE = "reachable"


_EQUALITY = {Operator.EQUALS, Operator.DIFFERS, Operator.IN, Operator.NOT_IN}
_ORDER = {Operator.LESS, Operator.GREATER, Operator.AT_MOST, Operator.AT_LEAST}
_PARTS = {Operator.CONTAINS, Operator.LACKS, Operator.STARTS, Operator.ENDS}
_LISTS = {Operator.IN, Operator.NOT_IN}
_ALLOWED: Mapping[Kind, set[Operator]] = {
    Kind.TEXT: _EQUALITY | _PARTS,
    Kind.BOOLEAN: _EQUALITY,
    Kind.DATE: {Operator.EQUALS, Operator.LESS, Operator.GREATER},
    Kind.CUSTOM: _EQUALITY | _ORDER | _PARTS,
    Kind.SUBSCRIPTION: _EQUALITY,
    Kind.SEGMENT: _EQUALITY,
    Kind.TAG: {Operator.EQUALS, Operator.DIFFERS},
    Kind.NUMBER: _EQUALITY | _ORDER,
    Kind.MOMENT: {Operator.EQUALS, Operator.DIFFERS} | _ORDER,
}
_TEXTS = (
    *("id", "role", "name", "avatar", "owner_id", "email", "email_domain", "phone", "formatted_phone", "external_id"),
    *("language_override", "browser", "browser_version", "browser_language", "os"),
    *("location.country", "location.region", "location.city", "phone_country"),
    *(f"ios_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version")),
    *(f"android_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version")),
)
_DATES = (
    *("created_at", "updated_at", "signed_up_at", "last_seen_at", "last_contacted_at", "last_replied_at"),
    *("last_email_opened_at", "last_email_clicked_at", "ios_last_seen_at", "android_last_seen_at"),
)
_BOOLEANS = ("unsubscribed_from_emails", "marked_email_as_spam", "has_hard_bounced", "archived", "blocked")
FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(_TEXTS, Kind.TEXT),
    **dict.fromkeys(_DATES, Kind.DATE),
    **dict.fromkeys(_BOOLEANS, Kind.BOOLEAN),
    "segment_id": Kind.SEGMENT,
    "tag_id": Kind.TAG,
}


@dataclass(frozen=True)
class Filter:
    """One condition.

    :param name: the field; of a custom attribute or subscription type only the part after the dot
    :param values: one value, or the values of a list
    """

    kind: Kind
    name: str
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Group:
    """Filters of which all (``AND``) or any (``OR``) must apply."""

    is_and: bool
    parts: tuple["Filter | Group", ...]


Query = Filter | Group


def count(query: Query) -> int:
    """How many filters a query has."""
    return 1 if isinstance(query, Filter) else sum(count(part) for part in query.parts)


def read(raw: object, fields: Mapping[str, Kind] = FIELDS) -> Query:
    """Parse a query from JSON values.

    :param fields: what it may ask for, by name; where these are a contact's, also custom attributes and subscriptions
    :raises InvalidInput: the query is invalid; ``field`` is the path to the error, such as ``query.value[1].operator``
    """
    query = _read(raw, "query", fields, depth=1)
    if _values_in(query) > ALL_VALUES_MAX:
        raise InvalidInput("A query may hold at most %(most)s values in all.", field="query", most=ALL_VALUES_MAX)
    return query


def _values_in(query: Query) -> int:
    return len(query.values) if isinstance(query, Filter) else sum(_values_in(part) for part in query.parts)


def names_archived(query: Query, segments: Mapping[str, "Query"]) -> bool:
    """Whether the query, or a segment in it, has a filter on ``archived``. Without one, archived contacts are left out.

    :param segments: the queries of the segments in it, by id
    """
    if isinstance(query, Group):
        return any(names_archived(part, segments) for part in query.parts)
    if query.kind == Kind.SEGMENT:
        return any(names_archived(segments[str(each)], {}) for each in query.values if str(each) in segments)
    return query.kind == Kind.TYPED or (query.name == "archived" and query.kind == Kind.BOOLEAN)


def segments_in(query: Query) -> frozenset[str]:
    """The ids of the segments in a query."""
    if isinstance(query, Group):
        return frozenset[str]().union(*(segments_in(part) for part in query.parts))
    return frozenset(str(value) for value in query.values) if query.kind == Kind.SEGMENT else frozenset()


def types_in(query: Query) -> frozenset[str]:
    """The ids of the subscription types in a query."""
    if isinstance(query, Group):
        return frozenset[str]().union(*(types_in(part) for part in query.parts))
    return frozenset({query.name}) if query.kind == Kind.SUBSCRIPTION else frozenset()


def _read(raw: object, path: str, fields: Mapping[str, Kind], *, depth: int) -> Query:
    if not isinstance(raw, dict):
        raise InvalidInput('Give a filter such as {"field": "email", "operator": "=", "value": "…"}.', field=path)
    if "field" in raw:
        return _filter(raw, path, fields)
    return _group(raw, path, fields, depth=depth)


def _group(raw: Mapping[str, Any], path: str, fields: Mapping[str, Kind], *, depth: int) -> Group:
    if raw.get("operator") not in ("AND", "OR"):
        raise InvalidInput("A group of filters has the operator AND or OR.", field=f"{path}.operator")
    if depth > DEPTH_MAX:
        raise InvalidInput("Groups may be nested %(depth)s deep.", field=path, depth=DEPTH_MAX)
    parts = raw.get("value")
    if not isinstance(parts, list) or not 1 <= len(parts) <= PARTS_MAX:
        raise InvalidInput("A group holds a list of 1 to %(most)s filters.", field=f"{path}.value", most=PARTS_MAX)
    below = depth + 1
    read = tuple(_read(part, f"{path}.value[{place}]", fields, depth=below) for place, part in enumerate(parts))
    return Group(raw["operator"] == "AND", read)


def _filter(raw: Mapping[str, Any], path: str, fields: Mapping[str, Kind]) -> Filter:
    kind, name = _field(raw["field"], f"{path}.field", fields)
    try:
        operator = Operator(raw.get("operator", ""))
    except ValueError:
        allowed = ", ".join(sorted(_ALLOWED[kind]))
        raise InvalidInput("Use one of the operators %(allowed)s.", field=f"{path}.operator", allowed=allowed) from None
    if operator not in _ALLOWED[kind]:
        allowed = ", ".join(sorted(_ALLOWED[kind]))
        raise InvalidInput("This field takes the operators %(allowed)s.", field=f"{path}.operator", allowed=allowed)
    if "value" not in raw:
        raise InvalidInput("Give a value; null asks for what is empty.", field=f"{path}.value")
    return Filter(kind, name, operator, _values(kind, operator, raw["value"], f"{path}.value"))


def _field(raw: object, path: str, fields: Mapping[str, Kind]) -> tuple[Kind, str]:
    if isinstance(raw, str) and (kind := fields.get(raw)):
        return kind, raw
    if isinstance(raw, str) and fields is FIELDS:
        if (found := _CUSTOM.fullmatch(raw)) and found[1].isprintable():
            return Kind.CUSTOM, found[1]
        if found := _SUBSCRIPTION.fullmatch(raw):
            return Kind.SUBSCRIPTION, found[1]
    raise InvalidInput("There is no such field to search by.", field=path)


def _values(kind: Kind, operator: Operator, raw: object, path: str) -> tuple[Value, ...]:
    if operator in _LISTS:
        if not isinstance(raw, list) or len(raw) > VALUES_MAX:
            raise InvalidInput(
                "%(operator)s takes a list of at most %(most)s values.", field=path, operator=operator, most=VALUES_MAX
            )
        return tuple(_value(kind, operator, each, f"{path}[{position}]") for position, each in enumerate(raw))
    if isinstance(raw, list | dict):
        raise InvalidInput("Give one value; a list goes with IN and NIN.", field=path)
    return (_value(kind, operator, raw, path),)


def _value(kind: Kind, operator: Operator, raw: object, path: str) -> Value:
    if isinstance(raw, str) and (len(raw) > VALUE_MAX or "\0" in raw or any("\ud800" <= c <= "\udfff" for c in raw)):
        raise InvalidInput("A value is text of at most %(most)s characters.", field=path, most=str(VALUE_MAX))
    if raw is None:
        _check_null(kind, operator, path)
        return None
    match kind:
        case Kind.BOOLEAN:
            return _boolean(raw, path)
        case Kind.DATE | Kind.MOMENT:
            return _seconds(raw, path)
        case Kind.NUMBER:
            return _whole(raw, path)
        case Kind.SUBSCRIPTION:
            if raw not in list(SubscriptionStatus):
                raise InvalidInput("Use one of %(allowed)s.", field=path, allowed=", ".join(SubscriptionStatus))
            return str(raw)
        case Kind.CUSTOM:
            return _custom(raw, operator, path)
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise InvalidInput("Give a text.", field=path)
    return str(raw) if isinstance(raw, str) or abs(raw) < _NUMBER_MAX else _refuse_number(path)


def _check_null(kind: Kind, operator: Operator, path: str) -> None:
    if operator not in _EQUALITY or kind in {Kind.SUBSCRIPTION, Kind.SEGMENT, Kind.MOMENT}:
        raise InvalidInput("Null can only be equal or not.", field=path)


def _boolean(raw: object, path: str) -> bool:
    if isinstance(raw, bool):
        return raw
    if raw in ("true", "false"):
        return raw == "true"
    raise InvalidInput("Give true or false.", field=path)


def _seconds(raw: object, path: str) -> int:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 11:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= SECONDS_MAX:
        raise InvalidInput("Give a time as Unix seconds.", field=path)
    return raw


def _whole(raw: object, path: str) -> int:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 18:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not abs(raw) < _NUMBER_MAX:
        raise InvalidInput("Give an integer.", field=path)
    return raw


def _custom(raw: object, operator: Operator, path: str) -> Value:
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    if is_number and abs(cast(float, raw)) >= _NUMBER_MAX:
        _refuse_number(path)
    if operator in _ORDER and not is_number:
        raise InvalidInput("Only numbers are less or greater.", field=path)
    if operator in _PARTS and not isinstance(raw, str):
        raise InvalidInput("Give a text.", field=path)
    if not isinstance(raw, str | int | float | bool):
        raise InvalidInput("Give a text, a number, true, false or null.", field=path)
    return raw


def _refuse_number(path: str) -> str:
    raise InvalidInput("This number is too large.", field=path)
