"""Numbers that must not be texted, as those who work here and API clients add and lift them.

Only what was added so (cause ``manual``) is lifted so: what a person asked for, only that person lifts.
"""

from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, literal, select, update
from sqlalchemy.orm import Session

from app.core import audit, outbox, phone
from app.core.consent import eligibility
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.signing import keys_of
from app.db import insert_or_ignore, run
from app.models import Contact, Suppression, SuppressionCause

NOTE_MAX = 2000
_SUPPRESSION = cast(Table, Suppression.__table__)
_REASON = eligibility.Reason.SUPPRESSED.value


def add(session: Session, typed: str, note: str, *, actor: str, at: datetime) -> Suppression:
    """Stop texts to a number, whoever holds it. A number that is suppressed already stays as it is.

    Writes ``suppression.created`` when it is new.

    :raises DestinationRefused: it is no number that could be texted
    :raises InvalidInput: the note is empty or too long
    """
    number = str(phone.read(typed, region=None).e164)
    if not (note := note.strip()) or len(note) > NOTE_MAX:
        raise InvalidInput(f"Say in a note of at most {NOTE_MAX} characters why.", field="note")
    phone_hash = keys_of(session).destination_hash(number)
    values = {"phone_hash": phone_hash, "phone": number, "cause": SuppressionCause.MANUAL.value, "note": note}
    if insert_or_ignore(session, Suppression, values | {"created_at": at}):
        # Nobody's first reason changes, only that of those who had none.
        blocked = update(Contact).where(Contact.phone_hash == phone_hash, Contact.sms_block.is_(None))
        session.execute(blocked.values(sms_block=_REASON), execution_options={"synchronize_session": False})
        _tell(session, "suppression.created", session.get_one(Suppression, phone_hash), actor=actor, at=at)
    return session.get_one(Suppression, phone_hash)


def lift(session: Session, phone_hash: str, *, actor: str, at: datetime) -> Suppression:
    """Let a number be texted again that was suppressed here by hand; consents are what they were.

    Writes ``suppression.lifted``.

    :raises NotFound: there is no such suppression
    :raises InvalidState: ``suppressed``: somebody asked for it; only they lift it
    """
    found = find(session, phone_hash)
    if found.cause != SuppressionCause.MANUAL:
        raise InvalidState("This number's holder asked not to be texted. Only they can lift that.", code="suppressed")
    session.delete(found)
    session.flush()
    freed = update(Contact).where(Contact.phone_hash == phone_hash, Contact.sms_block == _REASON)
    session.execute(freed.values(sms_block=None), execution_options={"synchronize_session": False})
    _tell(session, "suppression.lifted", found, actor=actor, at=at)
    return found


def find(session: Session, phone_hash: str) -> Suppression:
    """:raises NotFound: there is no such suppression"""
    is_hash = len(phone_hash) == 32 and phone_hash.isascii() and phone_hash.isalnum()
    found = session.get(Suppression, phone_hash) if is_hash else None
    if found is None:
        raise NotFound("There is no such suppression.")
    return found


def page(
    session: Session, *, phone_number: str | None = None, after: str | None = None, limit: int
) -> list[Suppression]:
    """Suppressions in the order of their keys, which tell nothing; of one number, the one that there is."""
    query = select(Suppression).order_by(Suppression.phone_hash).limit(limit)
    if phone_number is not None:
        wanted = phone.normalize(phone_number)[0]
        query = query.where(Suppression.phone_hash == keys_of(session).destination_hash(wanted))
    return list(session.scalars(query.where(Suppression.phone_hash > after) if after else query))


def count(session: Session, *, most: int) -> int:
    """How many there are, counted up to ``most``."""
    some = select(literal(1)).select_from(_SUPPRESSION).limit(most).subquery()
    return int(run(session, select(func.count()).select_from(some)).scalar_one())


def forget_number(session: Session, phone_hash: str) -> bool:
    """Keep only the hash, when the last contact that had the number is erased: a note may name its holder.

    Whether it was the last comes back.
    """
    held = select(Contact.id).where(Contact.phone_hash == phone_hash).limit(1)
    if session.execute(held).first() is not None:
        return False
    forgotten = update(Suppression).where(Suppression.phone_hash == phone_hash).values(phone=None, note="")
    session.execute(forgotten)
    outbox.forget_number(session, phone_hash)
    return True


def _tell(session: Session, topic: str, told: Suppression, *, actor: str, at: datetime) -> None:
    audit.record(session, actor, topic, f"suppression:{told.phone_hash}", {}, at=at)
    payload = {"phone": told.phone, "cause": told.cause, "note": told.note, "since": int(told.created_at.timestamp())}
    outbox.add(session, [topic], contact_id=outbox.ordering_key_of_number(told.phone_hash), payload=payload, at=at)
    session.flush()
