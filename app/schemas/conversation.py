"""Schemas of conversations, as Intercom has them, with the forms in them beside."""

import html
from typing import Any

from marshmallow import fields, validate

from app.schemas.fields import Constant, Itself, Output, UnixTime
from app.schemas.form import STATES
from app.schemas.paging import PagedListSchema

# Those of Intercom's versions up to 2.15, and of newer ones.
PRIORITIES = ("priority", "not_priority", "none", "low", "medium", "high", "urgent")


class MessageSchema(Output):
    """Dumps an ``api_views.Posted``: a message that was just posted, or a text that was queued."""

    type = fields.String(required=True, validate=validate.OneOf(["user_message", "admin_message"]))
    id = fields.String(required=True, attribute="message.id")
    created_at = UnixTime(required=True, attribute="message.created_at")
    subject = Constant("")
    body = fields.String(required=True, attribute="message.body")
    message_type = fields.String(required=True, validate=validate.OneOf(["inapp", "sms"]))
    conversation_id = fields.String(
        attribute="message.conversation_id", metadata={"description": "a text has none: its `id` is of an sms_message"}
    )


class AuthorSchema(Output):
    type = fields.String(required=True, attribute="kind", validate=validate.OneOf(["user", "lead", "admin", "bot"]))
    id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    email = fields.String()


class CardSchema(Output):
    """Dumps a ``FormCard`` of a part, with the address of its form."""

    type = Constant("inserted_form")
    id = fields.String(required=True, attribute="card.inserted_form_id")
    form_id = fields.String(required=True, attribute="card.form_id")
    embed_url = fields.String(required=True)
    state = fields.String(required=True, attribute="card.state", validate=validate.OneOf(STATES))
    title = fields.String(required=True, attribute="card.title")
    seen_at = UnixTime(required=True, allow_none=True, attribute="card.seen_at")
    answered_at = UnixTime(required=True, allow_none=True, attribute="card.answered_at")
    expires_at = UnixTime(required=True, attribute="card.expires_at")


class Body(fields.String):
    """A message as HTML, the text escaped, ``<br>`` between lines; as it was written where plain text was requested."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        if value is None or obj.is_plain:
            return value
        return html.escape(value, quote=False).replace("\n", "<br>")


class AssigneeSchema(Output):
    """Dumps an ``api_views.Assignee``."""

    type = Constant("admin")
    id = fields.String(required=True)


class PartSchema(Output):
    """Dumps an ``api_views.Part``."""

    type = Constant("conversation_part")
    id = fields.String(required=True, attribute="message.id")
    part_type = fields.String(
        required=True, validate=validate.OneOf(["comment", "note", "assignment", "close", "open"])
    )
    body = Body(required=True, allow_none=True, attribute="text")
    created_at = UnixTime(required=True, attribute="message.created_at")
    updated_at = UnixTime(required=True, attribute="message.created_at", dump_only=True)
    author = fields.Nested(AuthorSchema, required=True)
    notified_at = UnixTime(required=True, attribute="message.created_at", dump_only=True)
    attachments = Constant([])
    external_id = Constant(None, kind="string")
    redacted = Constant(value=False)
    state = fields.String(required=True)
    assigned_to = fields.Nested(AssigneeSchema)
    form = fields.Nested(CardSchema, metadata={"description": "the form that was inserted here"})


class PartListSchema(Output):
    """Dumps an ``api_views.Thread``."""

    type = Constant("conversation_part.list")
    conversation_parts = fields.List(fields.Nested(PartSchema), required=True, attribute="parts")
    total_count = fields.Integer(required=True)


class SourceSchema(Output):
    """The message that began a conversation. Dumps an ``api_views.Part``."""

    type = Constant("conversation")
    id = fields.String(required=True, attribute="message.id")
    delivered_as = fields.String(required=True)
    subject = Constant("")
    body = Body(required=True, attribute="text")
    author = fields.Nested(AuthorSchema, required=True)
    attachments = Constant([])
    url = Constant(None, kind="string")
    redacted = Constant(value=False)


class EmptySourceSchema(Output):
    """The source of a conversation that began with a form."""

    type = Constant("conversation")
    id = Constant(None)
    delivered_as = Constant("admin_initiated")
    subject = Constant("")
    body = Constant("")


class Source(fields.Dict):
    """``SourceSchema``, or ``EmptySourceSchema`` where no message began the conversation."""

    _BY_MESSAGE, _EMPTY = SourceSchema(), EmptySourceSchema()

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> Any:
        return self._EMPTY.dump({}) if value is None else self._BY_MESSAGE.dump(value)


class ConversationContactSchema(Output):
    type = Constant("contact")
    id = fields.String(required=True, attribute="public_id")
    external_id = fields.String(required=True, allow_none=True)


class ConversationContactsSchema(Output):
    type = Constant("contact.list")
    contacts = fields.List(fields.Nested(ConversationContactSchema), required=True)


class TeammatesSchema(Output):
    type = Constant("admin.list")
    admins = fields.List(fields.Nested(AssigneeSchema), required=True, attribute="teammates", dump_only=True)
    teammates = fields.List(fields.Nested(AssigneeSchema), required=True)


class ConversationSchema(Output):
    """Dumps an ``api_views.Record``."""

    type = Constant("conversation")
    id = fields.String(required=True, attribute="conversation.id")
    created_at = UnixTime(required=True, attribute="conversation.created_at")
    updated_at = UnixTime(required=True, attribute="conversation.updated_at")
    open = fields.Boolean(required=True, attribute="is_open")
    state = fields.String(required=True, validate=validate.OneOf(["open", "closed"]))
    read = fields.Boolean(required=True, attribute="is_read")
    title = Constant(None, kind="string")
    waiting_since = Constant(None, kind="integer")
    snoozed_until = Constant(None, kind="integer")
    priority = Constant("none", choices=PRIORITIES)
    tags = Constant({"type": "tag.list", "tags": []})
    custom_attributes = fields.Dict(required=True, attribute="conversation.custom_attributes")
    admin_assignee_id = fields.Integer(
        attribute="conversation.assignee_id", metadata={"description": "left out while no one is assigned"}
    )
    source = Source(required=True, attribute="first", allow_none=True)
    contacts = Itself(ConversationContactsSchema, required=True)
    teammates = Itself(TeammatesSchema, required=True)
    conversation_parts = fields.Nested(PartListSchema, attribute="thread", metadata={"description": "not in lists"})


class ConversationListSchema(PagedListSchema):
    type = Constant("conversation.list")
    conversations = fields.List(fields.Nested(ConversationSchema), required=True, attribute="data")
