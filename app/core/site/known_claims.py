"""What a process remembers, so that unchanged pages cost no statement: claims of the last hour, and the policy.

Both are only memory: another process, or this one after a restart, asks the database again and records nothing twice.
"""

import threading
from collections import Counter, OrderedDict
from datetime import datetime, timedelta

from app.core.site.policy import SitePolicy, read
from app.db import Database

KEEP, POLICY_LASTS = timedelta(hours=1), timedelta(seconds=5)
CLAIMS_MAX = 100_000
# Calls from one IP address in a minute, whatever they say. Many people share the address of a mobile carrier.
CALLS_A_MINUTE, _ADDRESSES_MAX = 6_000, 50_000
_MINUTE_S = 60


class KnownClaims:
    """Shared by the threads of one process."""

    def __init__(self) -> None:
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._claims: OrderedDict[bytes, tuple[datetime, frozenset[str]]] = OrderedDict()
        self._calls: Counter[str] = Counter()
        self._minute = 0
        self._policy: tuple[datetime, SitePolicy] | None = None

    def policy(self, database: Database, *, at: datetime) -> SitePolicy:
        """The policy, at most five seconds old. While one thread reads it again, the others wait."""
        if (known := self._policy) is not None and _is_fresh(known[0], at, POLICY_LASTS):
            return known[1]
        with self._reading:
            if (known := self._policy) is not None and _is_fresh(known[0], at, POLICY_LASTS):
                return known[1]
            with database.read_only() as session:
                policy = read(session, at=at)
            self._policy = (at, policy)
            return policy

    def find(self, digest: bytes, *, at: datetime) -> frozenset[str] | None:
        """What was doubtful about a claim that was recorded within the last hour; null: it was not."""
        known = self._claims.get(digest)
        return known[1] if known is not None and _is_fresh(known[0], at, KEEP) else None

    def keep(self, digest: bytes, doubts: frozenset[str], *, at: datetime) -> None:
        """Remember a claim that was recorded. The oldest are forgotten where there are too many."""
        with self._lock:
            self._claims[digest] = (at, doubts)
            self._claims.move_to_end(digest)
            while len(self._claims) > CLAIMS_MAX:
                self._claims.popitem(last=False)

    def seconds_to_wait(self, address: str, *, at: datetime) -> int | None:
        """Count a call from this IP address. Null within the limit, else the seconds until the minute is over."""
        now_s = int(at.timestamp())
        with self._lock:
            if now_s // _MINUTE_S != self._minute or len(self._calls) > _ADDRESSES_MAX:
                self._minute = now_s // _MINUTE_S
                self._calls.clear()
            self._calls[address] += 1
            is_over = self._calls[address] > CALLS_A_MINUTE
        return _MINUTE_S - now_s % _MINUTE_S if is_over else None


def _is_fresh(since: datetime, at: datetime, lasts: timedelta) -> bool:
    """A clock that went back makes nothing last longer."""
    return timedelta(0) <= at - since < lasts
