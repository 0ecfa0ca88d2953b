"""The head of the ledger: what is published elsewhere, so that a rollback of the whole database shows."""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import InvalidInput
from app.core.ledger import seals, verify_seals
from app.core.ledger.canonical import microseconds
from app.core.ledger.report import Report
from app.core.ledger.unreadable import readable
from app.models import LedgerSeal, PublishedHead, SigningKey

# Published heads that a verification compares: the newest ones of this database.
_COMPARED = 50
_SEAL, _HEAD = LedgerSeal.__table__, PublishedHead.__table__


def current(session: Session) -> dict[str, Any] | None:
    """The newest seal as JSON, to be published outside the database; null before the first seal.

    ``seal`` is the signed record. ``seal_hash`` is the SHA-256 of its canonical JSON (RFC 8785), ``signature`` is over
    the same bytes, by the Ed25519 key ``public_key``; both are base64url. ``events`` counts all sealed events.
    """
    seal = seals.newest(session)
    return None if seal is None else _head(session, seal)


def mark_published(session: Session, head: dict[str, Any], *, way: str, at: datetime) -> None:
    """Remember that a head left the database. A verification then asks for it. Flushes, does not commit.

    :param way: ``webhook``, ``file`` or ``command``
    """
    session.add(PublishedHead(seal_id=head["seal_id"], head=head, way=way, published_at=at))
    session.flush()


def last_published(session: Session, *, way: str | None = None) -> PublishedHead | None:
    """The head that was published last, in this way or in any; null while none ever was."""
    query = select(PublishedHead).order_by(PublishedHead.id.desc()).limit(1)
    return session.scalars(query if way is None else query.where(PublishedHead.way == way)).one_or_none()


def read(head: Any) -> dict[str, Any]:
    """A head that was published, as ``current`` made it.

    :raises InvalidInput: it is none
    """
    if not isinstance(head, dict) or type(head.get("seal_id")) is not int or not isinstance(head.get("seal_hash"), str):
        raise InvalidInput("This is not a ledger head: it has no “seal_id” and “seal_hash”.", field="head")
    return head


def check(session: Session, published: list[dict[str, Any]], report: Report) -> None:
    """Compare heads that were published with the seals that are there now.

    A ledger that was rolled back lacks the seal of a head, or has another one in its place. A restore from a backup
    does so, too. It says so in its first seal, and is reported. It explains only heads from before it: one that was
    published later was lost in another way.

    :param published: heads that the caller knows; those that this database remembers are added
    """
    heads = [*published, *_remembered(session, report)]
    known = {(head["seal_id"], head["seal_hash"]): _sealed_at(head) for head in heads}
    for (seal_id, seal_hash), sealed_at in sorted(known.items(), key=lambda each: each[0]):
        row = session.execute(verify_seals.READABLE.where(_SEAL.c.id == seal_id)).one_or_none()
        line = {"seal_id": seal_id, "seal_hash": seal_hash}
        if row is not None and verify_seals.hash_of(verify_seals.seal_of(row)).hex() == seal_hash:
            report.heads.append({**line, "found": True})
        elif restore := _restore_after(session, seal_id, sealed_at):
            report.heads.append({**line, "found": False, "lost_by_restore_in_seal": restore})
        else:
            report.heads.append({**line, "found": False})
            report.lost_heads.add(seal_id)


def _remembered(session: Session, report: Report) -> Iterator[dict[str, Any]]:
    """The heads that this database remembers. One that cannot be read counts as lost."""
    query = select(_HEAD.c.seal_id, readable(_HEAD.c.head)).order_by(_HEAD.c.id.desc()).limit(_COMPARED)
    for row in session.execute(query):
        try:
            yield read(row.head)
        except InvalidInput:
            report.heads.append({"seal_id": row.seal_id, "seal_hash": None, "found": False})
            report.lost_heads.add(row.seal_id)


def _sealed_at(head: dict[str, Any]) -> int | None:
    """When the seal of a head was made, in microseconds; null where the head does not say so."""
    match head:
        case {"seal": {"sealed_at": int(at)}}:
            return at
    return None


def _restore_after(session: Session, seal_id: int, sealed_at: int | None) -> int | None:
    """The seal of a restore that replaced a ledger with this seal; null when there is none."""
    columns = (_SEAL.c.id, readable(_SEAL.c.restore), readable(_SEAL.c.sealed_at))
    query = select(*columns).where(_SEAL.c.restore.is_not(None)).order_by(_SEAL.c.id)
    for found_id, restore, restored_at in session.execute(query):
        if sealed_at is not None and sealed_at > microseconds(restored_at + verify_seals.CLOCKS_DIFFER):
            continue
        match restore:
            case {"replaced": {"seal_id": int(replaced)}} if found_id <= seal_id <= replaced:
                return int(found_id)
            case {"replaced": None} if found_id <= seal_id:
                return int(found_id)
    return None


def _head(session: Session, seal: LedgerSeal) -> dict[str, Any]:
    events = select(func.sum(_SEAL.c.count)).where(_SEAL.c.id <= seal.id)
    key = session.get_one(SigningKey, seal.key_id)
    return {
        "type": "assent.ledger.head",
        "v": 1,
        "seal_id": seal.id,
        "seal_hash": seals.hash_of(seal).hex(),
        "events": int(session.scalar(events) or 0),
        "sealed_at": seal.sealed_at.isoformat(),
        "key_id": seal.key_id,
        "public_key": _base64url(key.public_key),
        "signature": _base64url(seal.signature),
        "seal": seals.record(seal),
        "made_at": clock.now().isoformat(),
    }


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
