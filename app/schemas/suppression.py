"""Schemas of suppressions: numbers that must not be texted."""

from marshmallow import fields, validate

from app.models import SuppressionCause
from app.schemas.fields import Constant, Input, Output, Text, UnixTime
from app.schemas.paging import PagedListSchema, PagingSchema, PhoneInQuery

_CAUSE = validate.OneOf([cause.value for cause in SuppressionCause])
SUPPRESSION_COLUMNS = ("phone_hash", "phone", "cause", "note", "created_at")


class NewSuppressionSchema(Input):
    phone = Text(most=64, required=True, metadata={"description": "with + and the country code"})
    note = Text(most=4000, required=True, metadata={"description": "why"})


class SuppressionSchema(Output):
    """Dumps a ``models.Suppression``. ``phone`` is null once it was erased."""

    type = Constant("suppression")
    id = fields.String(required=True, attribute="phone_hash")
    phone = fields.String(required=True, allow_none=True)
    cause = fields.String(required=True, validate=_CAUSE)
    note = fields.String(required=True)
    since = UnixTime(required=True, attribute="created_at")


class LiftedSuppressionSchema(SuppressionSchema):
    lifted = Constant(value=True)


class DecisionSchema(Input):
    decision = fields.String(
        required=True,
        validate=validate.OneOf(["keep", "release"]),
        metadata={"description": "`keep`: no texts, as if the number's holder had asked for it; `release`: lift it"},
    )
    note = Text(most=4000, required=True, metadata={"description": "why"})


class ResolvedSuppressionSchema(SuppressionSchema):
    lifted = fields.Boolean(required=True)


class SuppressionListSchema(PagedListSchema):
    data = fields.List(fields.Nested(SuppressionSchema), required=True)


class SuppressionPagingSchema(PagingSchema):
    phone = PhoneInQuery(most=64, load_default=None, metadata={"description": "only this number's"})
    cause = fields.String(
        load_default=None,
        validate=_CAUSE,
        metadata={"description": "only those with this cause, such as `review`: they wait for a decision"},
    )
