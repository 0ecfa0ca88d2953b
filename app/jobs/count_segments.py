"""Counts the contacts of segments, for the list of segments."""

import time

from app.core import clock
from app.core.contacts import segment_counts
from app.db import Database

# The worker looks every minute, and counts so long at most, the oldest counts first.
SECONDS = 5.0


def count_due(database: Database, *, seconds: float = SECONDS) -> int:
    """Count the segments that are due, one after the other, until the time is over; returns how many.

    Each is claimed, counted on a connection for reading, and recorded, so that no writer waits for the count. After a
    crash in between, the segment is counted again ten minutes later.
    """
    until, counted = time.monotonic() + seconds, 0
    with database.read_only() as session:
        if not segment_counts.is_due(session, at=clock.now()):
            return 0
    while time.monotonic() < until:
        with database.unit_of_work() as session:
            claimed = segment_counts.claim(session, at=clock.now())
        if claimed is None:
            break
        with database.read_only() as session:
            number = segment_counts.count(session, claimed)
        with database.unit_of_work() as session:
            segment_counts.record(session, claimed, number)
        counted += 1
    return counted
