"""What a process remembers, so that unchanged pages cost no statement: claims of the last hour, and the policy.

Both are only memory: another process, or this one after a restart, asks the database again and records nothing twice.
Every few seconds the process reads the policy again, and which claims other processes have recorded since.
"""

import hashlib
import threading
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.site import policy, repeats
from app.core.site.claim import Claim
from app.core.site.claimed import Recorded
from app.core.site.policy import SitePolicy, Version
from app.db import Database

KEEP, POLICY_LASTS = timedelta(hours=1), timedelta(seconds=5)
# How long a transaction of another process may take, and how far its clock may be behind.
_OVERLAP = timedelta(seconds=30)
CLAIMS_MAX = 100_000
# Calls from one IP address in a minute, whatever they say. Many people share the address of a mobile carrier.
CALLS_A_MINUTE, _ADDRESSES_MAX = 6_000, 50_000
_MINUTE_S = 60


@dataclass(frozen=True)
class _Known:
    """The last claim of a subject."""

    digest: bytes
    at: datetime
    recorded: Recorded


class KnownClaims:
    """Shared by the threads of one process. A subject is whom a page speaks about; its last claim is known."""

    def __init__(self, *, policy_lasts: timedelta = POLICY_LASTS) -> None:
        self.policy_lasts = policy_lasts
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._claims: OrderedDict[bytes, _Known] = OrderedDict()
        self._subjects: dict[str, set[bytes]] = defaultdict(set)  # by whom the claims are about
        self._calls: Counter[str] = Counter()
        self._minute = 0
        self._policy: tuple[datetime, SitePolicy] | None = None

    def policy(self, database: Database, *, at: datetime) -> SitePolicy:
        """The policy, at most five seconds old. While one thread reads it again, the others wait."""
        if (found := self._fresh_policy(at)) is not None:
            return found
        with self._reading:
            if (found := self._fresh_policy(at)) is not None:
                return found
            since = (self._policy[0] if self._policy else at) - _OVERLAP
            with database.read_only() as session:
                read, made = policy.read(session, at=at), repeats.made_since(session, since)
            self._forget_replaced(made)
            self._policy = (at, read)
            return read

    def find(self, claim: Claim, version: Version, *, at: datetime) -> Recorded | None:
        """What became of this claim, if it is the last one of its subject and less than an hour old; else null.

        :param version: of the policy
        """
        known = self._claims.get(_subject_of(claim))
        if known is None or not _is_fresh(known.at, at, KEEP):
            return None
        return known.recorded if known.digest == _digest_of(claim, version) else None

    def keep(self, claim: Claim, version: Version, recorded: Recorded, *, at: datetime) -> None:
        """Remember a claim that was recorded. The oldest are forgotten where there are too many."""
        subject = _subject_of(claim)
        with self._lock:
            self._forget(subject)
            self._claims[subject] = _Known(_digest_of(claim, version), at, recorded)
            self._subjects[recorded.about].add(subject)
            while len(self._claims) > CLAIMS_MAX:
                self._forget(next(iter(self._claims)))

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

    def _fresh_policy(self, at: datetime) -> SitePolicy | None:
        found = self._policy
        return found[1] if found is not None and _is_fresh(found[0], at, self.policy_lasts) else None

    def _forget_replaced(self, made: list[tuple[str, str]]) -> None:
        """Forget claims that are not the last ones any more: another process has recorded a different one."""
        with self._lock:
            for about, digest in made:
                for subject in list(self._subjects.get(about, ())):
                    if self._claims[subject].recorded.digest != digest:
                        self._forget(subject)

    def _forget(self, subject: bytes) -> None:
        if (known := self._claims.pop(subject, None)) is not None:
            subjects = self._subjects[known.recorded.about]
            subjects.discard(subject)
            if not subjects:
                del self._subjects[known.recorded.about]


def _subject_of(claim: Claim) -> bytes:
    """Whom a claim is about. Pages that say nothing do not replace what others said."""
    signed, has_word = claim.signed, claim.word is not None
    return _hash((has_word, "user", signed.user_id) if signed else (has_word, claim.number, claim.user.uuid))


def _digest_of(claim: Claim, version: Version) -> bytes:
    """Everything that decides what the claim does, and what is doubtful about it."""
    return _hash((version, claim.word, claim.number, claim.signed.phone if claim.signed else None))


def _hash(content: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(repr(content).encode(), digest_size=16).digest()


def _is_fresh(since: datetime, at: datetime, lasts: timedelta) -> bool:
    """A clock that went back makes nothing last longer."""
    return timedelta(0) <= at - since < lasts
