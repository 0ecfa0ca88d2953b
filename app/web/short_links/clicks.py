"""Counts clicks in memory, and adds them to the links in batches."""

import threading
from collections import Counter

from app import logs
from app.core.campaigns import short_links
from app.db import Database

EVERY_S = 2.0
_log = logs.get_logger()


class Clicks:
    """The clicks that one process has counted and not stored yet. A process that is killed loses those of two seconds.

    :param every_s: how long the first click waits for others
    """

    def __init__(self, database: Database, *, every_s: float = EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._is_waiting = False

    def add(self, token: str) -> None:
        """Count one click. Writes nothing now."""
        with self._lock:
            self._counted[token] += 1
            if self._is_waiting:
                return
            self._is_waiting = True
        timer = threading.Timer(self._every_s, self.store)
        timer.daemon = True
        timer.start()

    def store(self) -> None:
        """Add what was counted to the links. What cannot be written now is written with the next clicks."""
        with self._lock:
            counted, self._counted, self._is_waiting = self._counted, Counter(), False
        if not counted:
            return
        try:
            with self._database.unit_of_work() as session:
                short_links.add_clicks(session, counted)
        except Exception as problem:
            _log.warning("clicks could not be stored", problem=type(problem).__name__)
            with self._lock:
                self._counted += counted
