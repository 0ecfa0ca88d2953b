"""Conversations on the wire, as Intercom has them, with the forms in them beside."""

import html
from typing import Any

from marshmallow import Schema, fields, validate

from app.schemas.fields import Id, Input, PagesSchema, PagingSchema, Text, TextOrNumber, const, seconds
from app.schemas.form import InsertedFormSchema
from app.schemas.message_text import Written

_PART_TYPES = {"closed": "close", "reopened": "open", "unassigned": "assignment"}


def conversation_body(record: Any, *, home: str, is_plain: bool, has_parts: bool) -> dict[str, Any]:
    """A conversation. ``body`` is HTML, as Intercom's: the text escaped, ``<br>`` between lines.

    :param record: a ``conversation_records.Record``
    :param home: where people reach this server
    :param is_plain: texts as they were written instead
    """
    conversation, contact = record.conversation, record.contact
    body: dict[str, Any] = {
        "type": "conversation",
        "id": str(conversation.id),
        "title": None,
        "created_at": seconds(conversation.created_at),
        "updated_at": seconds(conversation.updated_at),
        "waiting_since": None,
        "snoozed_until": None,
        "open": conversation.state == "open",
        "state": conversation.state,
        "read": record.is_read,
        "priority": "none",
        "tags": {"type": "tag.list", "tags": []},
        "source": _source(record.first, is_plain=is_plain),
        "contacts": {
            "type": "contact.list",
            "contacts": [{"type": "contact", "id": contact.public_id, "external_id": contact.external_id}],
        },
        "teammates": {"type": "admin.list", "teammates": []},
        "custom_attributes": {},
    }
    if conversation.assignee_id is not None:
        body["admin_assignee_id"] = conversation.assignee_id
        body["teammates"]["teammates"] = [{"type": "admin", "id": str(conversation.assignee_id)}]
    if has_parts:
        parts = [_part(each, conversation.state, home=home, is_plain=is_plain) for each in record.parts]
        body["conversation_parts"] = {
            "type": "conversation_part.list",
            "conversation_parts": parts,
            "total_count": record.parts_total,
        }
    return body


def message_body(message: Any, kind: str) -> dict[str, Any]:
    """A message that was just said. :param kind: ``user_message`` or ``admin_message``"""
    return {
        "type": kind,
        "id": str(message.id),
        "created_at": seconds(message.created_at),
        "subject": "",
        "body": message.body,
        "message_type": "inapp",
        "conversation_id": str(message.conversation_id),
    }


def _source(first: Any, *, is_plain: bool) -> dict[str, Any]:
    if first is None:
        return {"type": "conversation", "id": None, "delivered_as": "admin_initiated", "subject": "", "body": ""}
    is_theirs = first.author.kind in {"user", "lead"}
    return {
        "type": "conversation",
        "id": str(first.message.id),
        "delivered_as": "customer_initiated" if is_theirs else "admin_initiated",
        "subject": "",
        "body": _text(first.message.body, is_plain=is_plain),
        "author": _author(first.author),
        "attachments": [],
        "url": None,
        "redacted": False,
    }


def _part(part: Any, state: str, *, home: str, is_plain: bool) -> dict[str, Any]:
    message, at = part.message, seconds(part.message.created_at)
    is_event = message.kind == "event"
    kind = {"note": "note", "message": "comment", "form": "comment"}.get(message.kind, "")
    body: dict[str, Any] = {
        "type": "conversation_part",
        "id": str(message.id),
        "part_type": _PART_TYPES.get(message.body, "assignment") if is_event else kind,
        "body": None if is_event else _text(message.body, is_plain=is_plain),
        "created_at": at,
        "updated_at": at,
        "notified_at": at,
        "author": _author(part.author),
        "attachments": [],
        "external_id": None,
        "redacted": False,
        "state": state,
    }
    if is_event and message.body.startswith("assigned:"):
        body["assigned_to"] = {"type": "admin", "id": message.body.partition(":")[2]}
    if part.form is not None:
        body["form"] = card_body(part.form, home=home)
    return body


def card_body(card: Any, *, home: str) -> dict[str, Any]:
    """An inserted form as it stands in a conversation."""
    return {
        "type": "inserted_form",
        "id": str(card.inserted_form_id),
        "form_id": str(card.form_id),
        "embed_url": f"{home}/f/{card.token}",
        "state": card.state.value,
        "title": card.title,
        "seen_at": seconds(card.seen_at),
        "answered_at": seconds(card.answered_at),
        "expires_at": seconds(card.expires_at),
    }


def _author(author: Any) -> dict[str, Any]:
    body = {"type": author.kind, "id": author.id, "name": author.name}
    return body | ({"email": author.email} if author.email else {})


def _text(body: str, *, is_plain: bool) -> str:
    return body if is_plain else html.escape(body, quote=False).replace("\n", "<br>")


class ReferenceSchema(Input):
    """Somebody, by one of these."""

    type = fields.String(required=True, validate=validate.OneOf(["user", "lead", "contact", "admin"]))
    id = Id(load_default=None, metadata={"type": ["string", "integer"]})
    user_id = TextOrNumber(
        most=255,
        load_default=None,
        metadata={"type": ["string", "integer"], "description": "a contact's external id"},
    )
    email = Text(most=254, load_default=None)


class NewConversationSchema(Input):
    from_ = fields.Nested(ReferenceSchema, required=True, data_key="from")
    body = Written(required=True)


class ReplySchema(Input):
    """``type`` user: by ``intercom_user_id``, ``user_id`` or ``email``; ``type`` admin: by ``admin_id``."""

    message_type = fields.String(required=True, validate=validate.OneOf(["comment", "note", "quick_reply"]))
    type = fields.String(required=True, validate=validate.OneOf(["user", "lead", "contact", "admin"]))
    body = Written(required=True)
    admin_id = Id(load_default=None, metadata={"type": ["string", "integer"]})
    intercom_user_id = TextOrNumber(most=100, load_default=None, metadata={"type": ["string", "integer"]})
    user_id = TextOrNumber(most=255, load_default=None, metadata={"type": ["string", "integer"]})
    email = Text(most=254, load_default=None)


class ManageSchema(Input):
    """A step, by whom, and to whom it is assigned (``0``: to nobody)."""

    message_type = fields.String(required=True, validate=validate.OneOf(["close", "open", "assignment", "snoozed"]))
    admin_id = Id(required=True, metadata={"type": ["string", "integer"]})
    assignee_id = Id(load_default=None, metadata={"type": ["string", "integer"]})
    body = Written(load_default=None, metadata={"description": "what the admin says to the contact before"})


class OneOrMany(fields.Nested):
    """One object, or a list that holds one."""

    def deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        return super().deserialize(
            value[0] if isinstance(value, list) and len(value) == 1 else value, *arguments, **more
        )


class NewMessageSchema(Input):
    """Of the other kinds nothing is read but the kind: their shapes differ, and none can be sent."""

    message_type = fields.String(
        required=True, validate=validate.OneOf(["inapp", "in_app", "sms", "email", "whatsapp"])
    )
    body = Written(required=True)
    from_ = fields.Nested(ReferenceSchema, required=True, data_key="from")
    to = OneOrMany(ReferenceSchema, required=True)

    def load(self, data: Any, **more: Any) -> Any:
        if isinstance(data, dict) and data.get("message_type") in ("sms", "email", "whatsapp"):
            return {"message_type": data["message_type"]}
        return super().load(data, **more)


class MessageSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["user_message", "admin_message"]))
    id = fields.String(required=True)
    created_at = fields.Integer(required=True)
    subject = fields.String(required=True)
    body = fields.String(required=True)
    message_type = fields.String(required=True)
    conversation_id = fields.String(required=True)


class AuthorSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["user", "lead", "admin", "bot"]))
    id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    email = fields.String()


class CardSchema(Schema):
    type = const("inserted_form")
    id = fields.String(required=True)
    form_id = fields.String(required=True)
    embed_url = fields.String(required=True)
    state = InsertedFormSchema().fields["state"]
    title = fields.String(required=True)
    seen_at = fields.Integer(required=True, allow_none=True)
    answered_at = fields.Integer(required=True, allow_none=True)
    expires_at = fields.Integer(required=True)


class PartSchema(Schema):
    type = const("conversation_part")
    id = fields.String(required=True)
    part_type = fields.String(
        required=True, validate=validate.OneOf(["comment", "note", "assignment", "close", "open"])
    )
    body = fields.String(required=True, allow_none=True)
    created_at = fields.Integer(required=True)
    updated_at = fields.Integer(required=True)
    author = fields.Nested(AuthorSchema, required=True)
    notified_at = fields.Integer(required=True)
    attachments = fields.List(fields.Dict(), required=True)
    external_id = fields.String(required=True, allow_none=True)
    redacted = fields.Boolean(required=True)
    state = fields.String(required=True)
    assigned_to = fields.Dict()
    form = fields.Nested(CardSchema, metadata={"description": "the form that was inserted here"})


class PartListSchema(Schema):
    type = const("conversation_part.list")
    conversation_parts = fields.List(fields.Nested(PartSchema), required=True)
    total_count = fields.Integer(required=True)


class ConversationSchema(Schema):
    type = const("conversation")
    id = fields.String(required=True)
    created_at = fields.Integer(required=True)
    updated_at = fields.Integer(required=True)
    open = fields.Boolean(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["open", "closed"]))
    read = fields.Boolean(required=True)
    title = fields.String(required=True, allow_none=True)
    waiting_since = fields.Integer(required=True, allow_none=True)
    snoozed_until = fields.Integer(required=True, allow_none=True)
    priority = fields.String(required=True)
    tags = fields.Dict(required=True)
    custom_attributes = fields.Dict(required=True)
    admin_assignee_id = fields.Integer(metadata={"description": "left out while it is nobody's"})
    source = fields.Dict(required=True)
    contacts = fields.Dict(required=True)
    teammates = fields.Dict(required=True)
    conversation_parts = fields.Nested(PartListSchema, metadata={"description": "not in lists"})


class ConversationListSchema(Schema):
    type = const("conversation.list")
    conversations = fields.List(fields.Nested(ConversationSchema), required=True)
    total_count = fields.Integer(required=True)
    total_count_is_minimum = fields.Boolean(required=True)
    pages = fields.Nested(PagesSchema, required=True)


class ConversationQuerySchema(Input):
    display_as = fields.String(load_default=None, metadata={"description": "`plaintext` for texts without HTML"})


class ConversationPagingSchema(PagingSchema):
    display_as = fields.String(load_default=None)
