"""Schemas of the sandbox: a text from one of its phones."""

from marshmallow import fields

from app.schemas.fields import Constant, Input, Output, Text, UnixTime


class SandboxTextSchema(Input):
    from_ = Text(most=40, required=True, data_key="from", metadata={"description": "with + and the country code"})
    text = Text(most=1600, required=True, metadata={"description": "what the person texts, such as `STOP`"})


class ReceivedTextSchema(Output):
    """Dumps a ``models.SmsMessage`` that came in."""

    type = Constant("sms_message")
    id = fields.String(required=True)
    direction = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    body = fields.String(required=True, allow_none=True)
    state = fields.String(required=True)
    keyword = fields.String(
        required=True, allow_none=True, metadata={"description": "what it was read as; null: conversation"}
    )
    segments = fields.Integer(required=True)
    encoding = fields.String(required=True, allow_none=True)
    created_at = UnixTime(required=True)
