"""Searches wait for each other, so that they leave working slots to everything else.

All searches of one process together use at most half of its slots, and a token runs one large search at a time.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

from flask import Flask

from app.core.contacts import filters, search
from app.core.contacts.filters import Query
from app.core.errors import TooMany
from app.web.api import auth
from app.web.current import application
from app.web.services import services_of, slots

# How long a search waits for others. It lends its slot meanwhile.
WAIT_S = 10.0
# A query with more filters is a large one.
SMALL_MAX = 10
_EXTENSION = "assent.search_queue"


class SearchQueue:
    """The turns of one process: one for each token that makes large searches, some for all searches."""

    def __init__(self, at_once: int) -> None:
        self.of_all = threading.Semaphore(at_once)
        self.of_token: defaultdict[int, threading.Semaphore] = defaultdict(threading.Semaphore)


def init_app(api: Flask) -> None:
    api.extensions[_EXTENSION] = SearchQueue(max(1, services_of(api).slots.count // 2))


@contextmanager
def turn(query: Query | None = None) -> Iterator[None]:
    """Run a search inside the block. Open the session there, not before: its time limit must not run meanwhile.

    :param query: what is searched; null for several queries, which count as a large one
    :raises TooMany: others did not end in time
    """
    queue = cast(SearchQueue, application().extensions[_EXTENSION])
    with ExitStack() as taken:
        if query is None or not search.is_look_up(query):
            until_s = time.monotonic() + WAIT_S
            if query is None or filters.count(query) > SMALL_MAX:
                _take(taken, queue.of_token[auth.caller().token_id], until_s)
            _take(taken, queue.of_all, until_s)
        yield


def _take(taken: ExitStack, turn_of: threading.Semaphore, until_s: float) -> None:
    if not turn_of.acquire(blocking=False):
        with slots().lent():
            is_taken = turn_of.acquire(timeout=max(0, until_s - time.monotonic()))
        if not is_taken:
            raise TooMany("Other searches are still running. Wait for them before you search again.", retry_after_s=2)
    taken.callback(turn_of.release)
