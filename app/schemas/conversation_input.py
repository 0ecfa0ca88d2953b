"""Schemas of what clients send about conversations."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.schemas.contact_input import CustomAttributes
from app.schemas.fields import Id, Input, Moment, Text, TextOrNumber, YesOrNo
from app.schemas.message_text import MessageText
from app.schemas.paging import PagingSchema

_WRITTEN_AT = {
    "type": "integer",
    "description": "when it was written, for conversations that are moved here: since 2000, not in the future, not "
    "before the newest part",
}


class Unavailable(fields.Raw):
    """A field of Intercom's that is refused where it has a value.

    :param kind: its type, in JSON Schema's words
    """

    def __init__(self, kind: str) -> None:
        items: dict[str, Any] = {"items": {}} if kind == "array" else {}
        super().__init__(metadata={"description": "not available", "type": kind, **items})


class ReferenceSchema(Input):
    """A contact or an admin, by one of these."""

    type = fields.String(required=True, validate=validate.OneOf(["user", "lead", "contact", "admin"]))
    id = Id(load_default=None)
    user_id = TextOrNumber(
        most=255,
        load_default=None,
        metadata={"description": "a contact's external id"},
    )
    email = Text(most=254, load_default=None)


class NewConversationSchema(Input):
    from_ = fields.Nested(ReferenceSchema, required=True, data_key="from")
    body = MessageText(required=True)
    created_at = Moment(load_default=None, metadata=_WRITTEN_AT)
    attachment_urls = Unavailable("array")
    brand_id = Unavailable("string")


class ReplySchema(Input):
    """``type`` user: by ``intercom_user_id``, ``user_id`` or ``email``; ``type`` admin: by ``admin_id``."""

    message_type = fields.String(required=True, validate=validate.OneOf(["comment", "note", "quick_reply"]))
    type = fields.String(required=True, validate=validate.OneOf(["user", "lead", "contact", "admin"]))
    body = MessageText(required=True)
    admin_id = Id(load_default=None)
    intercom_user_id = TextOrNumber(most=100, load_default=None)
    user_id = TextOrNumber(most=255, load_default=None)
    email = Text(most=254, load_default=None)
    created_at = Moment(load_default=None, metadata=_WRITTEN_AT)
    attachment_urls = Unavailable("array")
    attachment_files = Unavailable("array")
    reply_options = Unavailable("array")

    def load(self, data: Any, **more: Any) -> Any:
        """Quick replies are not parsed beyond ``message_type``: they have options in place of a body."""
        if isinstance(data, dict) and data.get("message_type") == "quick_reply":
            return {"message_type": "quick_reply"}
        return super().load(data, **more)


class ManageSchema(Input):
    """An action, the admin who takes it, and the admin whom it assigns to (``0``: no one)."""

    type = fields.String(validate=validate.OneOf(["admin"]))
    message_type = fields.String(required=True, validate=validate.OneOf(["close", "open", "assignment", "snoozed"]))
    admin_id = Id(required=True)
    assignee_id = Id(load_default=None)
    body = MessageText(load_default=None, metadata={"description": "what the admin says to the contact before"})


class OneOrMany(fields.Nested):
    """One object, or a list that holds one."""

    def deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        return super().deserialize(
            value[0] if isinstance(value, list) and len(value) == 1 else value, *arguments, **more
        )


class NewMessageSchema(Input):
    """Emails are not parsed beyond ``message_type``: their shape differs, and none can be sent."""

    message_type = fields.String(
        required=True, validate=validate.OneOf(["inapp", "in_app", "sms", "email", "whatsapp"])
    )
    body = MessageText(required=True)
    from_ = fields.Nested(ReferenceSchema, required=True, data_key="from")
    to = OneOrMany(ReferenceSchema, required=True)
    subscription_type_id = Id(load_default=None, metadata={"description": "required for `sms`"})
    created_at = Moment(load_default=None, metadata=_WRITTEN_AT)
    create_conversation_without_contact_reply = YesOrNo(
        load_default=True, metadata={"description": "false: the inbox lists it once the contact replies"}
    )
    cc = Unavailable("array")
    bcc = Unavailable("array")

    def load(self, data: Any, **more: Any) -> Any:
        if isinstance(data, dict) and data.get("message_type") in ("email", "whatsapp"):
            return {"message_type": data["message_type"]}
        return super().load(data, **more)

    @validates_schema
    def require_type(self, data: dict[str, Any], **_more: Any) -> None:
        if data["message_type"] == "sms" and data["subscription_type_id"] is None:
            raise ValidationError("Missing data for required field.", "subscription_type_id")


class ChangedConversationSchema(Input):
    """Only the given fields change."""

    read = YesOrNo(metadata={"description": "by the admin in whose name the token acts; false: unread for everyone"})
    custom_attributes = CustomAttributes()
    company_id = Unavailable("string")


class ConversationQuerySchema(Input):
    display_as = fields.String(load_default=None, metadata={"description": "`plaintext` for texts without HTML"})


class ConversationPagingSchema(PagingSchema):
    display_as = fields.String(load_default=None)
