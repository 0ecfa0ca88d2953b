"""What belongs to the workspace on the wire: who works here, segments, suppressions."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.models import Agent, Segment, Suppression, Workspace
from app.schemas.fields import Input, PagesSchema, PagingSchema, Text, const, seconds


def admin_body(agent: Agent) -> dict[str, Any]:
    """Somebody who works here, Intercom's ``admin``."""
    return {
        "type": "admin",
        "id": str(agent.id),
        "name": agent.name,
        "email": agent.email,
        "job_title": "",
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "has_inbox_seat": agent.active,
        "team_ids": [],
        "avatar": None,
    }


def me_body(agent: Agent | None, token_name: str, workspace: Workspace) -> dict[str, Any]:
    """Whom a token acts for: who made it, and the workspace. A token of the command line acts for itself."""
    if agent is not None:
        body = admin_body(agent)
    else:
        body = {"type": "admin", "id": "0", "name": token_name, "email": "", "job_title": "", "team_ids": []}
        body |= {"away_mode_enabled": False, "away_mode_reassign": False, "has_inbox_seat": False}
    return body | {
        "avatar": {"type": "avatar", "image_url": None},
        "email_verified": None,
        "app": {
            "type": "app",
            "id_code": workspace.messenger_key,
            "name": workspace.name,
            "created_at": seconds(workspace.created_at),
            "secure": True,
            "identity_verification": True,
            "timezone": workspace.time_zone,
            "region": "",
        },
    }


def segment_body(segment: Segment, count: int | None = None, *, is_minimum: bool = False) -> dict[str, Any]:
    """A segment; ``count`` where it was asked for, and whether counting stopped there."""
    body = {
        "type": "segment",
        "id": segment.public_id,
        "name": segment.name,
        "created_at": seconds(segment.created_at),
        "updated_at": seconds(segment.updated_at),
        "person_type": "contact",
        "query": segment.query,
    }
    return body | ({"count": count, "count_is_minimum": is_minimum} if count is not None else {})


def suppression_body(suppression: Suppression) -> dict[str, Any]:
    """A number that must not be texted; ``phone`` is null once it was erased."""
    return {
        "type": "suppression",
        "id": suppression.phone_hash,
        "phone": suppression.phone,
        "cause": suppression.cause,
        "note": suppression.note,
        "since": seconds(suppression.created_at),
    }


class AdminSchema(Schema):
    type = const("admin")
    id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    job_title = fields.String(required=True)
    away_mode_enabled = fields.Boolean(required=True)
    away_mode_reassign = fields.Boolean(required=True)
    has_inbox_seat = fields.Boolean(required=True)
    team_ids = fields.List(fields.Integer(), required=True)
    avatar = fields.String(required=True, allow_none=True)


class AdminListSchema(Schema):
    type = const("admin.list")
    admins = fields.List(fields.Nested(AdminSchema), required=True)


class MeSchema(AdminSchema):
    avatar = fields.Dict(required=True)  # type: ignore[assignment]  # Intercom has it so
    email_verified = fields.Boolean(required=True, allow_none=True)
    app = fields.Dict(required=True)


class SegmentSchema(Schema):
    type = const("segment")
    id = fields.String(required=True)
    name = fields.String(required=True)
    created_at = fields.Integer(required=True)
    updated_at = fields.Integer(required=True)
    person_type = fields.String(required=True)
    query = fields.Dict(required=True)
    count = fields.Integer(metadata={"description": "with `include_count=true`"})
    count_is_minimum = fields.Boolean(
        metadata={"description": "true where counting stopped: there are at least so many"}
    )


class SegmentListSchema(Schema):
    type = const("segment.list")
    segments = fields.List(fields.Nested(SegmentSchema), required=True)
    pages = fields.Dict(required=True)


class ContactSegmentsSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(SegmentSchema), required=True)


class SegmentQuerySchema(Input):
    include_count = fields.Boolean(load_default=False)


class NewSegmentSchema(Input):
    name = Text(most=1000, required=True)
    query = fields.Dict(required=True, metadata={"description": "see *The query language*"})


class ChangedSegmentSchema(Input):
    name = Text(most=1000, load_default=None)
    query = fields.Dict(load_default=None)


class SegmentDeletedSchema(Schema):
    type = const("segment")
    id = fields.String(required=True)
    deleted = fields.Boolean(required=True)


class NewSuppressionSchema(Input):
    phone = Text(most=64, required=True, metadata={"description": "with + and the country code"})
    note = Text(most=4000, required=True, metadata={"description": "why"})


class SuppressionSchema(Schema):
    type = const("suppression")
    id = fields.String(required=True)
    phone = fields.String(required=True, allow_none=True)
    cause = fields.String(
        required=True, validate=validate.OneOf(["keyword", "preference_center", "carrier", "manual", "review"])
    )
    note = fields.String(required=True)
    since = fields.Integer(required=True)
    lifted = fields.Boolean()


class SuppressionListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(SuppressionSchema), required=True)
    total_count = fields.Integer(required=True)
    total_count_is_minimum = fields.Boolean(required=True)
    pages = fields.Nested(PagesSchema, required=True)


class SuppressionPagingSchema(PagingSchema):
    phone = Text(most=64, load_default=None, metadata={"description": "only this number's"})
