"""The signed record of a seal, and the ids that it covers."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.ledger.canonical import canonical_json, microseconds
from app.core.ledger.merkle import HASH_BYTES
from app.models import LedgerSeal

# The version of the record of a seal.
SEAL_VERSION = 1
# The hash before the first seal.
NO_SEAL = bytes(HASH_BYTES)
_TYPE = "assent.ledger.seal"


def record(seal: LedgerSeal) -> dict[str, Any]:
    """What is signed, version 1. Hashes are hex, times microseconds since 1970 (UTC)."""
    found: dict[str, Any] = {
        "v": seal.version,
        "type": _TYPE,
        "id": seal.id,
        "previous": seal.previous.hex(),
        "root": seal.root.hex(),
        "count": seal.count,
        "ids": seal.ids,
        "key_id": seal.key_id,
        "sealed_at": microseconds(seal.sealed_at),
    }
    return found if seal.restore is None else found | {"restore": seal.restore}


def signed_bytes(seal: LedgerSeal) -> bytes:
    """The canonical bytes of the record, which the signature is over."""
    return canonical_json(record(seal))


def hash_of(seal: LedgerSeal) -> bytes:
    """The hash of a seal: SHA-256 of its canonical record. The next seal carries it as ``previous``."""
    return hashlib.sha256(signed_bytes(seal)).digest()


def newest(session: Session) -> LedgerSeal | None:
    """The last seal; null before the first."""
    return session.scalars(select(LedgerSeal).order_by(LedgerSeal.id.desc()).limit(1)).one_or_none()


def of_event(session: Session, event_id: int) -> LedgerSeal | None:
    """The seal that covers an event; null while the event is not sealed."""
    candidates = (
        select(LedgerSeal.id, LedgerSeal.ids)
        .where(LedgerSeal.last_id >= event_id, LedgerSeal.first_id <= event_id)
        .order_by(LedgerSeal.last_id)
    )
    for seal_id, ranges in session.execute(candidates):
        if covers(ranges, event_id):
            return session.get_one(LedgerSeal, seal_id)
    return None


def to_ranges(ids: Iterable[int]) -> list[list[int]]:
    """Ascending ids as ranges: ``[[1, 3], [7, 7]]`` for 1, 2, 3 and 7."""
    ranges: list[list[int]] = []
    for each in ids:
        if ranges and ranges[-1][1] == each - 1:
            ranges[-1][1] = each
        else:
            ranges.append([each, each])
    return ranges


def covers(ranges: Sequence[Sequence[int]], event_id: int) -> bool:
    """Whether an id is in one of the ranges."""
    return any(first <= event_id <= last for first, last in ranges)


def index_of(ranges: Sequence[Sequence[int]], event_id: int) -> int:
    """The position of an id among the ids of a seal, which is the position of its leaf.

    :raises ValueError: the seal does not cover it
    """
    index = 0
    for first, last in ranges:
        if first <= event_id <= last:
            return index + event_id - first
        index += last - first + 1
    raise ValueError(f"event {event_id} is not covered by this seal")
