"""A contact on the wire: Intercom's fields, those that nobody fills here empty, and ours beside."""

import json
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.schemas.fields import (
    ID_MAX,
    Id,
    Input,
    Moment,
    PagesSchema,
    PagingSchema,
    Text,
    TextOrNumber,
    YesOrNo,
    const,
    seconds,
)
from app.schemas.subscription import reference

INLINE_MAX = 10
EXTERNAL_ID_MAX, EMAIL_MAX, PHONE_MAX, NAME_MAX = 255, 254, 64, 500
CUSTOM_MAX, CUSTOM_NAME_MAX, CUSTOM_BYTES_MAX = 100, 190, 64_000
_NEVER_FILLED = (
    *("last_replied_at", "last_contacted_at", "last_email_opened_at", "last_email_clicked_at"),
    *("browser", "browser_version", "browser_language", "os"),
    *(f"android_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")),
    *(f"ios_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")),
    *(f"utm_{name}" for name in ("campaign", "content", "medium", "source", "term")),
    *("referrer", "enabled_push_messaging"),
)
_EMPTY: dict[str, Any] = dict.fromkeys(_NEVER_FILLED)
_EmptySchema = Schema.from_dict({name: fields.Raw(required=True, allow_none=True) for name in _NEVER_FILLED})


def contact_body(view: Any, workspace_id: str) -> dict[str, Any]:
    """A contact.

    Intercom's description knows no null for ``email`` and ``email_domain``: where there is none, they are empty.

    :param view: a ``contact_views.View``
    """
    row = view.row
    email, url = row.email or "", f"/contacts/{row.public_id}"
    return {
        "type": "contact",
        "id": row.public_id,
        "workspace_id": workspace_id,
        "external_id": row.external_id,
        "role": row.role,
        "email": email,
        "email_domain": email.rpartition("@")[2],
        "phone": row.phone,
        "name": row.name,
        "avatar": {"type": "avatar", "image_url": row.avatar} if row.avatar else None,
        "owner_id": str(row.owner_id) if row.owner_id is not None else None,
        "social_profiles": {"type": "list", "data": []},
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": row.unsubscribed_from_emails,
        "created_at": seconds(row.created_at),
        "updated_at": seconds(row.updated_at),
        "signed_up_at": seconds(row.signed_up_at),
        "last_seen_at": seconds(row.last_seen_at),
        "language_override": row.locale,
        "custom_attributes": row.custom_attributes,
        "location": {
            "type": "location",
            "country": None,
            "region": None,
            "city": None,
            "country_code": None,
            "continent_code": None,
        },
        "tags": _addressable([], f"{url}/tags"),
        "notes": _addressable([], f"{url}/notes"),
        "companies": _addressable([], f"{url}/companies"),
        "opted_in_subscription_types": _addressable(view.opted_in, f"{url}/subscriptions"),
        "opted_out_subscription_types": _addressable(view.opted_out, f"{url}/subscriptions"),
        "sms_consent": view.has_sms_consent,
        "unsubscribed_from_sms": bool(row.is_suppressed),
        "archived": row.archived_at is not None,
        "blocked": row.blocked_at is not None,
        **_EMPTY,
    }


def contact_reference(public_id: str, external_id: str | None, **said: bool) -> dict[str, Any]:
    """What is left to say when a contact was archived, blocked or deleted."""
    return {"type": "contact", "id": public_id, "external_id": external_id, **said}


def _addressable(type_ids: Any, url: str) -> dict[str, Any]:
    return {
        "type": "list",
        "data": [reference(type_id) for type_id in type_ids[:INLINE_MAX]],
        "url": url,
        "total_count": len(type_ids),
        "has_more": len(type_ids) > INLINE_MAX,
    }


class CustomAttributes(fields.Field[dict[str, Any]]):
    """Names with texts, numbers, true, false or null; null takes one away."""

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
    """An agent's id; null for nobody."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        if not text.isascii() or not text.isdigit() or int(text) > ID_MAX:
            raise ValidationError("Not a valid id.")
        return text


class ContactInputSchema(Input):
    """What may be said of a contact. Null takes away what was there; what is not given stays."""

    role = fields.String(validate=validate.OneOf(["user", "lead"]))
    external_id = TextOrNumber(most=EXTERNAL_ID_MAX, allow_none=True, metadata={"type": ["string", "integer"]})
    email = Text(most=EMAIL_MAX, allow_none=True)
    email_verified = YesOrNo(allow_none=True, metadata={"description": "only with `email`; nothing follows from it"})
    phone = Text(most=PHONE_MAX, allow_none=True, metadata={"description": "kept in E.164 when it is a number"})
    name = Text(most=NAME_MAX, allow_none=True)
    avatar = Text(most=2000, allow_none=True, metadata={"description": "web address of a picture"})
    signed_up_at = Moment(allow_none=True, metadata={"type": "integer"})
    last_seen_at = Moment(allow_none=True, metadata={"type": "integer"})
    owner_id = OwnerId(allow_none=True, metadata={"type": ["string", "integer"]})
    unsubscribed_from_emails = YesOrNo(allow_none=True)
    language_override = Text(most=16, allow_none=True)
    custom_attributes = CustomAttributes(
        allow_none=True,
        metadata={"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
    )


class AddressableSchema(Schema):
    type = const("list")
    data = fields.List(fields.Dict(), required=True)
    url = fields.String(required=True)
    total_count = fields.Integer(required=True)
    has_more = fields.Boolean(required=True)


class ContactSchema(_EmptySchema):  # type: ignore[misc,valid-type]  # made from a list of names
    """Intercom's contact; fields of Intercom's that nobody fills here are there and null."""

    type = const("contact")
    id = fields.String(required=True, metadata={"pattern": "^[0-9a-f]{24}$"})
    workspace_id = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    role = fields.String(required=True, validate=validate.OneOf(["user", "lead"]))
    email = fields.String(required=True, metadata={"description": "empty when there is none"})
    email_domain = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    avatar = fields.Dict(required=True, allow_none=True)
    owner_id = fields.String(required=True, allow_none=True)
    unsubscribed_from_emails = fields.Boolean(required=True)
    has_hard_bounced = fields.Boolean(required=True)
    marked_email_as_spam = fields.Boolean(required=True)
    created_at = fields.Integer(required=True)
    updated_at = fields.Integer(required=True)
    signed_up_at = fields.Integer(required=True, allow_none=True)
    last_seen_at = fields.Integer(required=True, allow_none=True)
    language_override = fields.String(required=True, allow_none=True)
    custom_attributes = fields.Dict(required=True)
    location = fields.Dict(required=True)
    social_profiles = fields.Dict(required=True)
    tags = fields.Nested(AddressableSchema, required=True)
    notes = fields.Nested(AddressableSchema, required=True)
    companies = fields.Nested(AddressableSchema, required=True)
    opted_in_subscription_types = fields.Nested(AddressableSchema, required=True)
    opted_out_subscription_types = fields.Nested(AddressableSchema, required=True)
    sms_consent = fields.Boolean(required=True, metadata={"description": "said yes to a live type by SMS"})
    unsubscribed_from_sms = fields.Boolean(required=True, metadata={"description": "their number must not be texted"})
    archived = fields.Boolean(required=True)
    blocked = fields.Boolean(required=True)
    merge_history = fields.List(fields.Dict())


class ContactListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(ContactSchema), required=True)
    total_count = fields.Integer(required=True)
    total_count_is_minimum = fields.Boolean(
        required=True, metadata={"description": "true where counting stopped: there are at least so many"}
    )
    pages = fields.Nested(PagesSchema, required=True)


class _GoneSchema(Schema):
    type = const("contact")
    id = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)


class ContactDeletedSchema(_GoneSchema):
    deleted = fields.Boolean(required=True)


class ContactArchivedSchema(_GoneSchema):
    archived = fields.Boolean(required=True)


class ContactBlockedSchema(_GoneSchema):
    blocked = fields.Boolean(required=True)


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


class SortSchema(Input):
    field = fields.String(load_default=None, allow_none=True)
    order = fields.String(load_default="descending")


class SearchSchema(Input):
    query = fields.Dict(required=True, metadata={"description": "see *The query language*"})
    pagination = fields.Nested(CursorSchema, load_default=None, allow_none=True)
    sort = fields.Nested(SortSchema, load_default=None, allow_none=True)


class TagListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Dict(), required=True, metadata={"description": "always empty: there are no tags here"})
