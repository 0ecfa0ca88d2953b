"""Ends requests whose time is over, also when the server still sends single bytes.

The timeout of a socket starts again with every byte, so a thread shuts the socket down.
"""

import heapq
import itertools
import socket
import threading
import time
from contextlib import suppress

from app.http_client.problems import sentence_of


class Deadline:
    """The end of one request.

    :param total_s: how long it may take
    """

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self.at_s = time.monotonic() + total_s
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self.is_over = False

    @property
    def left_s(self) -> float:
        return self.at_s - time.monotonic()

    def watch(self, connected: socket.socket) -> None:
        """Shut this socket down when the time is over."""
        self._socket = connected
        _WATCHDOG.watch(self)

    def stop(self) -> None:
        """The request ended; its socket may serve another one."""
        with self._lock:
            self._socket = None

    def end(self) -> None:
        """Shut the socket down, unless the request ended."""
        with self._lock:
            if self._socket is None:
                return
            self.is_over = True
            # The method of the plain socket: the one of a TLS socket would also clear state that the reader uses.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def sentence(self, problem: BaseException | None) -> str:
        """The sentence for an error, for people."""
        if self.is_over or self.left_s <= 0 or problem is None:
            return f"No answer within {self.total_s:g} seconds."
        return sentence_of(problem)


class _Watchdog:
    """One thread for all requests of the process. It starts with the first one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def watch(self, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (deadline.at_s, next(self._numbers), deadline))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="http deadlines", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is deadline:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                now_s = time.monotonic()
                while self._waiting and self._waiting[0][0] <= now_s:
                    heapq.heappop(self._waiting)[2].end()
                self._changed.wait(self._waiting[0][0] - now_s if self._waiting else None)


_WATCHDOG = _Watchdog()
