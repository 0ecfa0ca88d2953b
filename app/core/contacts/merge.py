"""Two contacts that are one person: the stricter consent wins, and no opt-in moves to another number."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import audit, outbox
from app.core.consent import changes as consent
from app.core.consent import eligibility, locking
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.locking import LockedContact
from app.core.contacts import profile as contact_profile
from app.core.contacts import records as contacts
from app.core.conversations import appending
from app.core.errors import InvalidInput
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.models import (
    Consent,
    ConsentState,
    Contact,
    ContactRole,
    Conversation,
    EvidenceLevel,
    InsertedForm,
    MessengerToken,
    Source,
    SubscriptionType,
)

_TAKEN_OVER = ("external_id", "name", "avatar", "owner_id", "locale", "time_zone", "signed_up_at")


@dataclass(frozen=True)
class _Merge:
    """One merge, under way."""

    source: Contact
    target: Contact
    actor: str
    at: datetime


def merge(
    session: Session, from_id: str, into_id: str, *, actor: str, at: datetime, skip_duplicate_validation: bool = False
) -> Contact:
    """Make one contact part of another, which comes back. The other ends: its id answers where it went.

    What one of them opted out of, both did. An opt-in comes along only for a number that the contact has afterwards.
    Conversations come along, links to forms too. Whatever blocked one of them blocks both.

    :param from_id: public id of the contact that ends; ``into_id``: of the one that stays
    :raises NotFound: one of them does not exist; ``Merged``: was merged before
    :raises InvalidInput: ``invalid_merge``: they are the same, or a user would end in a lead, or they share neither
        address nor number, and nobody asked for that not to matter; or the one that stays is archived
    :raises Conflict: another user has the address that would come along
    """
    pair = {public_id: contact_profile.hold(session, public_id) for public_id in sorted({from_id, into_id})}
    under_way = _Merge(pair[from_id], pair[into_id], actor, at)
    _refuse_strangers(under_way, skip_duplicate_validation=skip_duplicate_validation)
    before = _consents(session, under_way.source.id)
    _take_over(session, under_way)
    _carry_consents(session, under_way, before)
    _carry_conversations(session, under_way)
    _end(session, under_way)
    return under_way.target


def _refuse_strangers(under_way: _Merge, *, skip_duplicate_validation: bool) -> None:
    source, target = under_way.source, under_way.target
    if source.id == target.id:
        raise _invalid("A contact cannot be merged into itself.", "into")
    if source.role == ContactRole.USER and target.role == ContactRole.LEAD:
        raise _invalid("A user cannot become part of a lead; merge the lead into the user.", "into")
    if target.archived_at is not None:
        raise _invalid("The contact that would stay is archived. Bring it back first.", "into")
    if source.role == ContactRole.LEAD or skip_duplicate_validation:
        return
    is_same = (source.email and source.email == target.email) or (
        source.phone_hash and source.phone_hash == target.phone_hash
    )
    if not is_same:
        raise _invalid("These users share neither address nor number, so they may be two people.", "from")


def _invalid(message: str, field: str) -> InvalidInput:
    return InvalidInput(message, field=field, code="invalid_merge")


def _take_over(session: Session, under_way: _Merge) -> None:
    """What only the source knew, the target knows now; the source is left with nothing that identifies."""
    source, target = under_way.source, under_way.target
    known = {name: getattr(source, name) for name in _TAKEN_OVER}
    email, phone, custom = source.email, source.phone, source.custom_attributes
    for name in (*_TAKEN_OVER, "lead_key"):
        setattr(source, name, None)
    contacts.set_email(session, source, None)
    source.custom_attributes = {}
    contacts.take_phone(session, source)
    session.flush()
    for name, value in known.items():
        if value is not None and getattr(target, name) is None:
            setattr(target, name, value)
    if email and not target.email:
        contact_profile.refuse_duplicate(session, target, ContactRole(target.role), None, email)
        contacts.set_email(session, target, email)
    target.custom_attributes = {**custom, **target.custom_attributes}
    target.last_seen_at = max(filter(None, (source.last_seen_at, target.last_seen_at)), default=None)
    target.unsubscribed_from_emails |= source.unsubscribed_from_emails
    target.blocked_at = target.blocked_at or source.blocked_at
    if source.gdpr_optin is False:
        target.gdpr_optin = False
    if phone and not target.phone:
        contacts.change_phone(session, target, phone, at=under_way.at)
    target.sms_block = cast(Any, eligibility.sms_block_of(target))
    target.updated_at = under_way.at
    session.flush()


def _consents(session: Session, contact_id: int) -> list[tuple[Consent, SubscriptionType]]:
    query = (
        select(Consent, SubscriptionType)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .where(Consent.contact_id == contact_id)
        .order_by(Consent.subscription_type_id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def _carry_consents(session: Session, under_way: _Merge, before: list[tuple[Consent, SubscriptionType]]) -> None:
    source, target = under_way.source, under_way.target
    with_numbers = consent.reassign_destination_opt_outs(session, source.id, target.id)
    locked = locking.lock(session, target.id)
    for theirs, kind in before:
        current = consent.current(session, locked, kind.id)
        destination = eligibility.destination_of(target, kind)
        evidence = _evidence(session, under_way, theirs.event_id)
        if theirs.state == ConsentState.OPTED_OUT:
            consent.opt_out(session, locked, kind.id, destination, evidence, at=under_way.at)
        elif current is None and destination is not None and destination == theirs.destination:
            _carry_opt_in(session, locked, kind, destination, evidence, at=under_way.at)

    for key, event_id in with_numbers.items():
        _carry_number_opt_out(session, under_way, locked, key, event_id)


def _carry_number_opt_out(
    session: Session, under_way: _Merge, locked: LockedContact, key: DestinationKey, event_id: int
) -> None:
    """An opt-out recorded for the target's current number overrides its opt-in.

    For any other number it applies only if the target has no consent yet. So the state agrees with the gate, and a
    later opt-in finds what it revokes.
    """
    target, kind = under_way.target, session.get_one(SubscriptionType, key.subscription_type_id)
    current, destination = consent.current(session, locked, kind.id), eligibility.destination_of(target, kind)
    is_here = destination is not None and keys_of(session).destination_hash(destination) == key.destination_hash
    if current is None or is_here:
        evidence = _evidence(session, under_way, event_id)
        consent.opt_out(session, locked, kind.id, destination, evidence, at=under_way.at)


def _carry_opt_in(
    session: Session,
    locked: LockedContact,
    kind: SubscriptionType,
    destination: str,
    evidence: Evidence,
    *,
    at: datetime,
) -> None:
    """An opt-in for this very number applies to the same person, unless any holder of the number opted out."""
    destination_hash = keys_of(session).destination_hash(destination)
    if not any(eligibility.opt_in_obstacles(session, kind.id, destination_hash)):
        consent.opt_in(session, locked, kind.id, destination, evidence, at=at)


def _evidence(session: Session, under_way: _Merge, event_id: int) -> Evidence:
    """How the source's word was known is how the target's is: what was the person's own stays their own."""
    before = ledger.evidence_of(session, event_id)
    known = before or Evidence(Source.API, under_way.actor, EvidenceLevel.REPORTED)
    details = {**known.details, "merged_from": under_way.source.public_id, "event_id": event_id}
    return replace(known, actor=under_way.actor, details=details)


def _carry_conversations(session: Session, under_way: _Merge) -> None:
    """Conversations and open links are the target's; a browser that was the source alone proves nothing any more."""
    source, target, at = under_way.source, under_way.target, under_way.at
    theirs = select(Conversation.id).where(Conversation.contact_id == source.id).order_by(Conversation.id)
    for conversation_id in list(session.scalars(theirs)):
        conversation = appending.lock(session, conversation_id)
        conversation.contact_id = target.id
        appending.touch(session, conversation, at=at)
    session.flush()
    forms = update(InsertedForm).where(InsertedForm.contact_id == source.id, InsertedForm.answered_at.is_(None))
    tokens = update(MessengerToken).where(MessengerToken.contact_id == source.id, MessengerToken.ended_at.is_(None))
    later = {"synchronize_session": False}
    session.execute(forms.values(contact_id=target.id), execution_options=later)
    session.execute(tokens.values(ended_at=at), execution_options=later)


def _end(session: Session, under_way: _Merge) -> None:
    source, target, at = under_way.source, under_way.target, under_way.at
    earlier = update(Contact).where(Contact.merged_into_id == source.id).values(merged_into_id=target.id)
    session.execute(earlier, execution_options={"synchronize_session": False})
    source.merged_into_id = target.id
    source.archived_at = source.updated_at = at
    source.sms_block = cast(Any, eligibility.sms_block_of(source))
    session.flush()
    audit.record(session, under_way.actor, "contact.merged", f"contact:{target.id}", {"from": source.public_id}, at=at)
    contacts.tell(session, "contact.updated", target.id, at=at)
    # What it was known by is the target's now, so only its own id ends.
    ended = {"contact_id": source.id, "public_id": source.public_id, "merged_into": target.public_id}
    outbox.add(session, ["contact.deleted"], contact_id=source.id, payload=ended, at=at)
    session.flush()
