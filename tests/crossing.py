"""Two acts that cross: the second begins while the first is not committed yet. Only on PostgreSQL, where they can."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import Database

T = TypeVar("T")
_IS_WAITING = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")


def cross(
    database: Database,
    first: Callable[[Session], object],
    second: Callable[[Session], T],
    *,
    then: Callable[[Session], object] = lambda _session: None,
) -> T:
    """Do both, each in a transaction; returns what the second returns.

    :param then: what the first still does once the second waits for it, or has ended, before it commits
    """

    def do_second() -> T:
        with database.unit_of_work() as session:
            return second(session)

    with ThreadPoolExecutor(1) as threads:
        with database.unit_of_work() as session:
            first(session)
            session.flush()
            doing = threads.submit(do_second)
            while not doing.done() and not _is_waiting(database):
                time.sleep(0.01)
            then(session)
        return doing.result()


def _is_waiting(database: Database) -> bool:
    with database.read_only() as session:
        return bool(session.scalar(_IS_WAITING))
