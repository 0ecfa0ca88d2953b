"""Schemas of contacts: Intercom's fields, those that nothing fills here empty, and ours beside them.

REST and webhooks dump a contact with the same fields; in webhooks its times are ISO 8601, as Intercom has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from marshmallow import fields, validate

from app.schemas.fields import AsItIs, Constant, IsoTime, IsSet, Output, UnixTime
from app.schemas.paging import PagedListSchema

INLINE_MAX = 10
_SUBSCRIPTIONS = ("subscriptions", "subscription", "subscription_types")
# Fields of Intercom's contact that have no value here.
_NEVER_FILLED = (
    *("last_replied_at", "last_contacted_at", "last_email_opened_at", "last_email_clicked_at"),
    *("browser", "browser_version", "browser_language", "os"),
    *(f"android_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")),
    *(f"ios_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")),
    *(f"utm_{name}" for name in ("campaign", "content", "medium", "source", "term")),
    *("referrer", "enabled_push_messaging"),
)


def _kind(name: str) -> str:
    return "integer" if name.endswith("_at") else "boolean" if name == "enabled_push_messaging" else "string"


_EmptySchema = Output.from_dict({name: Constant(None, kind=_kind(name)) for name in _NEVER_FILLED})


@dataclass(frozen=True)
class MergedContact:
    """A contact that became part of another one."""

    public_id: str
    role: str
    merged_at: datetime | None


class ContactValue(NamedTuple):
    """What ``ContactSchema`` dumps.

    :param row: the contact's columns: a ``models.Contact`` or a ``contacts.views.Row``
    :param opted_in: ids of the opt-in types that the contact opted in to, for its current number or address
    :param opted_out: ids of the opt-out types that it opted out of
    :param merge_history: the contacts that were merged into it, where they were requested
    :param tags: ids of its tags; ``notes``: of the notes about it
    """

    row: Any
    workspace_id: str
    opted_in: Sequence[int]
    opted_out: Sequence[int]
    has_sms_consent: bool
    is_suppressed: bool
    merge_history: Sequence[MergedContact] | None = None
    tags: Sequence[int] = ()
    notes: Sequence[int] = ()


class AddressableSchema(Output):
    type = Constant("list")
    data = fields.List(fields.Dict(), required=True)
    url = fields.String(required=True)
    total_count = fields.Integer(required=True)
    has_more = fields.Boolean(required=True)


class Collection(AsItIs, fields.Nested):
    """A short list inside a contact: its first entries, and the address of all.

    :param name: the last part of the address of all
    :param entry: the type of an entry; ``folder``: where an entry is found
    """

    def __init__(self, name: str, entry: str, folder: str, **more: Any) -> None:
        super().__init__(AddressableSchema, required=True, **more)
        self._name, self._entry, self._folder = name, entry, folder

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **_more: Any) -> dict[str, Any]:  # noqa: ARG002
        ids = self.read(obj)
        return {
            "type": "list",
            "data": [_reference(self._entry, self._folder, each) for each in ids[:INLINE_MAX]],
            "url": f"/contacts/{obj.row.public_id}/{self._name}",
            "total_count": len(ids),
            "has_more": len(ids) > INLINE_MAX,
        }


class EmptyCollection(Collection):
    """The same for what contacts do not have here."""

    def read(self, _value: ContactValue) -> Sequence[int]:
        return ()


@lru_cache(maxsize=256)
def _reference(entry: str, folder: str, entry_id: int) -> dict[str, str]:
    return {"type": entry, "id": str(entry_id), "url": f"/{folder}/{entry_id}"}


class PlainText(AsItIs, fields.String):
    """Text of a response."""


class YesOrNo(AsItIs, fields.Boolean):
    """True or false of a response."""


class PlainJson(AsItIs, fields.Dict):
    """An object of a response, with any names."""


class Email(fields.String):
    """An address; empty where there is none: Intercom's description knows no null here."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return value or ""


class EmailDomain(fields.String):
    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return (value or "").rpartition("@")[2]


class Avatar(fields.Dict):
    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return {"type": "avatar", "image_url": value} if value else None


class MergeHistorySchema(Output):
    type = Constant("merge_history_item")
    source_contact_id = fields.String(required=True, attribute="public_id")
    source_contact_role = fields.String(required=True, attribute="role")
    merged_at = UnixTime(required=True, allow_none=True)


class ContactSchema(_EmptySchema):  # type: ignore[misc,valid-type]  # made from a list of names
    """Intercom's contact. Dumps a ``ContactValue``."""

    type = Constant("contact")
    id = PlainText(required=True, attribute="row.public_id", metadata={"pattern": "^[0-9a-f]{24}$"})
    workspace_id = PlainText(required=True)
    external_id = PlainText(required=True, allow_none=True, attribute="row.external_id")
    role = PlainText(required=True, attribute="row.role", validate=validate.OneOf(["user", "lead"]))
    email = Email(required=True, attribute="row.email", metadata={"description": "empty when there is none"})
    email_domain = EmailDomain(required=True, attribute="row.email", dump_only=True)
    phone = PlainText(required=True, allow_none=True, attribute="row.phone")
    name = PlainText(required=True, allow_none=True, attribute="row.name")
    avatar = Avatar(required=True, allow_none=True, attribute="row.avatar")
    owner_id: fields.Field[Any] = fields.String(required=True, allow_none=True, attribute="row.owner_id")
    unsubscribed_from_emails = YesOrNo(required=True, attribute="row.unsubscribed_from_emails")
    gdpr_optin = YesOrNo(
        required=True,
        allow_none=True,
        attribute="row.gdpr_optin",
        metadata={"description": "false: the person wants no messages on any channel"},
    )
    has_hard_bounced = Constant(value=False)
    marked_email_as_spam = Constant(value=False)
    created_at: fields.Field[Any] = UnixTime(required=True, attribute="row.created_at")
    updated_at: fields.Field[Any] = UnixTime(required=True, attribute="row.updated_at")
    signed_up_at: fields.Field[Any] = UnixTime(required=True, allow_none=True, attribute="row.signed_up_at")
    last_seen_at: fields.Field[Any] = UnixTime(required=True, allow_none=True, attribute="row.last_seen_at")
    language_override = PlainText(required=True, allow_none=True, attribute="row.locale")
    time_zone = PlainText(
        required=True,
        allow_none=True,
        attribute="row.time_zone",
        metadata={"description": "the IANA name of the person's time zone"},
    )
    custom_attributes = PlainJson(required=True, attribute="row.custom_attributes")
    location = Constant(
        {"type": "location"} | dict.fromkeys(("country", "region", "city", "country_code", "continent_code"))
    )
    social_profiles = Constant({"type": "list", "data": []})
    tags = Collection("tags", "tag", "tags")
    notes = Collection("notes", "note", "notes")
    companies = EmptyCollection("companies", "company", "companies")
    opted_in_subscription_types = Collection(*_SUBSCRIPTIONS, attribute="opted_in")
    opted_out_subscription_types = Collection(*_SUBSCRIPTIONS, attribute="opted_out")
    sms_consent = YesOrNo(
        required=True, attribute="has_sms_consent", metadata={"description": "opted in to a live type by SMS"}
    )
    unsubscribed_from_sms = YesOrNo(
        required=True, attribute="is_suppressed", metadata={"description": "their number must not be texted"}
    )
    archived = IsSet(required=True, attribute="row.archived_at")
    blocked = IsSet(required=True, attribute="row.blocked_at")
    merge_history = fields.List(fields.Nested(MergeHistorySchema))


class WebhookContactSchema(ContactSchema):
    """The same contact in a webhook."""

    created_at = IsoTime(required=True, attribute="row.created_at")
    updated_at = IsoTime(required=True, attribute="row.updated_at")
    signed_up_at = IsoTime(required=True, allow_none=True, attribute="row.signed_up_at")
    last_seen_at = IsoTime(required=True, allow_none=True, attribute="row.last_seen_at")


class ContactListSchema(PagedListSchema):
    data = fields.List(fields.Nested(ContactSchema), required=True)


class _ReferenceSchema(Output):
    type = Constant("contact")
    id = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)


class ContactDeletedSchema(_ReferenceSchema):
    deleted = Constant(value=True)


class ContactArchivedSchema(_ReferenceSchema):
    archived = fields.Boolean(required=True)


class ContactBlockedSchema(_ReferenceSchema):
    blocked = Constant(value=True)
