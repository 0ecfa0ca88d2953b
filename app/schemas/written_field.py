"""How a field of a response is read from an object and written: found once, when its schema is made."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, NamedTuple, Self

from marshmallow import fields

_Read = Callable[[Any], Any]


class WrittenField(NamedTuple):
    """``key`` is its name in the response. An optional field is left out where its value is null."""

    key: str
    name: str
    of_object: _Read
    of_mapping: _Read
    is_optional: bool
    write: Callable[[Any, str, Any], Any]

    @classmethod
    def of(cls, name: str, field: fields.Field[Any]) -> Self:
        is_optional = not field.required and not field.allow_none
        of_object, of_mapping = _readers(field, field.attribute or name, is_optional=is_optional)
        # fields of ours override this method, as marshmallow documents it
        return cls(field.data_key or name, name, of_object, of_mapping, is_optional, field._serialize)  # noqa: SLF001


def _readers(field: fields.Field[Any], attribute: str, *, is_optional: bool) -> tuple[_Read, _Read]:
    """A dotted attribute is one of another object."""
    if not field._CHECK_ATTRIBUTE:  # noqa: SLF001 - it writes the object itself
        return _nothing, _nothing
    read = attrgetter(attribute)
    if is_optional:
        return partial(_read_optional, read), methodcaller("get", attribute)
    return read, itemgetter(attribute)


def _read_optional(read: _Read, obj: Any) -> Any:
    try:
        return read(obj)
    except AttributeError:
        return None


def _nothing(_obj: Any) -> None:
    return None
