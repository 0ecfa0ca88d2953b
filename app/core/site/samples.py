"""What pages send, without personal data: kept in memory, and written a few seconds later for many pages together.

What a process did not write yet when it ends is lost: a few seconds of samples and counts, which the next view repeats.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.models import SiteCountKind

WRITE_EVERY = timedelta(seconds=2)
PATHS_MAX = 200
# Of all origins together, in memory.
_PAGES_MAX, _REASONS_MAX = 1000, 200


class ValueKind(StrEnum):
    """How a property of the user object was given. ``REFUSED``: the code is among the sample's ``problems``."""

    ABSENT = "absent"
    GIVEN = "given"
    TRUE = "true"
    FALSE = "false"
    REFUSED = "refused"


@dataclass(frozen=True)
class Sample:
    """One call of a page. It identifies no one: ``path`` has no query and no ids, values are kinds.

    :param source: ``insider_object``, ``InsiderQueue``, ``both``; empty: the page has no user object
    :param identity: ``signed``, ``unsigned`` (the page signs no one), or why its signature is not valid
    :param is_signed_in: whether the page says that a user is signed in (``window.assent`` or the object has an id)
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

    @property
    def shape(self) -> dict[str, Any]:
        """What ``site_samples`` keeps of it, beside the page."""
        values = asdict(self) | {"problems": list(self.problems)}
        return {name: value for name, value in values.items() if name not in {"origin", "path", "is_signed_in"}}

    @classmethod
    def read(cls, origin: str, path: str, shape: Mapping[str, Any], *, is_signed_in: bool) -> "Sample":
        """A sample from what ``shape`` kept."""
        kinds = {name: ValueKind(shape[name]) for name in ("phone_number", "sms_optin", "gdpr_optin", "uuid")}
        return cls(
            origin=origin,
            path=path,
            source=shape["source"],
            identity=shape["identity"],
            is_signed_in=is_signed_in,
            problems=tuple(shape["problems"]),
            **kinds,
        )


@dataclass
class PageReport:
    """What one page sent since the last time that it was written: the last sample of each kind of visitor.

    Without a sample the page only loaded the script.
    """

    views: int = 0
    signed_in: Sample | None = None
    signed_out: Sample | None = None


Page = tuple[str, str]  # origin and path
Reason = tuple[SiteCountKind, str]


@dataclass(frozen=True)
class Batch:
    """What is to be written."""

    pages: dict[Page, PageReport] = field(default_factory=dict)
    counts: Counter[Reason] = field(default_factory=Counter)


class SiteReports:
    """Samples and counts that this process has not written yet, shared by its threads.

    Of one origin at most 200 paths are kept, of all at most 1,000; more are dropped until the next writing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batch = Batch()
        self._paths: Counter[str] = Counter()
        self._turn_at: datetime | None = None

    def add(self, sample: Sample) -> None:
        """Remember what a page sent; it replaces what the same page sent before for this kind of visitor."""
        with self._lock:
            report = self._report(sample.origin, sample.path)
            report.views += 1
            if sample.is_signed_in:
                report.signed_in = sample
            else:
                report.signed_out = sample

    def see(self, origin: str, path: str) -> None:
        """Remember that a page loaded the script, whatever it sends."""
        with self._lock:
            self._report(origin, path)

    def count(self, kind: SiteCountKind, reason: str) -> None:
        """Count one refusal."""
        with self._lock:
            counts = self._batch.counts
            if len(counts) < _REASONS_MAX or (kind, reason) in counts:
                counts[kind, reason] += 1

    def take_turn(self, *, at: datetime) -> bool:
        """Whether the caller is the one to write now: something waits, and the last turn was two seconds ago."""
        with self._lock:
            if not self._batch.pages and not self._batch.counts:
                return False
            if self._turn_at is not None and timedelta(0) <= at - self._turn_at < WRITE_EVERY:
                return False
            self._turn_at = at
            return True

    def take(self) -> Batch:
        """Everything that waits. It is the caller's from now on."""
        with self._lock:
            taken, self._batch = self._batch, Batch()
            self._paths.clear()
        return taken

    def give_back(self, batch: Batch) -> None:
        """Keep what could not be written, behind what was added since."""
        with self._lock:
            for (origin, path), old in batch.pages.items():
                report = self._report(origin, path)
                report.views += old.views
                report.signed_in = report.signed_in or old.signed_in
                report.signed_out = report.signed_out or old.signed_out
            self._batch.counts.update(batch.counts)

    def _report(self, origin: str, path: str) -> PageReport:
        """The report of a page; one that nothing refers to where there is no room."""
        pages = self._batch.pages
        if (origin, path) not in pages:
            if len(pages) >= _PAGES_MAX or self._paths[origin] >= PATHS_MAX:
                return PageReport()
            pages[origin, path] = PageReport()
            self._paths[origin] += 1
        return pages[origin, path]
