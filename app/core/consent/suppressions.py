"""Suppressions that agents and API clients add, lift and decide about.

They can lift those with the cause ``manual``, and decide about those with the cause ``review``. One that a person asked
for can be lifted only by that person.
"""

import re
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import audit, idempotency, outbox, phone
from app.core.consent import precedence, recording
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.ledger.evidence import Evidence, reported_by
from app.core.signing import keys_of
from app.db import insert_or_ignore
from app.models import Action, Contact, Suppression, SuppressionCause

NOTE_MAX = 2000
# The person's own causes are the strongest; what an agent does by hand is the weakest.
_STRENGTH = {
    SuppressionCause.MANUAL: 0,
    SuppressionCause.REVIEW: 1,
    SuppressionCause.CARRIER: 2,
    SuppressionCause.KEYWORD: 3,
    SuppressionCause.PREFERENCE_CENTER: 3,
}
_NUMBER = re.compile(r"\+\d{5,15}")
_OPTIONS: dict[str, Any] = {"synchronize_session": False}


def add(session: Session, typed: str, note: str, *, actor: str, at: datetime) -> Suppression:
    """Stop texts to a number by hand, for every contact. An existing suppression of the number is returned unchanged.

    :raises DestinationRefused: this is not a number, or one only without a 0 after the country code
    :raises InvalidInput: the note is empty or too long
    """
    number = phone.normalize(typed)[0]
    if not is_number(number):
        number = str(phone.read(typed, region=None).e164)  # says what is wrong with it
    phone.refuse_extra_zero(number)  # else a suppression that stops nothing would look like one that does
    return suppress(session, number, SuppressionCause.MANUAL, _note(note), actor=actor, at=at)


def is_number(stored: str) -> bool:
    """Whether a contact's stored number is written as E.164, so that it can be suppressed."""
    return _NUMBER.fullmatch(stored) is not None


def suppress(
    session: Session, number: str, cause: SuppressionCause, note: str, *, actor: str, at: datetime
) -> Suppression:
    """Stop texts to a number, as an agent, an API client or the system says. As ``suppress_by``."""
    return suppress_by(session, number, cause, reported_by(actor, note), at=at)


def suppress_by(
    session: Session, number: str, cause: SuppressionCause, evidence: Evidence, *, at: datetime
) -> Suppression:
    """Stop texts to a number, for every contact. A stronger cause replaces a weaker one, never the reverse.

    Writes one ``suppress`` event when it is new or the cause changes, and one ``suppression.created`` outbox event when
    it is new.

    :param number: E.164; it need not be able to receive texts
    """
    note, actor = evidence.note or "", evidence.actor
    phone_hash = keys_of(session).destination_hash(number)
    values = {"phone_hash": phone_hash, "phone": number, "cause": cause.value, "note": note, "created_at": at}
    idempotency.add_subject(session, outbox.ordering_key_of_number(phone_hash))
    is_new, found = _insert_or_lock(session, values)
    if not is_new and found.cause not in _weaker_than(cause):
        return found
    found.phone, found.cause, found.note = number, cause.value, note
    recording.suppression(session, Action.SUPPRESS, found, evidence, at=at)
    _touch_contacts(session, phone_hash, at=at)
    if is_new:
        _publish(session, "suppression.created", found, actor=actor, at=at)
    session.flush()
    return found


def _insert_or_lock(session: Session, values: dict[str, Any]) -> tuple[bool, Suppression]:
    """Whether the suppression was inserted, and its row, locked. One that is lifted meanwhile is inserted again."""
    while True:
        is_new = insert_or_ignore(session, Suppression, values)
        found = session.get(Suppression, values["phone_hash"], with_for_update=True, populate_existing=True)
        if found is not None:
            return is_new, found


def copy(session: Session, values: dict[str, Any]) -> bool:
    """Store a suppression that was recorded before, for another spelling. A stronger cause replaces a
    weaker one, never the reverse. Writes no event.

    Returns whether anything changed.

    :param values: the columns of ``models.Suppression``
    """
    if insert_or_ignore(session, Suppression, values):
        return True
    weaker = update(Suppression).where(
        Suppression.phone_hash == values["phone_hash"], Suppression.cause.in_(_weaker_than(values["cause"]))
    )
    replaced = weaker.values(cause=values["cause"], note=values["note"])
    return bool(cast(Any, session.execute(replaced, execution_options=_OPTIONS)).rowcount)


def carry_over(session: Session, values: dict[str, Any], *, at: datetime) -> bool:
    """Store a suppression that a restored backup lacks, or has with a weaker cause. Writes a ``suppress`` event.

    Returns whether anything changed.

    :param values: the columns of ``models.Suppression``
    """
    if not copy(session, values):
        return False
    found = session.get_one(Suppression, values["phone_hash"], populate_existing=True)
    recording.suppression(session, Action.SUPPRESS, found, reported_by("system", found.note), at=at)
    return True


def hold_for_review(session: Session, number: str, note: str, *, at: datetime) -> bool:
    """Stop texts to a stored number until an agent decides. A suppression as strong or stronger stays as it is.

    Returns true when the number has the cause ``review`` now and had not before.
    """
    before = session.get(Suppression, keys_of(session).destination_hash(number))
    cause_before = before.cause if before else None
    found = suppress(session, number, SuppressionCause.REVIEW, note, actor="system", at=at)
    return found.cause == SuppressionCause.REVIEW and cause_before != SuppressionCause.REVIEW


def keep(session: Session, phone_hash: str, note: str, *, actor: str, at: datetime) -> Suppression:
    """Decide that a number under review stays suppressed, as if its holder had asked for it: only they can lift it.

    Writes one ``suppress`` event with the cause ``keyword`` and the note. Publishes nothing, as nothing changes for
    those who send texts.

    :raises NotFound: there is no such suppression
    :raises InvalidState: it is not under review
    :raises InvalidInput: the note is empty or too long
    """
    found, note = _under_review(session, phone_hash), _note(note)
    found.cause, found.note = SuppressionCause.KEYWORD.value, note
    recording.suppression(session, Action.SUPPRESS, found, reported_by(actor, note), at=at)
    _touch_contacts(session, phone_hash, at=at)
    idempotency.add_subject(session, outbox.ordering_key_of_number(phone_hash))
    audit.record(session, actor, "suppression.kept", f"suppression:{phone_hash}", {}, at=at)
    session.flush()
    return found


def release(session: Session, phone_hash: str, note: str, *, actor: str, at: datetime) -> Suppression:
    """Decide that a number under review may be texted: delete its suppression. Consents do not change.

    Writes one ``lift`` event with the note, and one ``suppression.lifted`` outbox event. Errors as ``keep``.
    """
    found = _under_review(session, phone_hash)
    found.note = _note(note)
    return _lift(session, found, reported_by(actor, found.note), at=at)


def lift(session: Session, phone_hash: str, *, actor: str, at: datetime) -> Suppression:
    """Delete a manual suppression. Consents do not change.

    Writes one ``lift`` event and one ``suppression.lifted`` outbox event.

    :raises NotFound: there is no such suppression
    :raises InvalidState: ``suppressed``: the number's holder asked for it, and only they can lift it; or it is under
        review
    """
    found = _lock(session, phone_hash)
    if found.cause == SuppressionCause.REVIEW:
        raise InvalidState("This number is under review. Decide whether to keep or release it, and say why.")
    if found.cause != SuppressionCause.MANUAL:
        raise InvalidState(
            "The holder of this number asked not to be texted. Only they can change that.", code="suppressed"
        )
    return _lift(session, found, reported_by(actor, found.note), at=at)


def lift_by_holder(session: Session, phone_hash: str, evidence: Evidence, *, at: datetime) -> Suppression:
    """Delete a suppression that the holder of the number asked for and takes back. Otherwise as ``lift``.

    :raises NotFound: there is no such suppression
    :raises InvalidState: ``suppressed``: this act does not lift it (``precedence.may_lift``)
    """
    found = _lock(session, phone_hash)
    if not precedence.may_lift(found.cause, evidence):
        raise InvalidState("Texts to this number were stopped in another way. Send START from it.", code="suppressed")
    return _lift(session, found, evidence, at=at)


def find(session: Session, phone_hash: str) -> Suppression:
    """:raises NotFound: there is no such suppression"""
    found = session.get(Suppression, phone_hash) if _is_hash(phone_hash) else None
    if found is None:
        raise NotFound("There is no such suppression.")
    return found


def under_review(session: Session, phone_hash: str | None) -> Suppression | None:
    """The suppression of this number if an agent has to decide about it, else null."""
    found = session.get(Suppression, phone_hash) if phone_hash else None
    return found if found and found.cause == SuppressionCause.REVIEW else None


def clear_number(session: Session, phone_hash: str, *, actor: str, at: datetime) -> bool:
    """Clear the number and note of a suppression and of its events, unless a contact still has the number.

    Only the hash stays.

    For erasure: a note may name the number's holder. Returns false when a contact still has the number.
    """
    with_number = select(Contact.id).where(Contact.phone_hash == phone_hash).limit(1)
    if session.execute(with_number).first() is not None:
        return False
    session.execute(update(Suppression).where(Suppression.phone_hash == phone_hash).values(phone=None, note=""))
    recording.erase_number(session, phone_hash, actor=actor, at=at)
    outbox.delete_for_number(session, phone_hash)
    return True


def _weaker_than(cause: str) -> list[str]:
    strength = _STRENGTH[SuppressionCause(cause)]
    return [each.value for each in SuppressionCause if _STRENGTH[each] < strength]


def _note(typed: str) -> str:
    if not (note := typed.strip()) or len(note) > NOTE_MAX:
        raise InvalidInput("Say in a note of at most %(most)s characters why.", field="note", most=str(NOTE_MAX))
    return note


def _is_hash(text: str) -> bool:
    return len(text) == 32 and text.isascii() and text.isalnum()


def _lock(session: Session, phone_hash: str) -> Suppression:
    """:raises NotFound: there is no such suppression"""
    options: dict[str, Any] = {"with_for_update": True, "populate_existing": True}
    found = session.get(Suppression, phone_hash, **options) if _is_hash(phone_hash) else None
    if found is None:
        raise NotFound("There is no such suppression.")
    return found


def _under_review(session: Session, phone_hash: str) -> Suppression:
    found = _lock(session, phone_hash)
    if found.cause != SuppressionCause.REVIEW:
        raise InvalidState("This number is not under review: there is nothing to decide about it.")
    return found


def _lift(session: Session, found: Suppression, evidence: Evidence, *, at: datetime) -> Suppression:
    session.delete(found)
    session.flush()
    _touch_contacts(session, found.phone_hash, at=at)
    recording.suppression(session, Action.LIFT, found, evidence, at=at)
    _publish(session, "suppression.lifted", found, actor=evidence.actor, at=at)
    return found


def _touch_contacts(session: Session, phone_hash: str, *, at: datetime) -> None:
    """Move ``updated_at`` of every contact with the number, so that clients that read changes see this one.

    They are locked in the order of their ids, as everything locks several contacts.
    """
    session.execute(select(Contact.id).where(Contact.phone_hash == phone_hash).order_by(Contact.id).with_for_update())
    changed = update(Contact).where(Contact.phone_hash == phone_hash).values(updated_at=at)
    session.execute(changed, execution_options=_OPTIONS)


def _publish(session: Session, topic: str, suppression: Suppression, *, actor: str, at: datetime) -> None:
    phone_hash, since = suppression.phone_hash, int(suppression.created_at.timestamp())
    audit.record(session, actor, topic, f"suppression:{phone_hash}", {}, at=at)
    payload = {"phone": suppression.phone, "cause": suppression.cause, "note": suppression.note, "since": since}
    outbox.add(session, [topic], contact_id=outbox.ordering_key_of_number(phone_hash), payload=payload, at=at)
    session.flush()
