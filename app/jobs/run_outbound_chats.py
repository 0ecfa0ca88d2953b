"""Runs outbound chats: begins those that are due, writes their recipients in chunks (``expand.py``), and ends them.

Recipients get them at their next visit (``core/outbound_chats/delivering.py``), not here.
"""

import threading
from collections.abc import Callable

from huey import Huey

from app.core import clock
from app.core.outbound_chats import expansion, lifecycle, settling
from app.core.workspace import steady_clock
from app.db import Database
from app.jobs import expand


def register(queue: Huey, database: Database) -> Callable[[threading.Event], None]:
    """Add the task to the queue. Returns what the worker runs in a thread until an event is set."""
    return expand.register(queue, database, "run_outbound_chat", expansion, lambda: follow(database))


def run_part(
    database: Database, chat_id: int, part: str, *, seconds: float = expand.PART_S, chunk: int | None = None
) -> bool:
    """Work on an outbound chat for about ``seconds``; returns whether more is left for this part."""
    return expand.run_part(database, expansion, chat_id, part, seconds=seconds, chunk=chunk)


def run_until_active(database: Database, chat_id: int, *, chunk: int | None = None) -> None:
    """Write all recipients of an outbound chat in this process, for commands and tests."""
    expand.run_to_end(database, expansion, chat_id, chunk=chunk)


def follow(database: Database) -> None:
    """One round: end what has no waiting recipient, and a chunk of what is over (``settling.py``)."""
    with database.read_only() as session:
        over, unfinished = lifecycle.over(session, at=clock.now()), settling.unfinished(session)
    for chat_id in over if over and steady_clock.is_steady(database) else []:
        with database.unit_of_work() as session:
            lifecycle.end(session, chat_id, at=clock.now())
    for chat_id in unfinished:
        with database.unit_of_work() as session:
            settling.settle(session, chat_id, at=clock.now())
