"""Searches of one process leave slots to others, and a token runs one large search at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask, g

from app.core.contacts import filters
from app.core.errors import TooMany
from app.web.api import api_of, search_queue
from app.web.services import services_of
from tests.processes import PATIENCE_S, wait_for

ONE = {"field": "name", "operator": "~", "value": "sam"}
SMALL = filters.read(ONE)
LARGE = filters.read({"operator": "AND", "value": [ONE] * 11})
LOOK_UP = filters.read({"field": "external_id", "operator": "=", "value": "sam"})


class Searching:
    """A search that goes on until it is told to end."""

    def __init__(self, app: Flask, query: Any, token_id: int = 1) -> None:
        self._app, self._query, self._token_id = app, query, token_id
        self._has_turn, self._end = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._result = self._pool.submit(self._run)

    @property
    def runs(self) -> bool:
        """It has its turn, or gets it now."""
        return self._has_turn.wait(PATIENCE_S)

    @property
    def waits(self) -> bool:
        """It has no turn, and gets none in the next moments."""
        return not self._has_turn.wait(0.3)

    def end(self) -> None:
        self._end.set()
        self._result.result()
        self._pool.shutdown()

    def _run(self) -> None:
        with api_of(self._app).test_request_context("/"):
            services_of(self._app).slots.take(timeout_s=PATIENCE_S)
            try:
                g.caller = _Caller(self._token_id)
                with search_queue.turn(self._query):
                    self._has_turn.set()
                    self._end.wait(PATIENCE_S)
            finally:
                services_of(self._app).slots.give_back()


class _Caller:
    """Who makes a call, as far as its turn goes."""

    def __init__(self, token_id: int) -> None:
        self.token_id = token_id


def test_all_searches_together_leave_half_of_the_slots_and_look_ups_never_wait(app: Flask) -> None:
    running = [Searching(app, SMALL, token_id) for token_id in (1, 2)]
    assert all(each.runs for each in running)
    waiting, look_up = Searching(app, SMALL, 3), Searching(app, LOOK_UP, 3)
    assert (waiting.waits, look_up.runs) == (True, True)
    running.pop().end()
    assert waiting.runs
    for each in (*running, waiting, look_up):
        each.end()


def test_a_token_runs_one_large_search_at_a_time(app: Flask) -> None:
    running = Searching(app, LARGE)
    assert running.runs
    second, small, other = Searching(app, LARGE), Searching(app, SMALL), Searching(app, LARGE, 2)
    assert second.waits
    wait_for(lambda: not (small.waits and other.waits))
    small_or_other = [each for each in (small, other) if not each.waits]
    assert len(small_or_other) == 1
    for each in (running, small_or_other[0]):
        each.end()
    assert second.runs
    for each in {small, other, second} - set(small_or_other):
        each.end()


def test_whoever_waits_for_a_turn_lends_its_slot_and_gives_up_in_the_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_queue, "WAIT_S", PATIENCE_S)
    running = Searching(app, LARGE)
    assert running.runs
    waiting = [Searching(app, LARGE) for _ in range(services_of(app).slots.count)]
    wait_for(lambda: services_of(app).slots.take(timeout_s=0))
    assert all(each.waits for each in waiting)
    services_of(app).slots.give_back()
    monkeypatch.setattr(search_queue, "WAIT_S", 0.1)
    impatient = Searching(app, LARGE)
    with pytest.raises(TooMany):
        impatient.end()
    for each in (running, *waiting):
        each.end()
