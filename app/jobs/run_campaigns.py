"""Runs campaigns: begins those that are due, writes their recipients in chunks, and ends them.

Each part works for a second, then puts the next part into the queue. A chunk is one transaction: a process that is
killed loses the chunk that it was in, and another one repeats it.
"""

import secrets
import threading
import time
from collections.abc import Callable

from huey import Huey

from app import logs
from app.core import clock
from app.core.campaigns import expansion, lifecycle, outcomes, settling
from app.core.errors import AssentError, InvalidState
from app.db import Database

PART_S = 1.0
EVERY_S = 1.0
CAUGHT_UP = 5_000
_log = logs.get_logger()


def register(queue: Huey, database: Database) -> Callable[[threading.Event], None]:
    """Add the task to the queue. Returns what the worker runs in a thread until an event is set.

    The thread looks every second for campaigns that are due, and for those that every recipient has an outcome of.
    """

    def run_and_continue(campaign_id: int, part: str) -> None:
        if run_part(database, campaign_id, part):
            next_part(campaign_id, part)

    next_part = queue.task(name="run_campaign")(run_and_continue)

    def watch(stopping: threading.Event) -> None:
        follower = Follower(database)
        while not stopping.wait(EVERY_S):
            try:
                with database.read_only() as session:
                    found = expansion.due(session, at=clock.now())
                for campaign_id in found:
                    next_part(campaign_id, secrets.token_hex(8))
                follower.step()
            except Exception:
                _log.exception("campaigns could not be looked for")

    return watch


def run_part(
    database: Database, campaign_id: int, part: str, *, seconds: float = PART_S, chunk: int = expansion.CHUNK
) -> bool:
    """Work on a campaign for about ``seconds``; returns whether more is left for this part."""
    until = time.monotonic() + seconds
    with database.unit_of_work() as session:
        if not expansion.claim(session, campaign_id, part, at=clock.now()):
            return False
    if not _begin(database, campaign_id, part):
        return False
    try:
        while True:
            with database.read_only() as session:
                found = expansion.read(session, campaign_id, at=clock.now(), chunk=chunk)
            with database.unit_of_work() as session:
                expansion.write(session, campaign_id, part, found, at=clock.now())
            if found.is_last or time.monotonic() > until:
                return not found.is_last
    except InvalidState:  # another worker has it, or it was paused
        return False


def run_until_sending(database: Database, campaign_id: int, *, chunk: int = expansion.CHUNK) -> None:
    """Write all recipients of a campaign in this process, for commands and tests."""
    part = secrets.token_hex(8)
    while run_part(database, campaign_id, part, chunk=chunk):
        pass


class Follower:
    """Lets texts follow the state of their campaigns, and campaigns the outcomes of their texts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._caught_up: dict[int, int] = {}

    def step(self) -> None:
        """One round: a chunk of each campaign whose texts do not follow yet, and of each one that is being sent."""
        with self._database.read_only() as session:
            unsettled, running = settling.waiting(session), lifecycle.running(session, at=clock.now())
        for campaign_id in unsettled:
            with self._database.unit_of_work() as session:
                settling.settle(session, campaign_id, at=clock.now())
        self._caught_up = {each: self._caught_up.get(each, 0) for each in running}
        for campaign_id in running:
            self._follow(campaign_id)

    def _follow(self, campaign_id: int) -> None:
        with self._database.read_only() as session:
            compared = outcomes.compare(session, campaign_id, self._caught_up[campaign_id], CAUGHT_UP)
            may_end = not outcomes.is_open(session, campaign_id)
        self._caught_up[campaign_id] = compared.next_after
        if not compared.differing and not may_end:
            return
        with self._database.unit_of_work() as session:
            outcomes.record_ids(session, compared.differing, at=clock.now())
            expansion.finish(session, campaign_id, at=clock.now())


def _begin(database: Database, campaign_id: int, part: str) -> bool:
    try:
        with database.read_only() as session:
            counted = expansion.count(session, campaign_id)
        with database.unit_of_work() as session:
            return expansion.begin(session, campaign_id, part, counted, at=clock.now())
    except AssentError as problem:
        _log.warning("a campaign cannot begin", campaign_id=campaign_id, problem=problem.code)
        with database.unit_of_work() as session:
            expansion.fail(session, campaign_id, at=clock.now())
        return False
