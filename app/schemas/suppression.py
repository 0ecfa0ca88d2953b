"""Schemas of suppressions: numbers that must not be texted."""

from marshmallow import fields, validate

from app.models import SuppressionCause
from app.schemas.fields import Constant, Input, Output, PagedListSchema, PagingSchema, Text, UnixTime


class NewSuppressionSchema(Input):
    phone = Text(most=64, required=True, metadata={"description": "with + and the country code"})
    note = Text(most=4000, required=True, metadata={"description": "why"})


class SuppressionSchema(Output):
    """Dumps a ``models.Suppression``. ``phone`` is null once it was erased."""

    type = Constant("suppression")
    id = fields.String(required=True, attribute="phone_hash")
    phone = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True, validate=validate.OneOf([cause.value for cause in SuppressionCause]))
    note = fields.String(required=True)
    since = UnixTime(required=True, attribute="created_at")


class LiftedSuppressionSchema(SuppressionSchema):
    lifted = Constant(value=True)


class SuppressionListSchema(PagedListSchema):
    data = fields.List(fields.Nested(SuppressionSchema), required=True)


class SuppressionPagingSchema(PagingSchema):
    phone = Text(most=64, load_default=None, metadata={"description": "only this number's"})
