"""What all shapes share: text that can be stored, ids as they come, times as Unix seconds, errors."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing, pre_load, validate

_SECONDS_MIN, _SECONDS_MAX = 0, 32_503_680_000  # until the year 3000
ID_MAX = 2**31 - 1


def seconds(at: datetime | None) -> int | None:
    """Unix seconds; null stays null."""
    return int(at.timestamp()) if at is not None else None


class Text(fields.String):
    """Text that both databases can hold: no NUL, no half of a surrogate pair, at most ``most`` characters."""

    def __init__(self, *, most: int = 1000, **more: Any) -> None:
        super().__init__(validate=validate.Length(max=most), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **more)
        if "\0" in text:
            raise ValidationError("Must not hold a NUL character.")
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise ValidationError("Not valid text.")
        return text


class TextOrNumber(Text):
    """Text, or the whole number that some clients send instead. Comes out as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 2**63 else value
        return super()._deserialize(value, attr, data, **more)


class Id(fields.Field[str]):
    """An id: text, or the number that some clients send instead. Comes out as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:  # noqa: ARG002
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ID_MAX:
            return str(value)
        if isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable():
            return value
        raise ValidationError("Not a valid id.")


class Moment(fields.Field[datetime]):
    """A time as Unix seconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> datetime:  # noqa: ARG002
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 11:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not _SECONDS_MIN <= value <= _SECONDS_MAX:
            raise ValidationError("Give a time as Unix seconds.")
        return datetime.fromtimestamp(value, UTC)


class Count(fields.Integer):
    """A whole number of at least ``least`` and at most ``most``. A number with a fraction is none."""

    def __init__(self, *, least: int, most: int, **more: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=least, max=most), **more)


class YesOrNo(fields.Boolean):
    """True or false; nothing else is understood."""

    truthy = {True}  # noqa: RUF012 - marshmallow reads it from the class
    falsy = {False}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **more))


class Input(Schema):
    """What comes in. Fields that we do not know are passed over: clients of other versions send some.

    Null where it means nothing is the same as nothing: Intercom's client sends it for what is left out.
    """

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def drop_nulls(self, data: Any, **_more: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        meaningless = {
            each.data_key or name for name, each in self.fields.items() if not each.allow_none and not each.required
        }
        return {name: value for name, value in data.items() if value is not None or name not in meaningless}


def const(value: str) -> fields.String:
    """A field that always says the same, such as ``type``."""
    return fields.String(required=True, validate=validate.Equal(value), metadata={"enum": [value]})


class ProblemSchema(Schema):
    code = fields.String(required=True, metadata={"description": "stable; programs decide by it"})
    message = fields.String(allow_none=True, metadata={"description": "a sentence for whoever reads the log"})
    field = fields.String(metadata={"description": "what is at fault, where one part of the request is"})


class ErrorListSchema(Schema):
    type = const("error.list")
    request_id = fields.String(allow_none=True, metadata={"format": "uuid", "description": "also in X-Request-Id"})
    errors = fields.List(fields.Nested(ProblemSchema), required=True)


class NextPageSchema(Schema):
    page = fields.Integer(required=True)
    starting_after = fields.String(required=True, metadata={"description": "opaque; send it back as it is"})


class PagesSchema(Schema):
    type = const("pages")
    page = fields.Integer(required=True)
    per_page = fields.Integer(required=True)
    total_pages = fields.Integer(required=True)
    next = fields.Nested(NextPageSchema, metadata={"description": "left out on the last page"})


class PagingSchema(Input):
    """How much of a list, from where. Lists that have no pages by number say so, or whoever counts would never end."""

    per_page = fields.Integer(
        load_default=None, validate=validate.Range(min=1, max=150), metadata={"description": "at most 150"}
    )
    starting_after = fields.String(load_default=None, metadata={"description": "from the page before"})

    @pre_load
    def refuse_page(self, data: Any, **_more: Any) -> Any:
        if "page" not in self.fields and data.get("page", "1") not in ("1", missing):
            raise ValidationError("Page by “starting_after”: this list has no pages by number.", "page")
        return data
