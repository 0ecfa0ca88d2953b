"""Segments: saved queries. Their contacts are not stored but found each time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.contacts import exact_counts, filters, segment_counts, segment_uses
from app.core.contacts import search as contact_search
from app.core.contacts.exact_counts import Counted
from app.core.errors import InvalidInput, NotFound
from app.core.signing import is_public_id, random_public_id
from app.models import Segment

NAME_MAX = 120
SEGMENTS_MAX = 500


def create(session: Session, name: str, query: object, *, actor: str, at: datetime) -> Segment:
    """:raises InvalidInput: the name or the query is invalid; it filters by segments; there are too many segments"""
    if len(find_all(session)) >= SEGMENTS_MAX:
        raise InvalidInput("There are %(most)s segments already. Delete one first.", field="name", most=SEGMENTS_MAX)
    segment = Segment(
        public_id=random_public_id(),
        name=_name(name),
        query=_query(session, query),
        created_by=actor,
        created_at=at,
        updated_at=at,
    )
    session.add(segment)
    session.flush()
    audit.record(session, actor, "segment.created", f"segment:{segment.id}", {}, at=at)
    return segment


def change(
    session: Session, segment: Segment, *, name: str | None, query: object | None, actor: str, at: datetime
) -> None:
    """Change a segment; a null ``name`` or ``query`` stays as it is. Campaigns to it have to be approved again.

    :raises InvalidInput: as ``create``
    """
    if name is not None:
        segment.name = _name(name)
    if query is not None and (new := _query(session, query)) != segment.query:
        segment.query = new
        segment_counts.forget(segment)
        segment_uses.end_approvals(session, segment, actor=actor, at=at)
    segment.updated_at = at
    audit.record(session, actor, "segment.changed", f"segment:{segment.id}", {}, at=at)
    session.flush()


def delete(session: Session, segment: Segment, *, actor: str, at: datetime) -> None:
    """:raises InvalidState: something needs the segment (``segment_uses.py``)"""
    segment_uses.refuse_if_needed(session, segment)
    session.delete(segment)
    audit.record(session, actor, "segment.deleted", f"segment:{segment.id}", {}, at=at)
    session.flush()


def find(session: Session, public_id: str) -> Segment:
    """:raises NotFound: there is no such segment"""
    query = select(Segment).where(Segment.public_id == public_id)
    segment = session.scalars(query).one_or_none() if is_public_id(public_id) else None
    if segment is None:
        raise NotFound("Resource Not Found")
    return segment


def find_all(session: Session) -> list[Segment]:
    """Every segment, by name."""
    return list(session.scalars(select(Segment).order_by(Segment.name, Segment.id)))


def of_contact(session: Session, contact_id: int) -> list[Segment]:
    """The segments that a contact is in now, by name."""
    found = find_all(session)
    results = contact_search.which(session, [filters.read(each.query) for each in found], contact_id)
    return [each for each, is_in in zip(found, results, strict=True) if is_in]


def count(session: Session, segment: Segment) -> Counted:
    """How many contacts are in it now: exactly for one subscription filter, else up to a limit."""
    return exact_counts.count(session, filters.read(segment.query))


def _name(typed: str) -> str:
    if not (name := " ".join(typed.split())) or len(name) > NAME_MAX:
        raise InvalidInput("Give the segment a name of at most %(most)s characters.", field="name", most=NAME_MAX)
    return name


def _query(session: Session, raw: object) -> dict[str, Any]:
    query = filters.read(raw)
    if filters.segments_in(query):
        raise InvalidInput("The filter of a segment cannot use segments.", field="query")
    contact_search.check(session, query)
    if not isinstance(raw, Mapping):
        raise InvalidInput("Add a filter.", field="query")
    return dict(raw)
