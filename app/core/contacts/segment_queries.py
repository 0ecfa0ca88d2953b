"""The queries of saved segments."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import filters
from app.core.contacts.filters import Query
from app.db import ReadConnection, run
from app.models import Segment


def queries(session: Session | ReadConnection, public_ids: Iterable[str]) -> dict[str, Query]:
    """The queries of these segments, by public id. Unknown ids are left out."""
    wanted = set(public_ids)
    if not wanted:
        return {}
    found = run(session, select(Segment.public_id, Segment.query).where(Segment.public_id.in_(wanted)))
    return {segment.public_id: filters.read(segment.query) for segment in found}
