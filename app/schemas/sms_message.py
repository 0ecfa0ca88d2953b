"""Schemas of texts: single messages by SMS, in and out."""

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from app.models import Direction, Purpose, SmsState
from app.schemas.fields import Constant, Output, Text, UnixTime
from app.schemas.paging import PagedListSchema, PagingSchema, PhoneInQuery


@dataclass(frozen=True)
class ShownText:
    """A text, with the public id of its contact. ``message`` is a ``models.SmsMessage``."""

    message: Any
    contact: str | None

    @property
    def body(self) -> str | None:
        """The words; null for a code, which only the holder of the number may see."""
        return None if self.message.purpose == Purpose.CODE else self.message.body


class SmsMessageSchema(Output):
    """Dumps a ``ShownText``. ``phone`` and ``body`` are null once they were erased."""

    type = Constant("sms_message")
    id = fields.String(required=True, attribute="message.id")
    direction = fields.String(
        required=True, attribute="message.direction", validate=validate.OneOf([each.value for each in Direction])
    )
    purpose = fields.String(
        required=True,
        allow_none=True,
        attribute="message.purpose",
        validate=validate.OneOf([*(each.value for each in Purpose), None]),
        metadata={"description": "what it is for; null: inbound"},
    )
    state = fields.String(
        required=True, attribute="message.state", validate=validate.OneOf([each.value for each in SmsState])
    )
    reason = fields.String(
        required=True,
        allow_none=True,
        attribute="message.reason",
        metadata={"description": "why it was skipped or waits, such as `suppressed` or `quiet_hours`"},
    )
    error_code = fields.String(
        required=True, allow_none=True, attribute="message.error_code", metadata={"description": "the gateway’s"}
    )
    phone = fields.String(required=True, allow_none=True, attribute="message.phone")
    sender = fields.String(
        required=True, allow_none=True, attribute="message.sender", metadata={"description": "our number or name"}
    )
    body = fields.String(
        required=True, allow_none=True, metadata={"description": "null once it was erased, and for a code"}
    )
    segments = fields.Integer(required=True, attribute="message.segments")
    encoding = fields.String(
        required=True,
        allow_none=True,
        attribute="message.encoding",
        validate=validate.OneOf(["gsm7", "ucs2", None]),
    )
    contact_id = fields.String(required=True, allow_none=True, attribute="contact")
    subscription_type_id = fields.String(required=True, allow_none=True, attribute="message.subscription_type_id")
    campaign_id = fields.String(required=True, allow_none=True, attribute="message.campaign_id")
    conversation_id = fields.String(required=True, allow_none=True, attribute="message.conversation_id")
    created_at = UnixTime(required=True, attribute="message.created_at")
    due_at = UnixTime(required=True, allow_none=True, attribute="message.due_at")
    sent_at = UnixTime(required=True, allow_none=True, attribute="message.sent_at")
    ended_at = UnixTime(
        required=True,
        allow_none=True,
        attribute="message.ended_at",
        metadata={"description": "when it was delivered, failed or skipped"},
    )


class SmsMessageListSchema(PagedListSchema):
    data = fields.List(fields.Nested(SmsMessageSchema), required=True)


class SmsMessagePagingSchema(PagingSchema):
    phone = PhoneInQuery(
        most=64, load_default=None, metadata={"description": "only this number’s, with + and country code"}
    )
    contact_id = Text(most=24, load_default=None, metadata={"description": "only this contact’s"})
