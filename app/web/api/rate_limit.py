"""Rate limits: how many calls a token may make, counted in windows of ten seconds as Intercom does.

With ``ASSENT_REDIS_URL`` all processes count together; without it each process counts for itself, so that a token may
get as many times its limit as there are processes. No call waits long for Redis: without an answer each process counts
for itself.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol, cast

from flask import Flask

from app import logs
from app.config import BadSetting, Settings
from app.web.current import application

WINDOW_S = 10
_PER_MINUTE = 60 // WINDOW_S
# Every call asks Redis: it answers within this time, or it is not asked for a while.
_REDIS_TIMEOUT_S = 0.25
_REDIS_PAUSE_S = 5.0
_EXTENSION = "assent.rate_limiter"
_log = logs.get_logger()


@dataclass(frozen=True)
class RateLimitStatus:
    """A token's use of the current window. ``reset`` is its end, in Unix seconds."""

    limit: int
    remaining: int
    reset: int
    is_over: bool


class Counter(Protocol):
    """Counts one more call of a token in a window and returns how many there were."""

    def count(self, token_id: int, window: int) -> int: ...


class RateLimiter:
    """Counts calls against the limit of their token."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def count(self, token_id: int, calls_per_minute: int, *, now_s: float) -> RateLimitStatus:
        window = int(now_s) // WINDOW_S * WINDOW_S
        limit = max(1, round(calls_per_minute / _PER_MINUTE))
        used = self._counter.count(token_id, window)
        return RateLimitStatus(limit, max(0, limit - used), window + WINDOW_S, used > limit)


class LocalCounter:
    """Counts in the memory of one process."""

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


class RedisCounter:
    """Counts in Redis, one key for each token and window; while Redis is out of reach, in this process."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._local = LocalCounter()
        self._paused_until_s = 0.0

    def count(self, token_id: int, window: int) -> int:
        if time.monotonic() < self._paused_until_s:
            return self._local.count(token_id, window)
        try:
            pipe = self._client.pipeline(transaction=False)
            key = f"assent:calls:{token_id}:{window}"
            pipe.incr(key)
            pipe.expire(key, 2 * WINDOW_S)
            return int(pipe.execute()[0])
        except Exception as problem:
            self._paused_until_s = time.monotonic() + _REDIS_PAUSE_S
            _log.warning("redis does not answer; each process counts API calls alone", problem=type(problem).__name__)
            return self._local.count(token_id, window)


def init_app(api: Flask, settings: Settings) -> None:
    """:raises BadSetting: ``ASSENT_REDIS_URL`` is set, but cannot be used"""
    api.extensions[_EXTENSION] = create_limiter(settings)


def limiter() -> RateLimiter:
    """The limiter of the current application."""
    return cast(RateLimiter, application().extensions[_EXTENSION])


def create_limiter(settings: Settings) -> RateLimiter:
    """The limiter that the settings name.

    :raises BadSetting: ``ASSENT_REDIS_URL`` is set, but cannot be used
    """
    return RateLimiter(RedisCounter(_redis(settings.redis_url)) if settings.redis_url else LocalCounter())


def _redis(url: str) -> Any:
    try:
        import redis
    except ImportError:
        raise BadSetting('ASSENT_REDIS_URL: needs the package redis (pip install "redis>=5")') from None
    try:
        return redis.Redis.from_url(url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S)
    except ValueError as problem:
        raise BadSetting(f"ASSENT_REDIS_URL: {problem}") from None
