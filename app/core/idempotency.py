"""Calls that may come twice: what the first one was answered is what the second one is answered."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core.errors import InvalidInput, InvalidState
from app.db import insert_or_ignore
from app.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
KEY_MAX = 255


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What makes two calls the same call."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode("utf-8", "replace"), body))).hexdigest()


def claim(session: Session, token_id: int, key: str, call: str, *, at: datetime) -> str | None:
    """Take the key for this call, in the transaction of what it does; null when it was free.

    The answer of the call that had it first comes back when that is the same call. Two at once come one after the
    other: the second waits here until the first has committed. A call that fails leaves its key free.

    :raises InvalidInput: ``key`` is too long or holds more than visible ASCII
    :raises InvalidState: ``idempotency_conflict``: the key was used for another call, or for a contact that was erased
    """
    if not key or len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        raise InvalidInput(f"An Idempotency-Key is 1 to {KEY_MAX} visible ASCII characters.", field="Idempotency-Key")
    if _take(session, token_id, key, call, at):
        return None
    kept = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
    ).one()
    if kept.created_at <= at - KEPT_FOR:
        session.delete(kept)
        session.flush()
        _take(session, token_id, key, call, at)
        return None
    if kept.fingerprint != call:
        raise _conflict("This Idempotency-Key was used for another call. Make a new key for each thing you want done.")
    if not kept.answer:
        raise _conflict("What this Idempotency-Key was used for was erased since. Make a new key to begin anew.")
    return kept.answer


def keep(session: Session, token_id: int, key: str, answer: str) -> None:
    """Keep what the call is answered under the key that it claimed."""
    mine = update(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
    session.execute(mine.values(answer=answer))


def forget_contact(session: Session, public_id: str) -> None:
    """Delete what calls were answered about a contact that is erased; their keys stay taken, so nothing comes back."""
    told = update(IdempotencyKey).where(IdempotencyKey.answer.contains(public_id))
    session.execute(told.values(answer=""), execution_options={"synchronize_session": False})


def forget(session: Session, *, at: datetime) -> int:
    """Delete the keys whose day is over; how many comes back."""
    result = session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at <= at - KEPT_FOR))
    return int(cast(Any, result).rowcount)


def _conflict(message: str) -> InvalidState:
    return InvalidState(message, field="Idempotency-Key", code="idempotency_conflict")


def _take(session: Session, token_id: int, key: str, call: str, at: datetime) -> bool:
    values = {"token_id": token_id, "key": key, "fingerprint": call, "answer": "", "created_at": at}
    return insert_or_ignore(session, IdempotencyKey, values)
