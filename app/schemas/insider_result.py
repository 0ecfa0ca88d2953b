"""Schemas of the answers of Insider's contract, and of its errors."""

from marshmallow import fields

from app.schemas.fields import Output


class InsiderCountSchema(Output):
    count = fields.Integer(required=True)


class InsiderFailSchema(InsiderCountSchema):
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "by the part at fault and the rule: `users.0.identifiers.required`"},
    )


class InsiderClaimsSchema(InsiderCountSchema):
    reasons = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "what was recorded and does not count, with why: `users.0.attributes.sms_optin`"},
    )


class InsiderOutcomeSchema(Output):
    successful = fields.Nested(InsiderCountSchema, required=True)
    fail = fields.Nested(InsiderFailSchema, required=True)
    claims = fields.Nested(InsiderClaimsSchema, required=True, metadata={"description": "of Assent, beside Insider's"})


class InsiderAnswerSchema(Output):
    data = fields.Nested(InsiderOutcomeSchema, required=True)


class InsiderErrorSchema(Output):
    error = fields.String(required=True)
