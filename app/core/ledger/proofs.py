"""The proof that one event is in a seal. It needs no other event."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.ledger import merkle, seals
from app.core.ledger.canonical import event_bytes, event_record
from app.models import ConsentEvent, LedgerSeal


@dataclass(frozen=True)
class InclusionProof:
    """How one event leads to a signed seal.

    :param record: what is hashed; ``leaf`` is the hash of 0x00 and its canonical JSON
    :param index: of the leaf among the ``seal.count`` leaves
    :param path: the hashes from the leaf to ``seal.root``, the lowest first
    """

    record: dict[str, Any]
    leaf: bytes
    index: int
    path: list[bytes]
    seal: LedgerSeal


def inclusion_proof(session: Session, event_id: int) -> InclusionProof | None:
    """The proof for one event; null while it is not sealed, or when there is no such event.

    It is made of what is stored, and checks nothing: an altered event has a proof that leads to another root.
    """
    event = session.scalars(select(ConsentEvent).where(ConsentEvent.id == event_id)).one_or_none()
    seal = seals.of_event(session, event_id) if event is not None else None
    if event is None or seal is None:
        return None
    index = seals.index_of(seal.ids, event_id)
    path = merkle.inclusion_path(merkle.split(seal.leaves), index)
    return InclusionProof(event_record(event), merkle.leaf_hash(event_bytes(event)), index, path, seal)
