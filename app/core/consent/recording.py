"""Writes the events of the ledger that change no consent: what happened to a person or to a number."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.core.consent.destination_opt_outs import DestinationKey
from app.core.ledger import events as ledger
from app.core.ledger import evidence as ledger_evidence
from app.core.ledger import facts
from app.core.ledger.evidence import Evidence, reported_by
from app.db import CompiledStatement
from app.models import Action, ConsentEvent, ConsentEvidence, Contact, Source, Suppression

_EVENT = ConsentEvent.__table__
_FIND_CLAIM = CompiledStatement(
    select(_EVENT.c.id)
    .where(
        _EVENT.c.inserted_form_id == bindparam("inserted_form_id"),
        _EVENT.c.destination_hash == bindparam("destination_hash"),
        _EVENT.c.action == Action.CLAIM.value,
    )
    .order_by(_EVENT.c.id)
)


def claim(session: Session, key: DestinationKey, destination: str, evidence: Evidence, *, at: datetime) -> int:
    """Record that an unverified person agreed, though that changes no consent. Returns the id of the event.

    A repeated answer of one inserted form returns the existing event. So does a page that claims again what it claimed
    last, while nothing else happened to the contact and type.
    """
    if evidence.source == Source.SITE and (repeated := _last_claim_of_page(session, key)) is not None:
        return repeated
    if evidence.inserted_form_id is not None:
        found = _FIND_CLAIM.one(
            session, inserted_form_id=evidence.inserted_form_id, destination_hash=key.destination_hash
        )
        if found is not None:
            return int(found[0])
    subject = ledger.Subject(key.contact_id, key.subscription_type_id, destination, key.destination_hash)
    return ledger.record(session, Action.CLAIM, subject, evidence, at=at)


def _last_claim_of_page(session: Session, key: DestinationKey) -> int | None:
    of_type = (ConsentEvent.contact_id == key.contact_id, ConsentEvent.subscription_type_id == key.subscription_type_id)
    newest = select(ConsentEvent).where(*of_type).order_by(ConsentEvent.id.desc()).limit(1)
    found = session.scalars(newest).one_or_none()
    if found is None or (found.action, found.source) != (Action.CLAIM, Source.SITE):
        return None
    return found.id if found.destination_hash == key.destination_hash else None


def undo_claim(session: Session, claimed: ConsentEvent, evidence: Evidence, *, at: datetime) -> None:
    """Record that the unverified person took a claim back. A second time writes nothing.

    A form has one claim for each destination, so a later one with the same destination is its undo.
    """
    later = select(ConsentEvent.id).where(
        ConsentEvent.inserted_form_id == claimed.inserted_form_id,
        ConsentEvent.destination_hash == claimed.destination_hash,
        ConsentEvent.action == Action.CLAIM.value,
        ConsentEvent.id > claimed.id,
    )
    if session.scalars(later.limit(1)).first() is None:
        subject = ledger.Subject(claimed.contact_id, claimed.subscription_type_id, None, claimed.destination_hash)
        ledger.record(session, Action.CLAIM, subject, evidence.with_details(undo_of=claimed.id), at=at)


def number_change(session: Session, contact: Contact, before: str | None, evidence: Evidence, *, at: datetime) -> None:
    """Record that a contact's number was replaced or removed. A first number is not a change.

    :param before: the number until now
    """
    if before is not None:
        of_contact = ledger.Subject(contact.id, None, contact.phone, contact.phone_hash)
        ledger.record(session, Action.NUMBER_CHANGE, of_contact, evidence.with_details(before=before), at=at)


def reassignment(session: Session, contact_id: int, phone: str | None, phone_hash: str, *, at: datetime) -> int:
    """Record that the number of a contact belongs to another person now. Returns the id of the event."""
    evidence = reported_by("system", before=phone or "", reason="reassigned")
    subject = ledger.Subject(contact_id, None, phone, phone_hash)
    return ledger.record(session, Action.NUMBER_CHANGE, subject, evidence, at=at, facts=facts.of_reassignment())


def number_at(session: Session, contact_id: int, at: datetime, *, current: str | None) -> str | None:
    """The number that a contact had at this time; the current one, if no change since then is recorded.

    :param current: the number that the contact has now
    """
    return numbers_at(session, {contact_id: at}).get(contact_id, current)


def numbers_at(session: Session, times: Mapping[int, datetime]) -> dict[int, str]:
    """The numbers that contacts had at these times, by contact id, where they have been changed since then."""
    if not times:
        return {}
    query = (
        select(ConsentEvent.contact_id, ConsentEvent.occurred_at, ConsentEvidence.details)
        .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(
            ConsentEvent.contact_id.in_(times),
            ConsentEvent.action == Action.NUMBER_CHANGE.value,
            ConsentEvent.occurred_at > min(times.values()),
        )
        .order_by(ConsentEvent.id)
    )
    numbers: dict[int, str | None] = {}
    for contact_id, occurred_at, details in session.execute(query):
        if contact_id is not None and occurred_at > times[contact_id]:
            numbers.setdefault(contact_id, str(details["before"]) if details is not None else None)
    return {contact_id: number for contact_id, number in numbers.items() if number is not None}


def gdpr(session: Session, contact: Contact, evidence: Evidence, *, at: datetime) -> None:
    """Record that the contact's ``gdpr_optin`` became false, or stopped being false."""
    action = Action.GDPR_OFF if contact.gdpr_optin is False else Action.GDPR_ON
    ledger.record(session, action, ledger.Subject(contact.id, None, None, None), evidence, at=at)


def merge(session: Session, target: Contact, source: Contact, *, actor: str, at: datetime) -> None:
    """Record that ``source`` became part of ``target``."""
    evidence, merged = reported_by(actor, merged_from=source.public_id), facts.of_merge(source.id)
    ledger.record(session, Action.MERGE, ledger.Subject(target.id, None, None, None), evidence, at=at, facts=merged)


def suppression(
    session: Session, action: Action, suppression: Suppression, evidence: Evidence, *, at: datetime
) -> None:
    """Record that a number was suppressed or lifted (``suppress``, ``lift``), with its cause."""
    of_number = ledger.Subject(None, None, suppression.phone, suppression.phone_hash)
    evidence, cause = evidence.with_details(cause=suppression.cause), facts.of_suppression(suppression.cause)
    ledger.record(session, action, of_number, evidence, at=at, facts=cause)


def respelling(session: Session, old_hash: str, new_hash: str, *, at: datetime) -> None:
    """Record that a number or address has another spelling now, and so another hash. Repeating it writes nothing.

    What the ledger has under the old hash then counts for the new one. Without any such event there is nothing to say.
    """
    if old_hash == new_hash:
        return
    known = select(ConsentEvent.facts).where(
        ConsentEvent.destination_hash == new_hash,
        ConsentEvent.action == Action.NUMBER_CHANGE.value,
        ConsentEvent.contact_id.is_(None),
    )
    respelled = facts.of_respelling(old_hash)
    uses_old = select(ConsentEvent.id).where(ConsentEvent.destination_hash == old_hash).limit(1)
    if respelled not in session.scalars(known).all() and session.scalar(uses_old) is not None:
        of_destination = ledger.Subject(None, None, None, new_hash)
        ledger.record(session, Action.NUMBER_CHANGE, of_destination, reported_by("system"), at=at, facts=respelled)


def erase(session: Session, contact_id: int, *, actor: str, at: datetime) -> None:
    """Clear the evidence of a contact's events, and record that its person was erased."""
    ledger_evidence.erase(session, contact_id, at=at)
    ledger.record(session, Action.ERASE, ledger.Subject(contact_id, None, None, None), reported_by(actor), at=at)


def erase_number(session: Session, phone_hash: str, *, actor: str, at: datetime) -> None:
    """Clear the evidence of a number's events that name no contact, and record that. Without such evidence: nothing."""
    if ledger_evidence.erase_of_number(session, phone_hash, at=at):
        ledger.record(session, Action.ERASE, ledger.Subject(None, None, None, phone_hash), reported_by(actor), at=at)


def expire_type(session: Session, contact_id: int, subscription_type_id: int, *, before: datetime, at: datetime) -> int:
    """Clear evidence of a contact about one type that is kept no longer, and record that. Without any: nothing.

    Returns how many events lost their evidence.
    """
    cleared = ledger_evidence.expire_of_type(session, contact_id, subscription_type_id, before=before, at=at)
    if cleared:
        of_type = ledger.Subject(contact_id, subscription_type_id, None, None)
        ledger.record(session, Action.ERASE, of_type, reported_by("system", reason="retention"), at=at)
    return cleared


def expire_number(session: Session, phone_hash: str, *, before: datetime, at: datetime) -> int:
    """Clear evidence of a number that is kept no longer, and record that. Returns and writes as ``expire_type``."""
    cleared = ledger_evidence.expire_of_number(session, phone_hash, before=before, at=at)
    if cleared:
        of_number = ledger.Subject(None, None, None, phone_hash)
        ledger.record(session, Action.ERASE, of_number, reported_by("system", reason="retention"), at=at)
    return cleared
