"""Fields and base classes that all schemas share: text, ids, times, constants, lists by pages, errors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, Self

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from app.schemas.entry import is_storable

_SECONDS_MIN, _SECONDS_MAX = 0, 32_503_680_000  # until the year 3000
ID_MAX = 2**31 - 1
ACCEPTS_INTEGERS = "x-accepts-integers"  # in the description


class Text(fields.String):
    """Text that both databases can store: no NUL, no unpaired surrogate, at most ``most`` characters."""

    def __init__(self, *, most: int = 1000, **more: Any) -> None:
        super().__init__(validate=validate.Length(max=most), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **more)
        if "\0" in text:
            raise ValidationError("Must not hold a NUL character.")
        if not is_storable(text):
            raise ValidationError("Not valid text.")
        return text


class ClearableText(Text):
    """Text that may be empty. Null loads as empty, too."""

    def __init__(self, *, most: int, **more: Any) -> None:
        super().__init__(most=most, allow_none=True, **more)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **more: Any) -> Any:
        return super().deserialize("" if value is None else value, attr, data, **more)


def _accepts_integers(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The description of a text that may be an integer. Generators of clients make nothing useful of two types."""
    given = dict(metadata or {})
    description = "; ".join(part for part in (given.get("description"), "an integer is accepted, too") if part)
    return {"type": "string", ACCEPTS_INTEGERS: True} | given | {"description": description}


class TextOrNumber(Text):
    """Text, or the integer that some clients send instead. Loads as text."""

    def __init__(self, *, most: int, metadata: Mapping[str, Any] | None = None, **more: Any) -> None:
        super().__init__(most=most, metadata=_accepts_integers(metadata), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 2**63 else value
        return super()._deserialize(value, attr, data, **more)


class Id(fields.Field[str]):
    """An id: text, or the integer that some clients send instead. Loads as text."""

    def __init__(self, *, metadata: Mapping[str, Any] | None = None, **more: Any) -> None:
        super().__init__(metadata=_accepts_integers(metadata), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:  # noqa: ARG002
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ID_MAX:
            return str(value)
        if isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable():
            return value
        raise ValidationError("Not a valid id.")


class Moment(fields.Field[datetime]):
    """A time, sent as Unix seconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> datetime:  # noqa: ARG002
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 11:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not _SECONDS_MIN <= value <= _SECONDS_MAX:
            raise ValidationError("Give a time as Unix seconds.")
        return datetime.fromtimestamp(value, UTC)


class Count(fields.Integer):
    """An integer between ``least`` and ``most``. A number with a fraction is refused."""

    def __init__(self, *, least: int, most: int, **more: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=least, max=most), **more)


class YesOrNo(fields.Boolean):
    """The JSON values true and false; everything else is refused."""

    truthy = {True}  # noqa: RUF012 - marshmallow reads it from the class
    falsy = {False}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **more))


class _Unchanging(Schema):
    """A schema that stays as it was made, so that it serves as its own copy.

    flask-smorest copies the description of a call with all its schemas for each of its methods, and keeps the copies.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Input(_Unchanging):
    """Base of every request body and query. Unknown fields are ignored: clients of other versions send some.

    Null in a field that does not allow it counts as left out: Intercom's client sends null for what is not given.
    """

    ignores_null = True

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def drop_nulls(self, data: Any, **_more: Any) -> Any:
        if not self.ignores_null or not isinstance(data, dict) or None not in data.values():
            return data
        meaningless = {
            each.data_key or name for name, each in self.fields.items() if not each.allow_none and not each.required
        }
        return {name: value for name, value in data.items() if value is not None or name not in meaningless}


class Change(Input):
    """Base of a body that changes an object of ours. Null in a field that does not allow it is refused.

    As left out, it would leave a value in place that the client believes to be gone.
    """

    ignores_null = False


class Constant(fields.Field[Any]):
    """A response field that always has the same value, such as ``type``.

    :param kind: the type of a value that is null here, in JSON Schema's words
    :param choices: the texts that clients must expect; without them only this one
    """

    _TYPES = ((str, "string"), (bool, "boolean"), (int, "integer"), (dict, "object"), (list, "array"))

    def __init__(self, value: Any, *, kind: str | None = None, choices: Sequence[str] = ()) -> None:
        name = next((name for each, name in self._TYPES if isinstance(value, each)), "null")
        described: dict[str, Any] = {"type": ["null", kind] if kind else name}
        if name == "array":
            described["items"] = {}
        if name == "string" and value:
            described["enum"] = list(choices) or [value]
        super().__init__(required=True, metadata=described)
        self.value = value


class AsItIs(fields.Field[Any]):
    """Base of a response field that is sent as the object has it. It reads objects only, no dictionaries.

    In marshmallow a field asks its schema for the value and converts it, which takes four calls. A list of contacts
    has more than a thousand such fields.
    """

    @cached_property
    def read(self) -> Callable[[Any], Any]:
        return attrgetter(self.attribute or self.name or "")

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **_more: Any) -> Any:  # noqa: ARG002
        return self.read(obj)


class UnixTime(fields.Integer):
    """A time of a response, as Unix seconds. Null stays null."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return int(value.timestamp()) if value is not None else None


class IsoTime(fields.String):
    """A time as Intercom writes it in webhooks: ``2026-11-02T12:00:00.000+00:00``. Null stays null."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return value.astimezone(UTC).isoformat(timespec="milliseconds") if value is not None else None


class IsSet(fields.Boolean):
    """True when the attribute is not null: ``archived`` from ``archived_at``."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> bool:
        return value is not None


class IsUnset(fields.Boolean):
    """True when the attribute is null: ``enabled`` from ``disabled_at``."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> bool:
        return value is None


class LocaleTag(fields.String):
    """A locale as clients write it: ``pt_BR`` as ``pt-BR``."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return value.replace("_", "-")


def each_locale_once(translations: Sequence[Mapping[str, Any]]) -> None:
    """:raises ValidationError: two translations are into one language"""
    locales = [locale_of(each["locale"]) for each in translations]
    if len(set(locales)) < len(locales):
        raise ValidationError("Give each language once.")


def locale_of(tag: str) -> str:
    """The locale that a tag names: ``pt-BR`` as ``pt_BR``."""
    return tag.replace("-", "_")


class Itself(fields.Nested):
    """The same object dumped by another schema, where one object of ours is two on the wire."""

    _CHECK_ATTRIBUTE = False

    def _serialize(self, *arguments: Any, **more: Any) -> Any:
        _, attr, obj = arguments
        return super()._serialize(obj, attr, obj, **more)  # type: ignore[no-untyped-call]  # as marshmallow has it


class Output(_Unchanging):
    """Base of every response. Its fields read attributes of objects, or keys of dictionaries.

    A required field that the object lacks is an error; marshmallow would leave it out silently. An optional field is
    left out where it is missing or null. Each dump begins with the constants.
    """

    class Meta:
        unknown = EXCLUDE  # the description allows further fields: later versions add some

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        constants = {name: field for name, field in self.dump_fields.items() if isinstance(field, Constant)}
        # marshmallow begins each dump with an empty dictionary of this class
        self.dict_class = {name: field.value for name, field in constants.items()}.copy  # type: ignore[assignment]
        self.dump_fields = {name: field for name, field in self.dump_fields.items() if name not in constants}
        self._optional = frozenset(
            field.attribute or name
            for name, field in self.dump_fields.items()
            if not field.required and not field.allow_none
        )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        is_mapping = isinstance(obj, dict)
        if attr not in self._optional:
            return obj[attr] if is_mapping else _getter(attr)(obj)
        value = obj.get(attr) if is_mapping else _read_optional(obj, attr)
        return default if value is None else value


@cache
def _getter(path: str) -> Callable[[Any], Any]:
    """Reads an attribute, or one of another by a dotted path."""
    return attrgetter(path)


def _read_optional(obj: Any, path: str) -> Any:
    try:
        return _getter(path)(obj)
    except AttributeError:
        return None


class ProblemSchema(Output):
    code = fields.String(required=True, metadata={"description": "stable; programs decide by it"})
    message = fields.String(allow_none=True, metadata={"description": "a sentence for people who read the log"})
    field = fields.String(metadata={"description": "what is at fault, where one part of the request is"})


class ErrorListSchema(Output):
    type = Constant("error.list")
    request_id = fields.String(allow_none=True, metadata={"format": "uuid", "description": "also in X-Request-Id"})
    errors = fields.List(fields.Nested(ProblemSchema), required=True)


class ListSchema(Output):
    """A list without pages. Subclasses add ``data``."""

    type = Constant("list")
