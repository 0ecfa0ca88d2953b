"""Segments: saved queries for contacts."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.contacts import segments, views
from app.models import Segment
from app.schemas.segment import (
    ChangedSegmentSchema,
    ContactSegmentsSchema,
    CountedSegment,
    NewSegmentSchema,
    SegmentDeletedSchema,
    SegmentListQuerySchema,
    SegmentListSchema,
    SegmentQuerySchema,
    SegmentSchema,
)
from app.web.api import auth, search_queue
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("segments", __name__, description="Saved queries for contacts.")


@blueprint.get("/segments")
@blueprint.arguments(SegmentListQuerySchema, location="query")
@blueprint.response(200, SegmentListSchema)
def list_segments(query: dict[str, Any]) -> dict[str, Any]:
    """List every segment, by name.

    With `include_count=true` the members of each are counted: exactly where the query is one filter by subscription,
    else up to 10,000 (`count_is_minimum`).
    """
    use_etag()
    if query["type"] == "company":
        return {"segments": []}
    with _turn(query):
        session = auth.read_session()
        found = [_value(session, each, has_count=query["include_count"]) for each in segments.find_all(session)]
    return {"segments": found}


@blueprint.post("/segments", errors=(409, 422))
@blueprint.arguments(NewSegmentSchema)
@blueprint.commit(SegmentSchema, creates=True)
def create_segment(session: Session, body: dict[str, Any]) -> CountedSegment:
    """Save a query as a segment.

    The query may not contain segments.
    """
    actor = auth.caller().actor
    return CountedSegment(segments.create(session, body["name"], body["query"], actor=actor, at=clock.now()))


@blueprint.get("/segments/<segment_id>", errors=(404,))
@blueprint.arguments(SegmentQuerySchema, location="query")
@blueprint.response(200, SegmentSchema)
def find_segment(query: dict[str, Any], segment_id: str) -> CountedSegment:
    """Find a segment by its id."""
    use_etag()
    with _turn(query):
        session = auth.read_session()
        return _value(session, segments.find(session, segment_id), has_count=query["include_count"])


def _current(session: Session, names: Collection[str], segment_id: str) -> CountedSegment:
    has_count = not {"count", "count_is_minimum"}.isdisjoint(names)
    return _value(session, segments.find(session, segment_id), has_count=has_count)


@blueprint.put("/segments/<segment_id>", errors=(404, 422))
@blueprint.arguments(ChangedSegmentSchema)
@blueprint.commit(SegmentSchema, current=_current)
def update_segment(session: Session, body: dict[str, Any], segment_id: str) -> CountedSegment:
    """Change a segment's name or query."""
    segment, actor = segments.find(session, segment_id), auth.caller().actor
    segments.change(session, segment, name=body["name"], query=body["query"], actor=actor, at=clock.now())
    return CountedSegment(segment)


@blueprint.delete("/segments/<segment_id>", errors=(404, 409))
@blueprint.commit(SegmentDeletedSchema)
def delete_segment(session: Session, segment_id: str) -> dict[str, Any]:
    """Delete a segment.

    Contacts do not change. `invalid_state`: a bulk job or campaign that has not ended uses it.
    """
    segments.delete(session, segments.find(session, segment_id), actor=auth.caller().actor, at=clock.now())
    return {"id": segment_id}


@blueprint.get("/contacts/<contact_id>/segments", errors=(404, 410))
@blueprint.response(200, ContactSegmentsSchema)
def list_segments_of_contact(contact_id: str) -> dict[str, Any]:
    """List the segments that a contact is in now."""
    use_etag()
    with search_queue.turn():
        session = auth.read_session()
        view = views.find(session, contact_id)
        return {"data": [CountedSegment(each) for each in segments.of_contact(session, view.row.id)]}


def _turn(query: dict[str, Any]) -> AbstractContextManager[None]:
    return search_queue.turn() if query["include_count"] else nullcontext()


def _value(session: Session, segment: Segment, *, has_count: bool) -> CountedSegment:
    if not has_count:
        return CountedSegment(segment)
    counted = segments.count(session, segment)
    return CountedSegment(segment, counted.number, counted.is_minimum)
