"""Idempotency keys of API calls: a repeated call gets the response of the first one."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from app.core.errors import InvalidInput, InvalidState
from app.db import insert_or_ignore
from app.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
KEY_MAX = 255
_FIELD = "Idempotency-Key"
_SUBJECTS = "assent_idempotency_subjects"  # in a session's info while a call with a key runs


def fingerprint(method: str, path: str, body: bytes) -> str:
    """A hash that is equal for equal calls."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode("utf-8", "replace"), body))).hexdigest()


def claim(session: Session, token_id: int, key: str, call: str, *, at: datetime) -> str | None:
    """Claim the key for this call, in the transaction of its changes. Returns the response of an earlier equal call.

    Null means that the key was free. Of two calls at the same time, the second waits here until the first has
    committed. The key of a call that fails stays free.

    :param call: its fingerprint
    :raises InvalidInput: ``key`` is empty, too long or not visible ASCII
    :raises InvalidState: ``idempotency_conflict``: the key was used for another call or for an erased contact
    """
    session.info[_SUBJECTS] = set()
    if not key or len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        raise InvalidInput("An Idempotency-Key is 1 to %(most)s visible ASCII characters.", field=_FIELD, most=KEY_MAX)
    while not _insert(session, token_id, key, call, at):
        found = select(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
        existing = session.scalars(found.with_for_update()).one_or_none()
        if existing is not None and existing.created_at > at - KEPT_FOR:
            return _response_of(existing, call)
        if existing is not None:  # else it was deleted meanwhile
            session.delete(existing)
            session.flush()
    return None


def _response_of(existing: IdempotencyKey, call: str) -> str:
    if existing.fingerprint != call:
        raise InvalidState(
            "This Idempotency-Key was used for another call. Make a new key for each thing you want done.",
            field=_FIELD,
            code="idempotency_conflict",
        )
    if not existing.answer:
        raise InvalidState(
            "What this Idempotency-Key was used for has been erased. Use a new key.",
            field=_FIELD,
            code="idempotency_conflict",
        )
    return existing.answer


def save_response(session: Session, token_id: int, key: str, response: str) -> None:
    """Store the response of the call that claimed the key."""
    claimed = update(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
    subjects = "".join(f" {subject} " for subject in sorted(session.info[_SUBJECTS]))
    session.execute(claimed.values(answer=response, subjects=subjects))


def add_subject(session: Session, subject: int) -> None:
    """Note what the running call is about. Does nothing when the call has no key.

    Outbox events and new conversations note it. A call that writes neither calls this itself.

    :param subject: the id of a contact, or the ordering key of a number (``outbox.ordering_key_of_number``)
    """
    if (subjects := session.info.get(_SUBJECTS)) is not None:
        subjects.add(subject)


def delete_about(session: Session, subjects: Iterable[int], *, public_id: str) -> None:
    """Delete the stored responses about an erased contact. Their keys stay in use, so no call is repeated.

    :param subjects: its id, and the ordering keys of its numbers; ``public_id``: finds responses that name it
    """
    about = [IdempotencyKey.subjects.contains(f" {subject} ") for subject in subjects]
    responses = update(IdempotencyKey).where(or_(IdempotencyKey.answer.contains(public_id), *about))
    session.execute(responses.values(answer="", subjects=""), execution_options={"synchronize_session": False})


def delete_with(session: Session, texts: Iterable[str]) -> None:
    """Delete the stored responses with one of these texts as a value, as ``delete_about`` does."""
    written = [json.dumps(each, ensure_ascii=is_ascii) for each in texts for is_ascii in (True, False)]
    if not written:
        return
    responses = update(IdempotencyKey).where(or_(*(IdempotencyKey.answer.contains(each) for each in written)))
    session.execute(responses.values(answer="", subjects=""), execution_options={"synchronize_session": False})


def purge_expired(session: Session, *, at: datetime) -> int:
    """Delete keys that are older than 24 hours; returns how many."""
    result = session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at <= at - KEPT_FOR))
    return int(cast(Any, result).rowcount)


def _insert(session: Session, token_id: int, key: str, call: str, at: datetime) -> bool:
    values = {"token_id": token_id, "key": key, "fingerprint": call, "answer": "", "subjects": "", "created_at": at}
    return insert_or_ignore(session, IdempotencyKey, values)
