"""Adapts the description to programs that generate clients from it.

openapi-typescript takes a property with a default for one that is always there, in requests, too; and no generator has
a use for a default of null.
"""

from collections.abc import Iterator
from typing import Any


def adapt(description: dict[str, Any]) -> None:
    """Write the defaults of properties as words, and leave out those that are null."""
    for schema in description["components"]["schemas"].values():
        for each in schema.get("properties", {}).values():
            default = each.pop("default", None)
            if default is not None:
                parts = (each.get("description"), f"`{default}` when left out" if default != "" else "")
                each["description"] = "; ".join(part for part in parts if part) or "empty when left out"
    for each in _objects(description["paths"]):
        if "default" in each and each["default"] is None:
            del each["default"]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(inner)
