"""Schemas of segments."""

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from app.schemas.fields import Change, Constant, Input, ListSchema, Output, Text, UnixTime


@dataclass(frozen=True)
class CountedSegment:
    """A ``models.Segment``; ``count`` where it was requested, and whether counting stopped there."""

    segment: Any
    count: int | None = None
    count_is_minimum: bool | None = None


class SegmentSchema(Output):
    """Dumps a ``CountedSegment``."""

    type = Constant("segment")
    id = fields.String(required=True, attribute="segment.public_id")
    name = fields.String(required=True, attribute="segment.name")
    created_at = UnixTime(required=True, attribute="segment.created_at")
    updated_at = UnixTime(required=True, attribute="segment.updated_at")
    person_type = Constant("contact")
    query = fields.Dict(required=True, attribute="segment.query")
    count = fields.Integer(metadata={"description": "with `include_count=true`"})
    count_is_minimum = fields.Boolean(
        metadata={"description": "true where counting stopped: there are at least so many"}
    )


class SegmentListSchema(Output):
    type = Constant("segment.list")
    segments = fields.List(fields.Nested(SegmentSchema), required=True)
    pages = Constant({})


class ContactSegmentsSchema(ListSchema):
    data = fields.List(fields.Nested(SegmentSchema), required=True)


class SegmentQuerySchema(Input):
    include_count = fields.Boolean(load_default=False)


class SegmentListQuerySchema(SegmentQuerySchema):
    type = fields.String(
        load_default="contact",
        validate=validate.OneOf(["contact", "user", "company"]),
        metadata={"description": "there are no segments of companies"},
    )


class NewSegmentSchema(Input):
    name = Text(most=1000, required=True)
    query = fields.Dict(required=True, metadata={"description": "see *The query language*"})


class ChangedSegmentSchema(Change):
    name = Text(most=1000, load_default=None, allow_none=False)
    query = fields.Dict(load_default=None, allow_none=False)


class SegmentDeletedSchema(Output):
    type = Constant("segment")
    id = fields.String(required=True)
    deleted = Constant(value=True)
