"""Expands what goes to many contacts, in parts of about a second: campaigns and outbound chats.

Each part works for a second, then puts the next part into the queue. A chunk is one transaction: a process that is
killed loses the chunk that it was in, and another one repeats it.
"""

import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from huey import Huey
from sqlalchemy.orm import Session

from app import logs
from app.core import clock
from app.core.errors import AssentError, InvalidState
from app.db import Database

PART_S = 1.0
EVERY_S = 1.0
Counted = TypeVar("Counted")
_log = logs.get_logger()


class Chunk(Protocol):
    @property
    def is_last(self) -> bool: ...


AnyChunk = TypeVar("AnyChunk", bound=Chunk)


class Steps(Protocol[Counted, AnyChunk]):
    """What the module ``expansion`` of campaigns and that of outbound chats offer. The number is an id."""

    @property
    def CHUNK(self) -> int: ...  # noqa: N802 - a constant of the module
    def due(self, session: Session, /, *, at: datetime) -> list[int]: ...
    def claim(self, session: Session, number: int, part: str, /, *, at: datetime) -> bool: ...
    def count(self, session: Session, number: int, /) -> Counted: ...
    def begin(self, session: Session, number: int, part: str, counted: Counted, /, *, at: datetime) -> bool: ...
    def fail(self, session: Session, number: int, /, *, at: datetime) -> None: ...
    def read(self, session: Session, number: int, /, *, at: datetime, chunk: int) -> AnyChunk: ...
    def write(self, session: Session, number: int, part: str, chunk: AnyChunk, /, *, at: datetime) -> None: ...


def register(
    queue: Huey, database: Database, name: str, steps: Steps[Counted, AnyChunk], follow: Callable[[], None]
) -> Callable[[threading.Event], None]:
    """Add the task ``name`` to the queue. Returns what the worker runs in a thread until an event is set.

    The thread looks every second for what is due, and calls ``follow`` for what has begun.
    """

    def run_and_continue(number: int, part: str) -> None:
        if run_part(database, steps, number, part):
            next_part(number, part)

    next_part = queue.task(name=name)(run_and_continue)

    def watch(stopping: threading.Event) -> None:
        while not stopping.wait(EVERY_S):
            try:
                with database.read_only() as session:
                    found = steps.due(session, at=clock.now())
                for number in found:
                    next_part(number, secrets.token_hex(8))
                follow()
            except Exception:
                _log.exception("what is to be expanded could not be looked for", task=name)

    return watch


def run_part(
    database: Database,
    steps: Steps[Counted, AnyChunk],
    number: int,
    part: str,
    *,
    seconds: float = PART_S,
    chunk: int | None = None,
) -> bool:
    """Work on one for about ``seconds``; returns whether more is left for this part."""
    until = time.monotonic() + seconds
    with database.unit_of_work() as session:
        if not steps.claim(session, number, part, at=clock.now()):
            return False
    if not _begin(database, steps, number, part):
        return False
    try:
        while True:
            with database.read_only() as session:
                found = steps.read(session, number, at=clock.now(), chunk=chunk or steps.CHUNK)
            with database.unit_of_work() as session:
                steps.write(session, number, part, found, at=clock.now())
            if found.is_last or time.monotonic() > until:
                return not found.is_last
    except InvalidState:  # another worker has it, or it was paused or stopped
        return False


def run_to_end(database: Database, steps: Steps[Counted, AnyChunk], number: int, *, chunk: int | None) -> None:
    """Expand one in this process, for commands and tests."""
    part = secrets.token_hex(8)
    while run_part(database, steps, number, part, chunk=chunk):
        pass


def _begin(database: Database, steps: Steps[Counted, AnyChunk], number: int, part: str) -> bool:
    try:
        with database.read_only() as session:
            counted = steps.count(session, number)
        with database.unit_of_work() as session:
            return steps.begin(session, number, part, counted, at=clock.now())
    except AssentError as problem:
        _log.warning("this cannot be expanded", steps=getattr(steps, "__name__", ""), number=number, code=problem.code)
        with database.unit_of_work() as session:
            steps.fail(session, number, at=clock.now())
        return False
