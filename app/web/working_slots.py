"""How many requests of one process work at the same time.

The web server has a thread for every request, also for those whose body arrives slowly. Only few of them work at the
same time: each further thread takes the interpreter away from the others, and further connections make PostgreSQL
slower on the same processors. The others wait in order, for a short time.

A request that takes long does not block the others: where no slot comes back for a moment, there is one more.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import make_url


@dataclass(frozen=True)
class SlotCount:
    """How many requests work at the same time: usually, and at most while some of them take long."""

    usual: int
    most: int


ON_SQLITE = SlotCount(usual=1, most=4)
# Requests wait for a server on another machine longer than they work.
ON_LOCAL_POSTGRESQL, ON_DISTANT_POSTGRESQL = SlotCount(usual=3, most=6), SlotCount(usual=6, most=6)
_LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "::1"}
# A slot that does not come back for so long belongs to a request that takes long.
STALLED_AFTER_S = 0.02


def count_for(database_url: str) -> SlotCount:
    """The slots of a process that works on this database."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return ON_SQLITE
    host = str(url.host or url.query.get("host", ""))
    return ON_LOCAL_POSTGRESQL if host in _LOCAL_HOSTS or host.startswith("/") else ON_DISTANT_POSTGRESQL


class _Held(threading.local):
    """Whether this thread has a slot, and since when (``time.monotonic``)."""

    slot = False
    since_s = 0.0

    def take(self) -> None:
        self.slot, self.since_s = True, time.monotonic()


class WorkingSlots:
    """Slots, given in the order in which they are asked for. A thread has at most one."""

    def __init__(self, count: SlotCount) -> None:
        self.count = count
        self._limit = count.usual
        # More than the limit while threads that had lent their slot work again beside those who borrowed it.
        self._working = 0
        self._waiting: deque[threading.Lock] = deque()
        self._moved_at_s = 0.0  # when a waiting thread last got a slot, or began to wait as the first one
        self._lock = threading.Lock()
        self._held = _Held()

    def take(self, *, timeout_s: float) -> bool:
        """Take a slot for this thread, if one comes free in time. A thread that has one keeps it."""
        if self._held.slot:
            return True
        with self._lock:
            if self._working < self._limit:
                self._working += 1
                self._held.take()
                return True
            turn = threading.Lock()
            turn.acquire()
            if not self._waiting:
                self._moved_at_s = time.monotonic()
            self._waiting.append(turn)
        if self._wait(turn, time.monotonic() + timeout_s):
            self._held.take()
        return self._held.slot

    def give_back(self) -> None:
        """Give the slot of this thread to the next one. Does nothing where it has none."""
        if not self._held.slot:
            return
        self._held.slot = False
        took_long = time.monotonic() - self._held.since_s >= STALLED_AFTER_S
        with self._lock:
            self._working -= 1
            if self._limit > self.count.usual and (took_long or not self._waiting):
                self._limit -= 1
            if self._waiting and self._working < self._limit:
                self._let_in(self._waiting.popleft())

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lend the slot of this thread to others inside the block, in which it waits and does not work.

        Afterwards it works again immediately: a thread that waited for a lock must not keep it while it waits for a
        slot.
        """
        had_slot = self._held.slot
        self.give_back()
        try:
            yield
        finally:
            if had_slot:
                with self._lock:
                    self._working += 1
                self._held.take()

    def _wait(self, turn: threading.Lock, until_s: float) -> bool:
        """Wait for this turn; false where it did not come in time."""
        while not turn.acquire(timeout=min(STALLED_AFTER_S, max(0.0, until_s - time.monotonic()))):
            with self._lock:
                if turn not in self._waiting:  # it has come at the last moment
                    return True
                if self._waiting[0] is turn and self._is_stalled():
                    self._limit = self._working + 1
                    self._let_in(self._waiting.popleft())
                elif time.monotonic() >= until_s:
                    self._waiting.remove(turn)
                    return False
        return True

    def _is_stalled(self) -> bool:
        """Whether those who work take long, and one more may work beside them."""
        return self._working < self.count.most and time.monotonic() - self._moved_at_s >= STALLED_AFTER_S

    def _let_in(self, turn: threading.Lock) -> None:
        self._working += 1
        self._moved_at_s = time.monotonic()
        turn.release()
