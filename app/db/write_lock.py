"""The queue of writers on SQLite, over all threads and processes, with a limited wait."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.db.errors import WriteLockTimeout
from app.db.limits import Limits

# Waits shorter than this are usual. Only in a longer one is it worth telling the caller (``Limits.while_waiting``).
_USUAL_WAIT_S = 0.1


class WriteLock:
    """An advisory lock of a file (``flock``), which is fair, behind a lock of this process.

    ``flock`` waits without a limit and cannot be interrupted. Where another process has the file's lock, a thread
    therefore waits for it, and the writer waits for that thread as long as it may.
    """

    def __init__(self, file: str, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._turn = threading.Lock()
        self._waiting: _Waiting | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock inside the block.

        :raises WriteLockTimeout: others hold it for longer than the limit
        """
        until_s = None if self._limits.lock_s is None else time.monotonic() + self._limits.lock_s
        if not self._turn.acquire(blocking=False):
            self._wait_for_turn(until_s)
        try:
            descriptor = self._lock_file(until_s)
            try:
                yield
            finally:
                os.close(descriptor)
        finally:
            self._turn.release()

    @contextmanager
    def held_if_free(self) -> Iterator[None]:
        """Hold the lock inside the block.

        :raises BlockingIOError: another writer has it
        """
        if not self._turn.acquire(blocking=False):
            raise BlockingIOError
        try:
            descriptor = _open(self._file)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
            finally:
                os.close(descriptor)
        finally:
            self._turn.release()

    def _wait_for_turn(self, until_s: float | None) -> None:
        if until_s is None:
            self._turn.acquire()
        elif not self._turn.acquire(timeout=_USUAL_WAIT_S):
            with self._limits.while_waiting():
                has_turn = self._turn.acquire(timeout=max(0, until_s - time.monotonic()))
            if not has_turn:
                raise WriteLockTimeout

    def _lock_file(self, until_s: float | None) -> int:
        """Lock the file; returns the descriptor that holds the lock. Only the thread with the turn calls this."""
        if self._waiting is None or not self._waiting.join():
            descriptor = _open(self._file)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if until_s is None else fcntl.LOCK_NB))
            except BlockingIOError:
                self._waiting = _Waiting(descriptor)
            else:
                return descriptor
        return self._wait_for_file(self._waiting, until_s or 0)

    def _wait_for_file(self, waiting: "_Waiting", until_s: float) -> int:
        if not waiting.is_over.wait(_USUAL_WAIT_S):
            with self._limits.while_waiting():
                waiting.is_over.wait(max(0, until_s - time.monotonic()))
        descriptor = waiting.take()
        if descriptor is None:
            raise WriteLockTimeout
        self._waiting = None
        return descriptor


class _Waiting:
    """A thread that waits for the lock of a file, for a writer that may give up before.

    ``is_over`` is set when it has the lock. If no thread waits for it any more, it is released.
    """

    def __init__(self, descriptor: int) -> None:
        self.is_over = threading.Event()
        self._descriptor: int | None = descriptor
        self._is_wanted = True
        self._lock = threading.Lock()
        threading.Thread(target=self._wait, args=(descriptor,), daemon=True, name="write lock").start()

    def join(self) -> bool:
        """Want the lock again; false where it has been released."""
        with self._lock:
            self._is_wanted = self._descriptor is not None
            return self._is_wanted

    def take(self) -> int | None:
        """The descriptor that holds the lock; null if others hold it; the request for it is withdrawn then."""
        with self._lock:
            self._is_wanted = self.is_over.is_set()
            return self._descriptor if self._is_wanted else None

    def _wait(self, descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with self._lock:
            if not self._is_wanted:
                os.close(descriptor)
                self._descriptor = None
            self.is_over.set()


def _open(file: str) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
