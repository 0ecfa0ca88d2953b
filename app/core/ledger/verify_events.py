"""Checks events and their evidence against the leaves of the seals, and finds events that no seal covers."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.ledger import evidence as ledger_evidence
from app.core.ledger import merkle, pending, seals
from app.core.ledger.canonical import EVENT_COLUMNS, bytes_of
from app.core.ledger.history import History
from app.core.ledger.report import Report
from app.core.ledger.unreadable import readable
from app.core.ledger.verify_seals import CheckedSeal
from app.db import dialect_of
from app.models import ConsentEvent, ConsentEvidence

_CHUNK = 5_000
_EVENT_VALUES = len(EVENT_COLUMNS)
# Ids that lie closer together are read by one query, even if other seals cover those between them.
_GAP = 1_000
# Among how many altered events of a chunk those are looked for that exchanged their places.
_COMPARED = 100
# An event that was recorded so long before the seal before its own was held by an unusually long transaction.
_USUAL = timedelta(minutes=10)
_EVENT = ConsentEvent.__table__
_EVIDENCE = ConsentEvidence.__table__
# What hashing raises for values that nothing of ours writes.
_NO_HASH = (AttributeError, OverflowError, TypeError, ValueError)
# Every event with its evidence, which a verification reads.
ROWS = (
    select(
        *(readable(_EVENT.c[name]) for name in EVENT_COLUMNS),
        _EVENT.c.recorded_xid,
        _EVIDENCE.c.event_id,
        *(readable(_EVIDENCE.c[name]) for name in (*ledger_evidence.SORTED, "salt", "erased_at")),
    )
    .select_from(_EVENT.outerjoin(_EVIDENCE, _EVIDENCE.c.event_id == _EVENT.c.id))
    .order_by(_EVENT.c.id)
    .execution_options(yield_per=_CHUNK)
)


class _Sealed(NamedTuple):
    """The leaf that a seal has for an event, and when the seal before was made: null for the first."""

    leaf: bytes
    sealed_before_at: datetime | None


class EventCheck:
    """Checks events chunk by chunk. ``finish`` must be called after the last seal."""

    def __init__(self, session: Session, history: History, report: Report) -> None:
        self._session, self._history, self._report = session, history, report
        self._expected: dict[int, _Sealed] = {}
        self._covered: list[list[int]] = []

    def add(self, checked: CheckedSeal) -> None:
        """Check the events of one seal, now or together with those of the next seals."""
        seal = checked.seal
        leaves = merkle.split(seal.leaves)
        if "root" in checked.problems:
            stored = [_leaf(row[:_EVENT_VALUES]) for row in self._rows(seal.ids)]
            if merkle.root(stored) == seal.root:
                checked.problems[checked.problems.index("root")], leaves = "leaves", stored
        before_at = checked.before.sealed_at if checked.before else None
        ids = (event_id for first, last in seal.ids for event_id in range(first, last + 1))
        self._expected |= {each: _Sealed(leaf, before_at) for each, leaf in zip(ids, leaves, strict=False)}
        for first, last in seal.ids:
            if self._covered and self._covered[-1][1] == first - 1:
                self._covered[-1][1] = last
            else:
                self._covered.append([first, last])
        if len(self._expected) >= _CHUNK:
            self._check_sealed()

    def finish(self) -> None:
        """Check what is left, and every event that no seal covers."""
        self._check_sealed()
        self._covered.sort()
        for before, after in zip(self._covered, self._covered[1:], strict=False):
            if after[0] <= before[1]:
                problem = f"the ids {after[0]} to {min(before[1], after[1])} are in two seals"
                self._report.bad_seals.add({"id": None, "problems": [problem]})
        total = self._session.scalar(select(func.count()).select_from(_EVENT)) or 0
        if total != self._report.events:
            self._check_unsealed()
        evidence = self._session.scalar(select(func.count()).select_from(_EVIDENCE)) or 0
        if evidence != self._report.evidence:
            orphans = select(_EVIDENCE.c.event_id).where(_EVIDENCE.c.event_id.not_in(select(_EVENT.c.id)))
            self._report.altered_evidence.add_all(self._session.scalars(orphans))

    def _check_sealed(self) -> None:
        missing, altered = set(self._expected), []
        for row in self._rows(_spans(sorted(self._expected))):
            if (expected := self._expected.get(row.id)) is None:
                continue
            missing.discard(row.id)
            self._report.sealed += 1
            self._check_evidence(row)
            if _leaf(row[:_EVENT_VALUES]) != expected.leaf:
                altered.append(row)
            elif expected.sealed_before_at and row.recorded_at < expected.sealed_before_at - _USUAL:
                self._report.late.add(row.id)
        reordered = self._reordered(altered[:_COMPARED], missing)
        self._report.reordered.add_all(sorted(reordered))
        self._report.altered.add_all(row.id for row in altered if row.id not in reordered)
        self._report.missing.add_all(sorted(missing))
        self._expected = {}

    def _reordered(self, altered: Sequence[Any], missing: set[int]) -> set[int]:
        """The altered events that have the columns of another event of this chunk, in whose place it would be right."""
        places = {row.id for row in altered} | set(sorted(missing)[:_COMPARED])
        found = set()
        for row in altered:
            for place in places - {row.id}:
                moved = [place if name == "id" else getattr(row, name) for name in EVENT_COLUMNS]
                if _leaf(moved) == self._expected[place].leaf:
                    found.add(row.id)
        return found

    def _check_unsealed(self) -> None:
        newest = seals.newest(self._session)
        position = pending.position_of(newest)
        is_sqlite = dialect_of(self._session) == "sqlite"
        last_id = pending.last_sealed_id(self._session)
        is_lost = not is_sqlite and newest is not None and pending.is_position_lost(self._session, newest)
        for row in self._uncovered():
            self._check_evidence(row)
            at = (row.recorded_xid or -1, row.id)
            if row.id > last_id if is_sqlite else is_lost or at > (position.xid, position.event_id):
                self._report.not_yet_sealed.add(row.id)
                oldest = self._report.oldest_unsealed_at or row.recorded_at
                self._report.oldest_unsealed_at = min(oldest, row.recorded_at)
            else:
                self._report.inserted.add(row.id)

    def _check_evidence(self, row: Any) -> None:
        self._report.events += 1
        if row.event_id is None:
            self._report.missing_evidence.add(row.id)
            return
        self._report.evidence += 1
        *columns, salt, erased_at = row[_EVENT_VALUES + 2 :]
        if erased_at is None:
            if _evidence_hash(columns, salt) != row.evidence_hash:
                self._report.altered_evidence.add(row.id)
        elif any(value is not None for value in (*columns, salt)):
            self._report.altered_evidence.add(row.id)
        elif self._history.explains_erasure(row, erased_at):
            self._report.erased += 1
        else:
            self._report.unexplained_erasures.add(row.id)

    def _rows(self, ranges: Iterable[Sequence[int]]) -> Iterator[Any]:
        for first, last in ranges:
            yield from self._session.execute(ROWS.where(_EVENT.c.id.between(first, last)))

    def _uncovered(self) -> Iterator[Any]:
        """The events that no seal covers."""
        ids = self._uncovered_ids()
        while chunk := list(islice(ids, _CHUNK)):
            wanted = set(chunk)
            yield from (row for row in self._rows(_spans(chunk)) if row.id in wanted)

    def _uncovered_ids(self) -> Iterator[int]:
        ids = select(_EVENT.c.id).order_by(_EVENT.c.id).execution_options(yield_per=_CHUNK)
        at = 0
        for event_id in self._session.scalars(ids):
            while at < len(self._covered) and self._covered[at][1] < event_id:
                at += 1
            if at == len(self._covered) or event_id < self._covered[at][0]:
                yield event_id


def _leaf(values: Sequence[Any]) -> bytes:
    """The leaf of an event; empty where an altered one has values that cannot be hashed."""
    try:
        return merkle.leaf_hash(bytes_of(values))
    except _NO_HASH:
        return b""


def _evidence_hash(columns: Sequence[Any], salt: Any) -> bytes:
    """As ``_leaf``, of evidence."""
    try:
        return ledger_evidence.hash_in_order(columns, salt)
    except _NO_HASH:
        return b""


def _spans(ids: Iterable[int]) -> list[list[int]]:
    """Ranges that contain these ascending ids. Ids between them are in a range, too, where the gap is small."""
    spans: list[list[int]] = []
    for each in ids:
        if spans and each - spans[-1][1] <= _GAP:
            spans[-1][1] = each
        else:
            spans.append([each, each])
    return spans
