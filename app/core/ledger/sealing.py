"""Seals events in batches: hashes them, signs the root of their Merkle tree, and links it to the seal before.

A seal is one inserted row, so a sealer that is killed leaves nothing half done. On SQLite a batch is hashed before the
transaction that stores it, so that other writers wait for one small insert; events never change, and a seal that
another process stored meanwhile wins. On PostgreSQL sealers exclude each other by an advisory lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.ledger import merkle, pending, seals, signing_keys
from app.core.ledger.canonical import EVENT_COLUMNS, bytes_of
from app.core.ledger.pending import Position
from app.db import Database
from app.models import LedgerSeal

# Events in one seal. Small, so that a proof is short and a batch takes a fraction of a second.
BATCH = 2_000
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(4274)")


@dataclass(frozen=True)
class _Batch:
    """A hashed batch that follows the seal ``previous``. An empty one moves the position, or records a restore."""

    previous: LedgerSeal | None
    ids: list[int]
    leaves: list[bytes]
    position: Position | None


def seal(database: Database, *, batch: int = BATCH, restore: dict[str, Any] | None = None) -> int:
    """Seal every event that can be sealed now, in batches. Returns how many.

    :param restore: what a restore from a backup replaced, to be recorded in the first seal, even when it is empty
    """
    sealed = 0
    while (count := _seal_batch(database, batch, restore)) is not None:
        sealed, restore = sealed + count, None
        if count < batch:
            break
    return sealed


def _seal_batch(database: Database, limit: int, restore: dict[str, Any] | None) -> int | None:
    """Store one seal; returns the count of its events. Null when there is nothing to seal, or another process seals."""
    if database.is_sqlite:
        with database.read_only() as session:
            prepared = _prepare(session, limit, is_wanted=restore is not None)
        if prepared is None:
            return None
        with database.unit_of_work() as session:
            return _store(session, prepared, restore)
    with database.unit_of_work() as session:
        if not session.scalar(_TRY_LOCK):
            return None
        prepared = _prepare(session, limit, is_wanted=restore is not None)
        return None if prepared is None else _store(session, prepared, restore)


def _prepare(session: Session, limit: int, *, is_wanted: bool) -> _Batch | None:
    """:param is_wanted: whether a seal is stored even when no event waits"""
    previous = seals.newest(session)
    found = pending.find(session, previous, limit=limit)
    if not (found.events or found.moves or is_wanted):
        return None
    return _Batch(previous, [event.id for event in found.events], _leaves(found.events), found.position)


def _leaves(events: Sequence[Any]) -> list[bytes]:
    return [merkle.leaf_hash(bytes_of(event[: len(EVENT_COLUMNS)])) for event in events]


def _store(session: Session, batch: _Batch, restore: dict[str, Any] | None) -> int | None:
    previous, newest = batch.previous, seals.newest(session)
    if (newest.id if newest else 0) != (previous.id if previous else 0):
        return None
    key = signing_keys.ensure(session)
    made = LedgerSeal(
        id=previous.id + 1 if previous else 1,
        version=seals.SEAL_VERSION,
        previous=seals.hash_of(previous) if previous else seals.NO_SEAL,
        root=merkle.root(batch.leaves),
        count=len(batch.ids),
        ids=seals.to_ranges(batch.ids),
        first_id=batch.ids[0] if batch.ids else None,
        last_id=batch.ids[-1] if batch.ids else None,
        leaves=b"".join(batch.leaves),
        restore=restore,
        key_id=key.id,
        sealed_at=max(clock.now(), key.created_at),  # the clock may have been set back since
        up_to_xid=batch.position.xid if batch.position else None,
        up_to_id=batch.position.event_id if batch.position else None,
    )
    made.signature = signing_keys.sign(session, key, seals.signed_bytes(made))
    session.add(made)
    session.flush()
    return made.count
