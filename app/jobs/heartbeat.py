"""Shows twice a minute that this worker runs."""

import secrets

from app.core import clock
from app.core.problems import workers
from app.db import Database


class Heartbeat:
    """The heartbeat of one process. Its first beat is due immediately."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._id = secrets.token_hex(8)
        self._started_at = clock.now()
        self._due_at = self._started_at

    def beat_if_due(self) -> None:
        """Record that this process runs, unless it did within the last half minute."""
        if (at := clock.now()) < self._due_at:
            return
        with self._database.unit_of_work() as session:
            workers.beat(session, self._id, started_at=self._started_at, at=at)
        self._due_at = at + workers.EVERY
