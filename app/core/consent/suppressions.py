"""Suppressions that agents and API clients add and lift.

They can lift only those with the cause ``manual``. One that a person asked for can be lifted only by that person.
"""

from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, literal, select, update
from sqlalchemy.orm import Session

from app.core import audit, idempotency, outbox, phone
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.signing import keys_of
from app.core.workspace import settings
from app.db import insert_or_ignore, run
from app.models import Contact, Suppression, SuppressionCause

NOTE_MAX = 2000
_SUPPRESSION = cast(Table, Suppression.__table__)


def add(session: Session, typed: str, note: str, *, actor: str, at: datetime) -> Suppression:
    """Stop texts to a number, for every contact. An existing suppression of the number is returned unchanged.

    Writes one ``suppression.created`` outbox event when it is new.

    :raises DestinationRefused: the number cannot be texted
    :raises InvalidInput: the note is empty or too long
    """
    number = str(phone.read(typed, region=None).e164)
    if not (note := note.strip()) or len(note) > NOTE_MAX:
        raise InvalidInput(f"Say in a note of at most {NOTE_MAX} characters why.", field="note")
    phone_hash = keys_of(session).destination_hash(number)
    idempotency.add_subject(session, outbox.ordering_key_of_number(phone_hash))
    values = {"phone_hash": phone_hash, "phone": number, "cause": SuppressionCause.MANUAL.value, "note": note}
    if insert_or_ignore(session, Suppression, values | {"created_at": at}):
        _touch_contacts(session, phone_hash, at=at)
        _publish(session, "suppression.created", session.get_one(Suppression, phone_hash), actor=actor, at=at)
    return session.get_one(Suppression, phone_hash)


def hold_for_review(session: Session, number: str, note: str, *, at: datetime) -> bool:
    """Stop texts to a stored number until an agent decides. An existing suppression stays as it is.

    Writes one ``suppression.created`` outbox event, and returns true, when it is new.
    """
    phone_hash = keys_of(session).destination_hash(number)
    values = {"phone_hash": phone_hash, "phone": number, "cause": SuppressionCause.REVIEW.value, "note": note}
    if not insert_or_ignore(session, Suppression, values | {"created_at": at}):
        return False
    _publish(session, "suppression.created", session.get_one(Suppression, phone_hash), actor="system", at=at)
    return True


def lift(session: Session, phone_hash: str, *, actor: str, at: datetime) -> Suppression:
    """Delete a manual suppression. Consents do not change.

    Writes one ``suppression.lifted`` outbox event.

    :raises NotFound: there is no such suppression
    :raises InvalidState: ``suppressed``: the number's holder asked for it, and only they can lift it
    """
    found = find(session, phone_hash)
    if found.cause != SuppressionCause.MANUAL:
        raise InvalidState("This number's holder asked not to be texted. Only they can lift that.", code="suppressed")
    session.delete(found)
    session.flush()
    _touch_contacts(session, phone_hash, at=at)
    _publish(session, "suppression.lifted", found, actor=actor, at=at)
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
    """One page of suppressions, in the order of their hashes.

    :param phone_number: return only the suppression of this number, in any usual way to write it
    :param after: the last hash of the page before
    """
    query = select(Suppression).order_by(Suppression.phone_hash).limit(limit)
    if phone_number is not None:
        numbers = phone.candidates(phone_number, region=settings.get(session).default_country)
        query = query.where(Suppression.phone_hash.in_(map(keys_of(session).destination_hash, numbers)))
    return list(session.scalars(query.where(Suppression.phone_hash > after) if after else query))


def count(session: Session, *, most: int) -> int:
    """The number of suppressions, counted up to ``most``."""
    some = select(literal(1)).select_from(_SUPPRESSION).limit(most).subquery()
    return int(run(session, select(func.count()).select_from(some)).scalar_one())


def clear_number(session: Session, phone_hash: str) -> bool:
    """Clear the number and note of a suppression, unless a contact still has the number. Only the hash stays.

    For erasure: a note may name the number's holder. Returns false when a contact still has the number.
    """
    with_number = select(Contact.id).where(Contact.phone_hash == phone_hash).limit(1)
    if session.execute(with_number).first() is not None:
        return False
    session.execute(update(Suppression).where(Suppression.phone_hash == phone_hash).values(phone=None, note=""))
    outbox.delete_for_number(session, phone_hash)
    return True


def _touch_contacts(session: Session, phone_hash: str, *, at: datetime) -> None:
    """Move ``updated_at`` of every contact with the number, so that clients that read changes see this one."""
    changed = update(Contact).where(Contact.phone_hash == phone_hash).values(updated_at=at)
    session.execute(changed, execution_options={"synchronize_session": False})


def _publish(session: Session, topic: str, suppression: Suppression, *, actor: str, at: datetime) -> None:
    phone_hash, since = suppression.phone_hash, int(suppression.created_at.timestamp())
    audit.record(session, actor, topic, f"suppression:{phone_hash}", {}, at=at)
    payload = {"phone": suppression.phone, "cause": suppression.cause, "note": suppression.note, "since": since}
    outbox.add(session, [topic], contact_id=outbox.ordering_key_of_number(phone_hash), payload=payload, at=at)
    session.flush()
