"""Schemas of agents, Intercom's ``admin``, and of the owner of a token."""

from marshmallow import fields

from app.schemas.fields import Constant, Output, UnixTime


class _AdminFields(Output):
    type = Constant("admin")
    id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    job_title = Constant("")
    away_mode_enabled = Constant(value=False)
    away_mode_reassign = Constant(value=False)
    has_inbox_seat = fields.Boolean(required=True, attribute="active")
    team_ids = Constant([])


class AdminSchema(_AdminFields):
    """Dumps a ``models.Agent``."""

    avatar = Constant(None, kind="object")


class AdminListSchema(Output):
    type = Constant("admin.list")
    admins = fields.List(fields.Nested(AdminSchema), required=True)


class WorkspaceSchema(Output):
    """Dumps the ``models.Workspace`` that a token belongs to, Intercom's ``app``."""

    type = Constant("app")
    id_code = fields.String(required=True, attribute="messenger_key")
    name = fields.String(required=True)
    created_at = UnixTime(required=True)
    secure = Constant(value=True)
    identity_verification = Constant(value=True)
    timezone = fields.String(required=True, attribute="time_zone")
    region = Constant("")


class MeSchema(_AdminFields):
    """The admin in whose name a token acts; where there is no admin yet, the token itself."""

    avatar = Constant({"type": "avatar", "image_url": None})
    email_verified = Constant(None, kind="boolean")
    app = fields.Nested(WorkspaceSchema, required=True)
