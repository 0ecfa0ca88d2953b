"""Schemas of what clients send about contacts: fields to set, searches, merges."""

import json
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.schemas.fields import ID_MAX, Id, Input, Moment, Text, TextOrNumber, YesOrNo
from app.schemas.paging import PagingSchema

EXTERNAL_ID_MAX, EMAIL_MAX, PHONE_MAX, NAME_MAX = 255, 254, 64, 500
CUSTOM_MAX, CUSTOM_NAME_MAX, CUSTOM_BYTES_MAX = 100, 190, 64_000


class CustomAttributes(fields.Field[dict[str, Any]]):
    """Names with texts, numbers, true, false or null; null removes one. They are merged into those that are there.

    Null in place of all, which Intercom's clients send for “not given”, changes nothing.
    """

    def __init__(self) -> None:
        super().__init__(
            allow_none=True,
            metadata={
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                "description": "merged into those that are there; null removes one. Null instead of the object changes "
                "nothing.",
            },
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> dict[str, Any]:  # noqa: ARG002
        if not isinstance(value, dict) or len(value) > CUSTOM_MAX:
            raise ValidationError(f"Give an object with at most {CUSTOM_MAX} names.")
        for name, each in value.items():
            if not name or len(name) > CUSTOM_NAME_MAX or not name.isprintable() or '"' in name:
                raise ValidationError("A name is 1 to 190 visible characters without quotation marks.")
            if not (each is None or isinstance(each, str | bool) or _is_number(each)):
                raise ValidationError("A value is a text, a number, true, false or null.")
            if isinstance(each, str) and ("\0" in each or any("\ud800" <= char <= "\udfff" for char in each)):
                raise ValidationError("Not valid text.")
        if len(json.dumps(value)) > CUSTOM_BYTES_MAX:
            raise ValidationError("These attributes are too long together.")
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 2**53


class OwnerId(Id):
    """An agent's id; null for no one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        if not text.isascii() or not text.isdigit() or int(text) > ID_MAX:
            raise ValidationError("Not a valid id.")
        return text


class AvatarAddress(Text):
    """The web address of a picture; also the object that a response holds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        if isinstance(value, dict):
            value = value.get("image_url")
        return "" if value is None else super()._deserialize(value, attr, data, **more)


class ContactInputSchema(Input):
    """The fields of a contact that a client may set. Null removes a value; what is not given stays.

    Null for ``custom_attributes`` removes none.
    """

    role = fields.String(validate=validate.OneOf(["user", "lead"]))
    external_id = TextOrNumber(most=EXTERNAL_ID_MAX, allow_none=True)
    email = Text(most=EMAIL_MAX, allow_none=True)
    email_verified = YesOrNo(allow_none=True, metadata={"description": "only with `email`; nothing follows from it"})
    phone = Text(most=PHONE_MAX, allow_none=True, metadata={"description": "kept in E.164 when it is a number"})
    name = Text(most=NAME_MAX, allow_none=True)
    avatar = AvatarAddress(most=2000, allow_none=True, metadata={"description": "web address of a picture"})
    signed_up_at = Moment(allow_none=True, metadata={"type": "integer"})
    last_seen_at = Moment(allow_none=True, metadata={"type": "integer"})
    owner_id = OwnerId(allow_none=True)
    unsubscribed_from_emails = YesOrNo(allow_none=True)
    gdpr_optin = YesOrNo(
        allow_none=True,
        metadata={"description": "false: no message on any channel; changes back only with a `source_note`"},
    )
    source_note = Text(
        most=2000,
        allow_none=True,
        metadata={"description": "how the person asked for messages again; part of the proof"},
    )
    language_override = Text(most=16, allow_none=True)
    time_zone = Text(most=64, allow_none=True, metadata={"description": "its IANA name, such as `Europe/Berlin`"})
    custom_attributes = CustomAttributes()


class ContactQuerySchema(Input):
    include_merge_history = fields.Boolean(load_default=False)


class ContactPagingSchema(PagingSchema):
    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=10_000))
    include_merge_history = fields.Boolean(load_default=False)


class MergeSchema(Input):
    from_ = Text(most=100, required=True, data_key="from", metadata={"description": "the contact that ends"})
    into = Text(most=100, required=True, metadata={"description": "the contact that stays"})
    skip_duplicate_validation = YesOrNo(load_default=False)


class CursorSchema(Input):
    per_page = fields.Integer(load_default=None, allow_none=True, strict=True, validate=validate.Range(min=1, max=150))
    starting_after = fields.String(load_default=None, allow_none=True)

    @validates_schema(pass_original=True)
    def refuse_page(self, _data: Any, original: Any, **_more: Any) -> None:
        """Else a client that counts pages would read the first one forever. Beside a cursor the number says nothing."""
        if isinstance(original, dict) and not original.get("starting_after") and original.get("page") not in (None, 1):
            raise ValidationError("Page by “starting_after”: searches have no pages by number.", "page")


class SortSchema(Input):
    field = fields.String(load_default=None, allow_none=True)
    order = fields.String(load_default="descending")


class SearchSchema(Input):
    query = fields.Dict(required=True, metadata={"description": "see *The query language*"})
    pagination = fields.Nested(CursorSchema, load_default=None, allow_none=True)
    sort = fields.Nested(SortSchema, load_default=None, allow_none=True)
