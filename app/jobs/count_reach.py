"""Counts whom each live subscription type reaches, for the overview."""

from app.core import clock
from app.core.overview import reach
from app.db import Database


def count_due(database: Database) -> int:
    """Count the types that are due; returns how many.

    Each is claimed, counted on a connection for reading, and recorded, so that no writer waits for the count. After a
    crash in between, the type is counted again ten minutes later.
    """
    at = clock.now()
    with database.read_only() as session:
        if not reach.is_due(session, at=at):
            return 0
    with database.unit_of_work() as session:
        due = reach.claim_due(session, at=at)
    for type_id in due:
        with database.read_only() as session:
            began, counted = clock.now(), reach.count(session, type_id)
        with database.unit_of_work() as session:
            reach.record(session, type_id, counted, at=began)
    return len(due)
