"""What a verification of the ledger found, as it is printed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# How many ids or rows of one kind are named; the rest are counted.
NAMED_MAX = 1_000


@dataclass
class Names:
    """Rows of one kind: how many, and the first of them."""

    count: int = 0
    named: list[Any] = field(default_factory=list)

    def add(self, each: Any) -> None:
        self.count += 1
        if len(self.named) < NAMED_MAX:
            self.named.append(_named(each))

    def add_all(self, several: Iterable[Any]) -> None:
        for each in several:
            self.add(each)

    def add_range(self, first: int, last: int) -> None:
        """Add every id from ``first`` to ``last``; none when ``last`` is lower."""
        self.named += range(first, min(last, first + NAMED_MAX - len(self.named) - 1) + 1)
        self.count += max(0, last - first + 1)

    def as_json(self) -> dict[str, Any]:
        return {"count": self.count, "ids": self.named}


@dataclass
class Report:
    """One verification. The first group of names is tampering; the second explains what is no tampering.

    :param altered: events whose columns are not those that were sealed; ``missing``: sealed and gone; ``inserted``:
        not sealed, though the sealer has passed their place; ``reordered``: with the columns of another sealed event
    :param altered_evidence: does not have the hash of its event; ``unexplained_erasures``: erased without an event
    :param bad_seals: each with its problems; ``missing_seals``; ``foreign_keys``: not made by this installation
    :param lost_heads: published heads that are not in this ledger, and that no restore explains
    :param mismatches: rows of the state that do not follow from the events
    :param late: sealed events that were recorded long before: their transaction was open for longer than usual
    """

    started_at: datetime
    finished_at: datetime | None = None
    events: int = 0
    sealed: int = 0
    evidence: int = 0
    erased: int = 0
    wordings: int = 0
    seals: int = 0
    keys: int = 0
    state: dict[str, int] = field(default_factory=dict)
    altered: Names = field(default_factory=Names)
    missing: Names = field(default_factory=Names)
    inserted: Names = field(default_factory=Names)
    reordered: Names = field(default_factory=Names)
    altered_evidence: Names = field(default_factory=Names)
    missing_evidence: Names = field(default_factory=Names)
    unexplained_erasures: Names = field(default_factory=Names)
    altered_wordings: Names = field(default_factory=Names)
    missing_wordings: Names = field(default_factory=Names)
    bad_seals: Names = field(default_factory=Names)
    missing_seals: Names = field(default_factory=Names)
    foreign_keys: Names = field(default_factory=Names)
    lost_heads: Names = field(default_factory=Names)
    mismatches: Names = field(default_factory=Names)
    not_yet_sealed: Names = field(default_factory=Names)
    oldest_unsealed_at: datetime | None = None
    blocked_by: dict[str, Any] | None = None
    late: Names = field(default_factory=Names)
    restores: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_tampered(self) -> bool:
        return any(
            names.count
            for names in (
                self.altered,
                self.missing,
                self.inserted,
                self.reordered,
                self.altered_evidence,
                self.missing_evidence,
                self.unexplained_erasures,
                self.altered_wordings,
                self.missing_wordings,
                self.bad_seals,
                self.missing_seals,
                self.foreign_keys,
                self.lost_heads,
                self.mismatches,
            )
        )

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; times are ISO 8601 (UTC)."""
        finished_at = self.finished_at or self.started_at
        return {
            "type": "ledger_verification",
            "result": "tampered" if self.is_tampered else "ok",
            "started_at": _iso(self.started_at),
            "finished_at": _iso(self.finished_at),
            "duration_s": round((finished_at - self.started_at).total_seconds(), 3),
            "events": {
                "total": self.events,
                "sealed": self.sealed,
                "altered": self.altered.as_json(),
                "missing": self.missing.as_json(),
                "inserted": self.inserted.as_json(),
                "reordered": self.reordered.as_json(),
                "late": self.late.as_json(),
                "not_yet_sealed": {
                    **self.not_yet_sealed.as_json(),
                    "oldest_recorded_at": _iso(self.oldest_unsealed_at),
                    "blocked_by": self.blocked_by,
                },
            },
            "evidence": {
                "total": self.evidence,
                "erased": self.erased,
                "altered": self.altered_evidence.as_json(),
                "missing": self.missing_evidence.as_json(),
                "unexplained_erasures": self.unexplained_erasures.as_json(),
            },
            "wordings": {
                "total": self.wordings,
                "altered": self.altered_wordings.as_json(),
                "missing": self.missing_wordings.as_json(),
            },
            "seals": {
                "total": self.seals,
                "bad": {"count": self.bad_seals.count, "seals": self.bad_seals.named},
                "missing": self.missing_seals.as_json(),
            },
            "keys": {"total": self.keys, "foreign": self.foreign_keys.as_json()},
            "heads": self.heads,
            "restores": self.restores,
            "state": {
                **self.state,
                "mismatches": {"count": self.mismatches.count, "rows": self.mismatches.named},
            },
        }


def _named(each: Any) -> Any:
    """A name as JSON: bytes that stand where a text should be are written out."""
    if isinstance(each, dict):
        return {key: _named(value) for key, value in each.items()}
    return repr(each) if isinstance(each, bytes) else each


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
