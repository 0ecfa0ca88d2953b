"""Schemas of the workspace's policy: what the settings pages set."""

from marshmallow import fields

from app.schemas.fields import Change, ClearableText, Constant, Id, Output, Text, UnixTime, YesOrNo

_QUIET_HOURS = {"description": '`{"rules": "standard"}` and own hours `start`, `end`, `days`, `holidays`, `closed`'}
_CAP = {"description": '`{"messages": 3, "hours": 24}` for one number; null: no limit'}
_PRICES = {"description": "country to the price of one segment in millionths of `currency`"}
_SITE_TYPE = {"description": "what `sms_optin` of a page or of Insider's calls opts in to; null: nothing"}
_GREETING = {"description": "language to the first message that people read"}
_CONFIRMATIONS = {"description": "how many confirmation texts are sent; null: the defaults"}
_OFFICE_HOURS = {
    "description": '`{"mon": ["09:00", "17:00"]}`, in `time_zone`; a day that is left out is closed; null: always open'
}
_ENDS_AT = {"description": "until when the identity secret before the last renewal is accepted, too"}


class WorkspacePolicySchema(Output):
    """Dumps a ``models.Workspace``."""

    type = Constant("workspace")
    public_key = fields.String(required=True, attribute="messenger_key")
    name = fields.String(required=True)
    time_zone = fields.String(required=True)
    default_country = fields.String(required=True, allow_none=True)
    allowed_countries = fields.List(fields.String(), required=True)
    allowed_origins = fields.List(fields.String(), required=True)
    privacy_url = fields.String(required=True)
    terms_url = fields.String(required=True)
    help_contact = fields.String(required=True)
    stop_scope = fields.String(required=True)
    quiet_hours = fields.Dict(required=True, allow_none=True, metadata=_QUIET_HOURS)
    frequency_cap = fields.Dict(required=True, allow_none=True, metadata=_CAP)
    texts_per_second = fields.Integer(required=True)
    approval_above = fields.Integer(required=True, allow_none=True)
    currency = fields.String(required=True)
    text_prices = fields.Dict(required=True, metadata=_PRICES)
    sending_stopped_at = UnixTime(required=True, allow_none=True)
    site_subscription_type_id = fields.String(required=True, allow_none=True, metadata=_SITE_TYPE)
    accent_color = fields.String(required=True)
    messenger_office_name = fields.String(required=True)
    messenger_accent_color = fields.String(required=True)
    messenger_greeting = fields.Dict(required=True, metadata=_GREETING)
    submissions_per_address = fields.Integer(required=True)
    submissions_per_number = fields.Integer(required=True)
    api_calls_per_minute = fields.Integer(required=True)
    agents_write_legal_text = fields.Boolean(required=True)
    erasure_requests = fields.Boolean(required=True)
    erasure_due_days = fields.Integer(required=True)
    evidence_retention_years = fields.Integer(required=True)
    confirmation_limits = fields.Dict(required=True, allow_none=True, metadata=_CONFIRMATIONS)
    controller_name = fields.String(required=True)
    controller_address = fields.String(required=True)
    controller_contact = fields.String(required=True)
    jurisdiction = fields.String(required=True)
    storage_location = fields.String(required=True)
    purpose = fields.String(required=True)
    recipients = fields.List(fields.String(), required=True)
    office_hours = fields.Dict(required=True, allow_none=True, metadata=_OFFICE_HOURS)
    bot_pause_hours = fields.Integer(required=True)
    previous_secret_ends_at = UnixTime(required=True, allow_none=True, metadata=_ENDS_AT)
    updated_at = UnixTime(required=True)


class ChangedWorkspaceSchema(Change):
    """What is left out stays as it is."""

    name = Text(most=120)
    time_zone = Text(most=64)
    default_country = Text(most=2, allow_none=True)
    allowed_countries = fields.List(Text(most=2))
    allowed_origins = fields.List(Text(most=500))
    privacy_url = ClearableText(most=500)
    terms_url = ClearableText(most=500)
    help_contact = ClearableText(most=254)
    stop_scope = Text(most=12)
    quiet_hours = fields.Dict(allow_none=True, metadata=_QUIET_HOURS)
    frequency_cap = fields.Dict(allow_none=True, metadata=_CAP)
    texts_per_second = fields.Integer(strict=True)
    approval_above = fields.Integer(strict=True, allow_none=True)
    currency = Text(most=3)
    text_prices = fields.Dict(metadata=_PRICES)
    site_subscription_type_id = Id(allow_none=True, metadata=_SITE_TYPE)
    accent_color = Text(most=7)
    messenger_office_name = ClearableText(most=120)
    messenger_accent_color = ClearableText(most=7)
    messenger_greeting = fields.Dict(values=Text(most=1000), metadata=_GREETING)
    submissions_per_address = fields.Integer(strict=True)
    submissions_per_number = fields.Integer(strict=True)
    api_calls_per_minute = fields.Integer(strict=True)
    agents_write_legal_text = YesOrNo()
    erasure_requests = YesOrNo()
    erasure_due_days = fields.Integer(strict=True)
    evidence_retention_years = fields.Integer(strict=True)
    confirmation_limits = fields.Dict(allow_none=True, metadata=_CONFIRMATIONS)
    controller_name = ClearableText(most=120)
    controller_address = ClearableText(most=1000)
    controller_contact = ClearableText(most=200)
    jurisdiction = ClearableText(most=200)
    storage_location = ClearableText(most=200)
    purpose = ClearableText(most=1000)
    recipients = fields.List(Text(most=200))
    office_hours = fields.Dict(allow_none=True, metadata=_OFFICE_HOURS)
    bot_pause_hours = fields.Integer(strict=True)


class IdentitySecretSchema(Output):
    shown_once = ("identity_secret",)
    type = Constant("identity_secret")
    identity_secret = fields.String(metadata={"description": "only in the first answer"})
    previous_secret_ends_at = UnixTime(required=True, allow_none=True, metadata=_ENDS_AT)
