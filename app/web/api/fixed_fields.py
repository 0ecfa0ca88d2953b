"""Fields of a response that a request cannot set: equal to what is stored they are fine, else they are refused."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flask import g
from marshmallow import Schema

from app.core.errors import ImmutableField

# Says what an object is, also where a client means something else by it.
_NAMES_THE_OBJECT = "type"


def remember(body: Mapping[str, Any], schema: Schema) -> None:
    """Keep what a request body holds beside the fields of its schema, for ``refuse_other_values``."""
    known = {field.data_key or name for name, field in schema.fields.items()}
    g.beside_the_schema = {name: value for name, value in body.items() if name not in known}


def refuse_other_values(response: Schema, stored: Callable[[Collection[str]], Mapping[str, Any]]) -> None:
    """Compare the fields of the response that the request holds, but cannot set, with what is stored.

    So a client can read an object, change it and send it back whole, and nothing that it sends is dropped silently.

    :param response: the schema of the response
    :param stored: the object as a response has it, given the names of the fields that were sent
    :raises ImmutableField: a field differs
    """
    sent: Mapping[str, Any] = g.get("beside_the_schema", {})
    names = [name for name in sent if name in response.fields and name != _NAMES_THE_OBJECT]
    found = stored(names) if names else {}
    for name in names:
        if not _is_same(sent[name], found.get(name)):
            raise ImmutableField(
                "This field cannot be set here, and it differs from what is stored. Leave it out, or read again.",
                field=name,
            )


def _is_same(sent: Any, stored: Any) -> bool:
    if isinstance(stored, str) and isinstance(sent, int) and not isinstance(sent, bool):  # an id sent as a number
        return str(sent) == stored
    return isinstance(sent, bool) == isinstance(stored, bool) and bool(sent == stored)
