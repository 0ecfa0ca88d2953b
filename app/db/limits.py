"""Time limits of the web's requests: how long a read may take, and how long a change waits for a lock."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

# How many instructions SQLite executes between two looks at the clock: about a millisecond.
_INSTRUCTIONS = 50_000


@dataclass(frozen=True)
class Limits:
    """Without limits, as worker and commands have it, nothing is stopped.

    :param read_s: of a read: all of ``read_only`` on SQLite, each statement on PostgreSQL
    :param lock_s: how long a change waits for other changes
    :param while_waiting: entered while a change has to wait; the web lends its working slot to another request
    """

    read_s: float | None = None
    lock_s: float | None = None
    while_waiting: Callable[[], AbstractContextManager[None]] = nullcontext


class ReadDeadline(threading.local):
    """When the read that this thread makes must end (``time.monotonic``); null while it makes none.

    SQLite asks in the middle of a statement. Only reads have a deadline: an interrupted change would be rolled back.
    """

    at_s: float | None = None

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Set the deadline inside the block; null for none."""
        before, self.at_s = self.at_s, None if seconds is None else time.monotonic() + seconds
        try:
            yield
        finally:
            self.at_s = before

    def watch(self, connection: sqlite3.Connection) -> None:
        """Interrupt statements of this connection after the deadline of the thread that executes them."""
        connection.set_progress_handler(self._is_over, _INSTRUCTIONS)

    def _is_over(self) -> bool:
        return self.at_s is not None and time.monotonic() > self.at_s


def limit_postgresql(driver: Any, limits: Limits) -> None:
    """Set the time limits of a new connection."""
    was_autocommit, driver.autocommit = driver.autocommit, True
    for name, seconds in (("statement_timeout", limits.read_s), ("lock_timeout", limits.lock_s)):
        if seconds is not None:
            driver.execute(f"SET {name} = {round(seconds * 1000)}")
    driver.autocommit = was_autocommit


def lift_statement_limit(driver: Any) -> None:
    """Let changes of this PostgreSQL connection take as long as they need. The wait for locks keeps its limit."""
    driver.execute("SET statement_timeout = 0")
    driver.commit()
