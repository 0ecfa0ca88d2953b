"""Inserts that PostgreSQL works on while their caller prepares the next ones."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.db.statements import dialect_of, driver_of


class LaterCalls:
    """Calls that one thread makes in their order."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "later_calls")
        self._waiting: list[Future[None]] = []

    def add(self, call: Callable[[], None]) -> None:
        self._waiting.append(self._thread.submit(call))

    def wait(self, *_arguments: Any) -> None:
        """Wait until all calls are made. Raises what the first one raised that failed."""
        waiting, self._waiting = self._waiting, []
        wait(waiting)
        for each in waiting:
            each.result()

    def close(self) -> None:
        self._thread.shutdown()


@contextmanager
def overlapping_inserts(session: Session) -> Iterator[None]:
    """Inside the block, ``insert_columns`` returns before PostgreSQL has inserted the rows.

    Every other statement of the session waits for them. What an insert raises is raised by the next one of these, or at
    the end of the block. SQLite inserts in this process, so nothing overlaps there.
    """
    if dialect_of(session) == "sqlite":
        yield
        return
    driver, connection, later = driver_of(session), session.connection(), LaterCalls()
    event.listen(connection, "before_cursor_execute", later.wait)
    driver.later = later
    try:
        yield
        later.wait()
    finally:
        driver.later = None
        event.remove(connection, "before_cursor_execute", later.wait)
        later.close()
