"""Segments: saved queries."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import segments
from app.core.contacts import views as contact_views
from app.core.contacts.search import COUNTED_MAX
from app.models import Segment
from app.schemas.workspace import (
    ChangedSegmentSchema,
    ContactSegmentsSchema,
    NewSegmentSchema,
    SegmentDeletedSchema,
    SegmentListSchema,
    SegmentQuerySchema,
    SegmentSchema,
    segment_body,
)
from app.web.api import auth as callers
from app.web.api.blueprint import Room
from app.web.api.responses import Body, polled, written

room = Room("segments", __name__, url_prefix="/api", description="Saved queries for contacts.")


@room.call("GET", "/segments", SegmentListSchema, query=SegmentQuerySchema)
def list_segments(wanted: dict[str, Any]) -> Response:
    """List every segment, by name.

    With `include_count=true` the members of each are counted, up to 10,000 (`count_is_minimum`).
    """
    session = callers.looking()
    data = [_body(session, each, has_count=wanted["include_count"]) for each in segments.find_all(session)]
    return polled({"type": "segment.list", "segments": data, "pages": {}})


@room.call("POST", "/segments", SegmentSchema, body=NewSegmentSchema, errors=(409,))
def create_segment(asked: dict[str, Any]) -> Response:
    """Save a query as a segment. It may ask about anything but segments."""

    def act(session: Session) -> Body:
        actor = callers.current().actor
        return segment_body(segments.create(session, asked["name"], asked["query"], actor=actor, at=clock.now()))

    return written(act)


@room.call("GET", "/segments/<segment_id>", SegmentSchema, query=SegmentQuerySchema, errors=(404,))
def find_segment(wanted: dict[str, Any], segment_id: str) -> Response:
    """Find a segment by its id."""
    session = callers.looking()
    found = segments.find(session, segment_id)
    return polled(_body(session, found, has_count=wanted["include_count"]))


@room.call("PUT", "/segments/<segment_id>", SegmentSchema, body=ChangedSegmentSchema, errors=(404,))
def update_segment(asked: dict[str, Any], segment_id: str) -> Response:
    """Change a segment's name or query."""

    def act(session: Session) -> Body:
        found = segments.find(session, segment_id)
        actor = callers.current().actor
        segments.change(session, found, name=asked["name"], query=asked["query"], actor=actor, at=clock.now())
        return segment_body(found)

    return written(act)


@room.call("DELETE", "/segments/<segment_id>", SegmentDeletedSchema, errors=(404,))
def delete_segment(segment_id: str) -> Response:
    """Delete a segment; contacts are untouched."""

    def act(session: Session) -> Body:
        segments.delete(session, segments.find(session, segment_id), actor=callers.current().actor, at=clock.now())
        return {"type": "segment", "id": segment_id, "deleted": True}

    return written(act)


@room.call("GET", "/contacts/<contact_id>/segments", ContactSegmentsSchema, errors=(404, 410))
def list_segments_of_contact(contact_id: str) -> Response:
    """List the segments that a contact is in now."""
    session = callers.looking()
    view = contact_views.find(session, contact_id)
    return polled({"type": "list", "data": [segment_body(each) for each in segments.of_contact(session, view.row.id)]})


def _body(session: Session, segment: Segment, *, has_count: bool) -> Body:
    if not has_count:
        return segment_body(segment)
    count = segments.count(session, segment)
    return segment_body(segment, count, is_minimum=count >= COUNTED_MAX)
