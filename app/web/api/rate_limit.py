"""How many calls a token may make: counted in windows of ten seconds, as Intercom does.

With ``ASSENT_REDIS_URL`` all processes count together; without it each counts for itself, so that a token may get as
many times its limit as there are processes. No call waits for a count: where Redis does not answer, each counts alone.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol

from app import logs
from app.config import BadSetting, Settings

WINDOW_S = 10
_PER_MINUTE = 60 // WINDOW_S
# Redis is on the way of every call: it answers at once, or it is left alone for a while.
_REDIS_TIMEOUT_S = 0.25
_REDIS_PAUSE_S = 5.0
_log = logs.get_logger()


@dataclass(frozen=True)
class Standing:
    """Where a token stands in the present window. ``reset`` is its end, in Unix seconds."""

    limit: int
    remaining: int
    reset: int
    is_over: bool


class Counter(Protocol):
    """Counts one more call of a token in a window; how many it were comes back."""

    def count(self, token_id: int, window: int) -> int: ...


class Meter:
    """Says where a token stands with each call."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def meter(self, token_id: int, calls_per_minute: int, *, now_s: float) -> Standing:
        window = int(now_s) // WINDOW_S * WINDOW_S
        limit = max(1, round(calls_per_minute / _PER_MINUTE))
        used = self._counter.count(token_id, window)
        return Standing(limit, max(0, limit - used), window + WINDOW_S, used > limit)


class InProcess:
    """Counts for one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[int, int] = {}

    def count(self, token_id: int, window: int) -> int:
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            self._counts[token_id] = used = self._counts.get(token_id, 0) + 1
        return used


class OverProcesses:
    """Counts in Redis, one key a token and window; while Redis is out of reach, for one process."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._alone = InProcess()
        self._leave_alone_until_s = 0.0

    def count(self, token_id: int, window: int) -> int:
        if time.monotonic() < self._leave_alone_until_s:
            return self._alone.count(token_id, window)
        try:
            pipe = self._client.pipeline(transaction=False)
            key = f"assent:calls:{token_id}:{window}"
            pipe.incr(key)
            pipe.expire(key, 2 * WINDOW_S)
            return int(pipe.execute()[0])
        except Exception as problem:
            self._leave_alone_until_s = time.monotonic() + _REDIS_PAUSE_S
            _log.warning("redis does not answer; each process counts API calls alone", problem=type(problem).__name__)
            return self._alone.count(token_id, window)


def make(settings: Settings) -> Meter:
    """The meter that the settings ask for.

    :raises BadSetting: ``ASSENT_REDIS_URL`` is set, but cannot be used
    """
    return Meter(OverProcesses(_redis(settings.redis_url)) if settings.redis_url else InProcess())


def _redis(url: str) -> Any:
    try:
        import redis
    except ImportError:
        raise BadSetting('ASSENT_REDIS_URL: needs the package redis (pip install "redis>=5")') from None
    try:
        return redis.Redis.from_url(url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S)
    except ValueError as problem:
        raise BadSetting(f"ASSENT_REDIS_URL: {problem}") from None
