"""Schemas of campaigns, their recipients, and audiences."""

from marshmallow import fields, validate

from app.models import CampaignState, OptOutText, Outcome, SmsState
from app.schemas.contact import ContactSchema
from app.schemas.fields import Change, Constant, Count, Id, Input, Moment, Output, Text, UnixTime
from app.schemas.paging import PagedListSchema, PagingSchema

_BY_REASON = {"description": "how many, by the reason; see *Reasons*"}
_QUERY = {"description": "see *The query language*; without it and `segment_id`, every contact"}
_MICROS_MAX = 2**53
_OPT_OUT_TEXT = validate.OneOf([each.value for each in OptOutText])


def _by_reason() -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=_BY_REASON)


class AudienceInputSchema(Input):
    subscription_type_id = Id(required=True)
    segment_id = Id(load_default=None, allow_none=True)
    query = fields.Dict(load_default=None, allow_none=True, metadata=_QUERY)


class AudienceSchema(Output):
    type = Constant("audience")
    total = fields.Integer(required=True, metadata={"description": "`eligible` and all of `excluded`"})
    eligible = fields.Integer(required=True)
    excluded = _by_reason()
    sample = fields.List(
        fields.Nested(ContactSchema), required=True, metadata={"description": "some of those who are eligible"}
    )


class CampaignCountsSchema(Output):
    """The audience when the campaign was sent, and what became of each recipient."""

    total = fields.Integer(required=True)
    eligible = fields.Integer(required=True)
    excluded = _by_reason()
    queued = fields.Integer(required=True)
    deferred = fields.Integer(required=True, metadata={"description": "wait for the end of quiet hours, or of a cap"})
    sent = fields.Integer(required=True)
    delivered = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    unknown_ = fields.Integer(  # a schema has an attribute ``unknown``
        required=True,
        data_key="unknown",
        attribute="unknown",
        metadata={"description": "may have been sent; not sent again by itself"},
    )
    canceled = fields.Integer(required=True)
    skipped = _by_reason()
    clicks = fields.Integer(
        required=True,
        metadata={"description": "how often its links were opened; not by how many people, which is not recorded"},
    )


class CampaignSchema(Output):
    """Dumps a ``campaigns.views.CampaignView``."""

    type = Constant("campaign")
    id = fields.String(required=True, attribute="campaign.id")
    name = fields.String(required=True, attribute="campaign.name")
    subscription_type_id = fields.String(required=True, attribute="campaign.subscription_type_id")
    body = fields.String(required=True, attribute="campaign.body")
    opt_out_text = fields.String(required=True, attribute="campaign.opt_out_text", validate=_OPT_OUT_TEXT)
    segment_id = fields.String(required=True, allow_none=True)
    query = fields.Dict(required=True, allow_none=True, metadata={"description": "null beside a `segment_id`"})
    state = fields.String(
        required=True,
        attribute="campaign.state",
        validate=validate.OneOf([each.value for each in CampaignState]),
    )
    pause_reason = fields.String(
        required=True,
        allow_none=True,
        attribute="campaign.pause_reason",
        metadata={"description": "`agent`, `approval`, `gateway`, `spend` or `stopped`"},
    )
    send_at = UnixTime(required=True, allow_none=True, attribute="campaign.send_at")
    segments = fields.Integer(
        required=True, attribute="packed.segments", metadata={"description": "of the whole text, without values"}
    )
    encoding = fields.String(required=True, attribute="packed.encoding", validate=validate.OneOf(["gsm7", "ucs2"]))
    price_ceiling_micros = fields.Integer(
        required=True,
        allow_none=True,
        attribute="campaign.price_ceiling_micros",
        metadata={"description": "in millionths of the workspace's currency; the campaign pauses there"},
    )
    spent_micros = fields.Integer(required=True, attribute="campaign.spent_micros")
    approved_at = UnixTime(required=True, allow_none=True, attribute="campaign.approved_at")
    counts = fields.Nested(CampaignCountsSchema, required=True)
    created_at = UnixTime(required=True, attribute="campaign.created_at")
    updated_at = UnixTime(required=True, attribute="campaign.updated_at")
    started_at = UnixTime(required=True, allow_none=True, attribute="campaign.started_at")
    finished_at = UnixTime(required=True, allow_none=True, attribute="campaign.finished_at")


class CampaignListSchema(PagedListSchema):
    data = fields.List(fields.Nested(CampaignSchema), required=True)


class NewCampaignSchema(Input):
    """At most one of ``segment_id`` and ``query``."""

    name = Text(most=1000, required=True)
    subscription_type_id = Id(required=True)
    body = Text(
        most=4000,
        required=True,
        metadata={"description": "variables are `{{ name | there }}`; how to opt out is appended to it"},
    )
    opt_out_text = fields.String(load_default=OptOutText.LINK.value, validate=_OPT_OUT_TEXT)
    segment_id = Id(load_default=None, allow_none=True)
    query = fields.Dict(load_default=None, allow_none=True, metadata=_QUERY)
    price_ceiling_micros = Count(least=1, most=_MICROS_MAX, load_default=None, allow_none=True)


class ChangedCampaignSchema(Change):
    """Only the given fields change. ``segment_id`` or ``query`` replaces the filter; null removes its own kind."""

    name = Text(most=1000)
    subscription_type_id = Id()
    body = Text(most=4000)
    opt_out_text = fields.String(validate=_OPT_OUT_TEXT)
    segment_id = Id(allow_none=True)
    query = fields.Dict(allow_none=True, metadata=_QUERY)
    price_ceiling_micros = Count(least=1, most=_MICROS_MAX, allow_none=True)


class ScheduleSchema(Input):
    send_at = Moment(required=True, metadata={"type": "integer", "description": "Unix seconds"})


class TestSchema(Input):
    __test__ = False  # not a test of pytest

    phone = Text(most=64, required=True)


class TestTextSchema(Output):
    """The text of a test: a ``models.SmsMessage``."""

    __test__ = False

    type = Constant("sms_message")
    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([each.value for each in SmsState]))
    phone = fields.String(required=True)
    body = fields.String(required=True)
    segments = fields.Integer(required=True)
    encoding = fields.String(required=True)


class RecipientSchema(Output):
    """Dumps a ``campaigns.outcomes.Recipient``."""

    type = Constant("campaign_recipient")
    contact_id = fields.String(required=True, attribute="contact_public_id")
    phone = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True, validate=validate.OneOf([each.value for each in Outcome]))
    reason = fields.String(required=True, allow_none=True)
    rule = fields.String(
        required=True, allow_none=True, metadata={"description": "the rule of quiet hours that defers it"}
    )
    due_at = UnixTime(required=True, allow_none=True)
    sms_message_id = fields.String(required=True, allow_none=True)
    error_code = fields.String(required=True, allow_none=True, metadata={"description": "the gateway's"})
    changed_at = UnixTime(required=True)


class RecipientListSchema(PagedListSchema):
    data = fields.List(fields.Nested(RecipientSchema), required=True)


class RecipientPagingSchema(PagingSchema):
    outcome = fields.String(load_default=None, validate=validate.OneOf([each.value for each in Outcome]))
    reason = Text(most=32, load_default=None)
