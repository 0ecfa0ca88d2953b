"""The queries of saved segments."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import filters
from app.core.contacts.filters import Query
from app.models import Segment


def queries(session: Session, public_ids: Iterable[str]) -> dict[str, Query]:
    """The queries of these segments, by public id. Unknown ids are left out."""
    wanted = set(public_ids)
    if not wanted:
        return {}
    found = session.scalars(select(Segment).where(Segment.public_id.in_(wanted)))
    return {segment.public_id: filters.read(segment.query) for segment in found}
