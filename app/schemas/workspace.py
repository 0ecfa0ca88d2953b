"""Schemas of the workspace's policy: what the settings pages set."""

from marshmallow import fields

from app.schemas.fields import Constant, Input, Output, Text, UnixTime

_QUIET_HOURS = {"description": '`{"rules": "standard"}` and own hours `start`, `end`, `days`, `holidays`, `closed`'}
_CAP = {"description": '`{"messages": 3, "hours": 24}` for one number; null: no limit'}
_PRICES = {"description": "country to the price of one segment in millionths of `currency`"}


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
    updated_at = UnixTime(required=True)


class ChangedWorkspaceSchema(Input):
    """What is left out stays as it is."""

    name = Text(most=120)
    time_zone = Text(most=64)
    default_country = Text(most=2, allow_none=True)
    allowed_countries = fields.List(Text(most=2))
    allowed_origins = fields.List(Text(most=500))
    privacy_url = Text(most=500)
    terms_url = Text(most=500)
    help_contact = Text(most=254)
    stop_scope = Text(most=12)
    quiet_hours = fields.Dict(allow_none=True, metadata=_QUIET_HOURS)
    frequency_cap = fields.Dict(allow_none=True, metadata=_CAP)
    texts_per_second = fields.Integer(strict=True)
    approval_above = fields.Integer(strict=True, allow_none=True)
    currency = Text(most=3)
    text_prices = fields.Dict(metadata=_PRICES)
