"""Checks the chain of seals: hashes, signatures, keys, counts and ids."""

import itertools
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.core.ledger import merkle, seals, signing_keys
from app.core.ledger.report import Report
from app.core.ledger.unreadable import readable
from app.models import LedgerSeal, SigningKey

_CHUNK = 200
_SEAL, _KEY = LedgerSeal.__table__, SigningKey.__table__
# Every seal, whatever is in its row; ``seal_of`` makes it one.
READABLE = select(*(readable(each) for each in _SEAL.c))
# Clocks of several machines may differ by as much.
CLOCKS_DIFFER = timedelta(minutes=5)


class CheckedSeal(NamedTuple):
    """A seal with what is wrong with it so far, and the seal before it (null for the first)."""

    seal: LedgerSeal
    problems: list[str]
    before: "Link | None"


class Link(NamedTuple):
    """What the next seal is compared with."""

    seal_id: int
    hash: bytes
    sealed_at: datetime


def check(session: Session, report: Report) -> Generator[CheckedSeal, None, None]:
    """Every seal in the order of the ids. The caller checks the events and adds the seal's problems to the report."""
    rows = session.execute(select(*(readable(each) for each in _KEY.c)))
    keys = {key.id: key for key in (SigningKey(**row._mapping) for row in rows)}  # noqa: SLF001
    report.keys = len(keys)
    foreign = {key_id for key_id, key in keys.items() if not signing_keys.is_ours(session, key)}
    report.foreign_keys.add_all(sorted(foreign, key=str))
    before: Link | None = None
    query = READABLE.order_by(_SEAL.c.id).execution_options(yield_per=_CHUNK)
    with session.execute(query) as found:
        for row in found:
            seal = seal_of(row)
            link = Link(seal.id, hash_of(seal), seal.sealed_at)
            problems = _problems_of_key(seal, keys.get(seal.key_id), foreign)
            problems += _problems_of_link(seal, before, report)
            yield _checked(seal, problems, before, report)
            before = link


def seal_of(row: Row[Any]) -> LedgerSeal:
    """A seal that belongs to no session, from a row of ``READABLE``. It may not be as its type says."""
    return LedgerSeal(**row._mapping)  # noqa: SLF001


def hash_of(seal: LedgerSeal) -> bytes:
    """The hash of a seal; empty where an altered one has no canonical form."""
    try:
        return seals.hash_of(seal)
    except (AttributeError, TypeError, ValueError):
        return b""


def _checked(seal: LedgerSeal, problems: list[str], before: Link | None, report: Report) -> CheckedSeal:
    report.seals += 1
    if seal.restore is not None:
        restored_at = seal.sealed_at.isoformat()
        report.restores.append({"seal_id": seal.id, "restored_at": restored_at, "restore": seal.restore})
    if not isinstance(seal.leaves, bytes):
        seal.leaves = b""
    if _is_readable(seal.ids):
        return CheckedSeal(seal, [*problems, *_problems(seal)], before)
    seal.ids = []
    return CheckedSeal(seal, [*problems, "ids"], before)


def _is_readable(ranges: Any) -> bool:
    """Whether these are ranges of ids; an altered seal may hold anything."""
    return isinstance(ranges, list) and all(
        isinstance(each, list) and len(each) == 2 and all(type(end) is int for end in each) for each in ranges
    )


def _problems(seal: LedgerSeal) -> list[str]:
    ranges, leaves = seal.ids, merkle.split(seal.leaves)
    count = sum(last - first + 1 for first, last in ranges)
    ends = (ranges[0][0], ranges[-1][1]) if ranges else (None, None)
    in_order = all(first <= last for first, last in ranges) and all(
        before[1] < after[0] for before, after in itertools.pairwise(ranges)
    )
    checks = {
        "version": seal.version == seals.SEAL_VERSION,
        "count": seal.count == count == len(leaves) and len(seal.leaves) == count * merkle.HASH_BYTES,
        "ids": in_order and ends == (seal.first_id, seal.last_id),
        "root": merkle.root(leaves) == seal.root,
    }
    return [name for name, is_right in checks.items() if not is_right]


def _problems_of_key(seal: LedgerSeal, key: SigningKey | None, foreign: set[str]) -> list[str]:
    if key is None or key.id in foreign:
        return ["key"]
    if not _is_signed(seal, key):
        return ["signature"]
    is_late = key.retired_at is not None and seal.sealed_at > key.retired_at + CLOCKS_DIFFER
    return ["sealed_at"] if is_late or seal.sealed_at < key.created_at - CLOCKS_DIFFER else []


def _is_signed(seal: LedgerSeal, key: SigningKey) -> bool:
    try:
        return signing_keys.is_signed(key.public_key, seal.signature, seals.signed_bytes(seal))
    except (AttributeError, TypeError, ValueError):  # an altered record that has no canonical form
        return False


def _problems_of_link(seal: LedgerSeal, before: Link | None, report: Report) -> list[str]:
    last_id, expected = (before.seal_id, before.hash) if before else (0, seals.NO_SEAL)
    report.missing_seals.add_range(last_id + 1, seal.id - 1)
    return [] if seal.previous == expected or seal.id != last_id + 1 else ["previous"]
