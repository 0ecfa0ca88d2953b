"""How many requests of one process work at the same time.

The web server has a thread for every request, also for those whose body arrives slowly. Only so many of them work at
the same time: writers on SQLite wait for each other, and each further thread takes the interpreter away from the one
that writes. The others wait in order, for a short time.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS_ON_SQLITE, SLOTS_ON_POSTGRESQL = 4, 6


class _Held(threading.local):
    """Whether this thread has a slot."""

    slot = False


class WorkingSlots:
    """So many slots, given in the order in which they are asked for. A thread has at most one."""

    def __init__(self, count: int) -> None:
        self.count = count
        # Below zero while threads that had lent their slot work again beside those who borrowed it.
        self._free = count
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()
        self._held = _Held()

    def take(self, *, timeout_s: float) -> bool:
        """Take a slot for this thread, if one comes free in time. A thread that has one keeps it."""
        if self._held.slot:
            return True
        with self._lock:
            if self._free > 0:
                self._free -= 1
                self._held.slot = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        self._held.slot = turn.acquire(timeout=timeout_s) or not self._stop_waiting(turn)
        return self._held.slot

    def give_back(self) -> None:
        """Give the slot of this thread to the next one. Does nothing where it has none."""
        if not self._held.slot:
            return
        self._held.slot = False
        with self._lock:
            if self._waiting and self._free >= 0:
                self._waiting.popleft().release()
            else:
                self._free += 1

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
                    self._free -= 1
                self._held.slot = True

    def _stop_waiting(self, turn: threading.Lock) -> bool:
        """False where the slot was given at the last moment."""
        with self._lock:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True
