"""Runs campaigns: begins those that are due, writes their recipients in chunks (``expand.py``), and ends them."""

import threading
from collections.abc import Callable

from huey import Huey

from app.core import clock
from app.core.campaigns import expansion, lifecycle, outcomes, settling
from app.db import Database
from app.jobs import expand

CAUGHT_UP = 5_000


def register(queue: Huey, database: Database) -> Callable[[threading.Event], None]:
    """Add the task to the queue. Returns what the worker runs in a thread until an event is set.

    The thread looks every second for campaigns that are due, and for those that every recipient has an outcome of.
    """
    return expand.register(queue, database, "run_campaign", expansion, Follower(database).step)


def run_part(
    database: Database, campaign_id: int, part: str, *, seconds: float = expand.PART_S, chunk: int | None = None
) -> bool:
    """Work on a campaign for about ``seconds``; returns whether more is left for this part."""
    return expand.run_part(database, expansion, campaign_id, part, seconds=seconds, chunk=chunk)


def run_until_sending(database: Database, campaign_id: int, *, chunk: int | None = None) -> None:
    """Write all recipients of a campaign in this process, for commands and tests."""
    expand.run_to_end(database, expansion, campaign_id, chunk=chunk)


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
