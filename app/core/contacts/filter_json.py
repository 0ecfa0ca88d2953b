"""A parsed query as JSON values again, and in its simplest form."""

from typing import Any

from app.core.contacts.filters import Filter, Group, Kind, Operator, Query

_PREFIXES = {Kind.CUSTOM: "custom_attributes.", Kind.SUBSCRIPTION: "subscription_types."}


def dump(query: Query) -> dict[str, Any]:
    """The JSON values that ``filters.read`` reads as this query."""
    if isinstance(query, Group):
        return {"operator": "AND" if query.is_and else "OR", "value": [dump(part) for part in query.parts]}
    is_list = query.operator in {Operator.IN, Operator.NOT_IN}
    return {
        "field": _PREFIXES.get(query.kind, "") + query.name,
        "operator": query.operator.value,
        "value": list(query.values) if is_list else query.values[0],
    }


def simplified(query: Query) -> Query:
    """The query without groups of one part. It matches the same contacts."""
    if isinstance(query, Filter):
        return query
    parts = tuple(simplified(part) for part in query.parts)
    return parts[0] if len(parts) == 1 else Group(query.is_and, parts)
