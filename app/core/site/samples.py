"""What pages send, without personal data: kept in memory, and written a few seconds later for many pages together."""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.models import SiteCountKind


class ValueKind(StrEnum):
    """How a property of the user object was given. ``REFUSED``: the code is among the sample's ``problems``."""

    ABSENT = "absent"
    GIVEN = "given"
    TRUE = "true"
    FALSE = "false"
    REFUSED = "refused"


@dataclass(frozen=True)
class Sample:
    """One call of a page. It identifies nobody: ``path`` has no query and no ids, values are kinds.

    :param source: ``insider_object``, ``InsiderQueue``, ``both``; empty: the page has no user object
    :param identity: ``signed``, ``unsigned`` (the page signs nobody), or why its signature is not valid
    :param is_signed_in: whether the page says that somebody is signed in (``window.assent`` or the object has an id)
    :param problems: ``field:reason`` of what was refused or is doubtful, sorted
    """

    origin: str
    path: str
    source: str
    phone_number: ValueKind
    sms_optin: ValueKind
    gdpr_optin: ValueKind
    uuid: ValueKind
    identity: str
    is_signed_in: bool
    problems: tuple[str, ...] = ()


class SiteReports:
    """Samples and counts that this process has not written yet, shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: dict[tuple[str, str], Sample] = {}
        self._views: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[tuple[SiteCountKind, str]] = Counter()
        self._written_at: datetime | None = None

    def add(self, sample: Sample) -> None:
        """Remember what a page sent; it replaces what the same page sent before."""
        with self._lock:
            self._samples[sample.origin, sample.path] = sample
            self._views[sample.origin, sample.path] += 1

    def count(self, kind: SiteCountKind, reason: str) -> None:
        """Count one refusal."""
        with self._lock:
            self._counts[kind, reason] += 1
