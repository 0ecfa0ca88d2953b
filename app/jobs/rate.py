"""How fast one sender may send: a number of texts in a second, and pauses that a gateway asks for."""

import math
import time

# Without a limit, so many may be sent together.
_UNLIMITED = 1_000_000
# How much of a second's texts may be sent together after a pause.
_BURST_S = 0.25


class Rate:
    """A token bucket. Without a limit it only pauses."""

    def __init__(self) -> None:
        self._per_second = 0.0
        self._tokens = 1.0
        self._filled_at_s = time.monotonic()
        self._paused_until_s = 0.0

    def set(self, per_second: float) -> None:
        """:param per_second: 0: no limit"""
        self._fill()
        self._per_second = per_second

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._paused_until_s = max(self._paused_until_s, time.monotonic() + seconds)

    def is_paused(self) -> bool:
        return time.monotonic() < self._paused_until_s

    def available(self) -> int:
        """How many texts may be sent now."""
        if self.is_paused():
            return 0
        self._fill()
        return int(self._tokens) if self._per_second else _UNLIMITED

    def take(self) -> None:
        """One text is sent."""
        self._tokens -= 1

    def most(self, batch: int) -> int:
        """How many texts to claim at most: what can be sent within a second."""
        return min(batch, max(1, math.ceil(self._per_second))) if self._per_second else batch

    def _fill(self) -> None:
        now_s = time.monotonic()
        most = max(1.0, self._per_second * _BURST_S)
        self._tokens = min(most, self._tokens + (now_s - self._filled_at_s) * self._per_second)
        self._filled_at_s = now_s
