"""How many contacts each segment has: counted by the worker, kept with the segment and shown with the time.

Counting may read every contact, so the list of segments never does it. The page of one segment counts for itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.core import leases
from app.core.contacts import exact_counts, filters
from app.core.errors import InvalidInput
from app.models import Segment

EVERY = timedelta(minutes=10)
_LEASE = EVERY - timedelta(seconds=1)


@dataclass(frozen=True)
class Claimed:
    """A segment that one worker counts now, with the filter that it had then."""

    segment_id: int
    query: object
    at: datetime


def is_due(session: Session, *, at: datetime) -> bool:
    """Whether a segment was not counted for ten minutes. Writes nothing."""
    return session.scalars(_due(at)).first() is not None


def claim(session: Session, *, at: datetime) -> Claimed | None:
    """Claim the segment whose count is the oldest, if it is due; null where none is."""
    segment = session.scalars(_due(at).with_for_update(skip_locked=True)).first()
    if segment is None:
        return None
    segment.count_claimed_at = at
    session.flush()
    return Claimed(segment.id, segment.query, at)


def count(session: Session, claimed: Claimed) -> int | None:
    """How many contacts match, exactly; null where the filter names what does not exist any more."""
    try:
        return exact_counts.exact(session, filters.read(claimed.query))
    except InvalidInput:
        return None


def record(session: Session, claimed: Claimed, counted: int | None) -> None:
    """Keep a count, or that there is none, unless the filter was changed meanwhile: then it is counted again soon."""
    ours = update(Segment).where(Segment.id == claimed.segment_id, Segment.count_claimed_at == claimed.at)
    session.execute(ours.values(contacts_count=counted, counted_at=None if counted is None else claimed.at))


def forget(segment: Segment) -> None:
    """The filter of a segment was changed: its count is of another one."""
    segment.contacts_count = segment.counted_at = segment.count_claimed_at = None


def _due(at: datetime) -> Select[Segment]:
    claimed_at = Segment.count_claimed_at
    free = select(Segment).where(leases.is_free(claimed_at, _LEASE, at=at))
    return free.order_by(claimed_at.is_not(None), claimed_at, Segment.id).limit(1)
