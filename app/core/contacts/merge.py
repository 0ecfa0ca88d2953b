"""Merge two contacts that are one person: the stricter consent wins, and no opt-in moves to another number."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import audit, outbox
from app.core.consent import changes as consent
from app.core.consent import eligibility, locking, reach, recording
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.locking import LockedContact
from app.core.contacts import notes, tags
from app.core.contacts import profile as contact_profile
from app.core.contacts import records as contacts
from app.core.conversations import appending
from app.core.errors import InvalidInput
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence, reported_by
from app.core.signing import keys_of
from app.models import (
    Consent,
    ConsentState,
    Contact,
    ContactRole,
    Conversation,
    InsertedForm,
    MessengerToken,
    SubscriptionType,
)

_MOVED_FIELDS = ("external_id", "name", "avatar", "owner_id", "locale", "time_zone", "signed_up_at")


@dataclass(frozen=True)
class _Merge:
    """``source`` is merged into ``target``; both rows are locked."""

    source: Contact
    target: Contact
    actor: str
    at: datetime


def merge(
    session: Session, from_id: str, into_id: str, *, actor: str, at: datetime, skip_duplicate_validation: bool = False
) -> Contact:
    """Merge one contact into another and return the other one. Requests for the first id then raise ``Merged``.

    An opt-out of either contact applies to the result. An opt-in moves only if the result has the number that it was
    given for. Conversations, tags, notes and links to forms move. If one of the contacts is blocked, the result is.

    :param from_id: public id of the contact that ends; ``into_id``: of the one that stays
    :raises NotFound: one of them does not exist; ``Merged``: was merged before
    :raises InvalidInput: ``invalid_merge``: both ids are the same; a user would be merged into a lead; the one that
        stays is archived; or two users share neither address nor number, without ``skip_duplicate_validation``
    :raises Conflict: a third user has the address that would move
    """
    source, target = locking.lock_contacts_by_public_id(session, from_id, into_id)
    merging = _Merge(source, target, actor, at)
    _check_pair(merging, skip_duplicate_validation=skip_duplicate_validation)
    recording.merge(session, merging.target, merging.source, actor=actor, at=at)
    before = _consents(session, merging.source.id)
    _move_profile(session, merging)
    _move_consents(session, merging, before)
    _move_conversations(session, merging)
    tags.move(session, merging.source.id, merging.target.id)
    notes.move(session, merging.source.id, merging.target.id)
    _archive_source(session, merging)
    return merging.target


def _check_pair(merging: _Merge, *, skip_duplicate_validation: bool) -> None:
    source, target = merging.source, merging.target
    if source.id == target.id:
        raise InvalidInput("A contact cannot be merged into itself.", field="into", code="invalid_merge")
    if source.role == ContactRole.USER and target.role == ContactRole.LEAD:
        raise InvalidInput(
            "A user cannot become part of a lead; merge the lead into the user.", field="into", code="invalid_merge"
        )
    if target.archived_at is not None:
        raise InvalidInput(
            "The contact that would stay is archived. Bring it back first.", field="into", code="invalid_merge"
        )
    if source.role == ContactRole.LEAD or skip_duplicate_validation:
        return
    is_same = (source.email and source.email == target.email) or (
        source.phone_hash and source.phone_hash == target.phone_hash
    )
    if not is_same:
        raise InvalidInput(
            "These users share neither address nor number, so they may be two people.",
            field="from",
            code="invalid_merge",
        )


def _move_profile(session: Session, merging: _Merge) -> None:
    """Move the values that the target lacks. Nothing that identifies the person stays in the source."""
    source, target = merging.source, merging.target
    values = {name: getattr(source, name) for name in _MOVED_FIELDS}
    email, phone, custom = source.email, source.phone, source.custom_attributes
    for name in (*_MOVED_FIELDS, "lead_key"):
        setattr(source, name, None)
    contacts.set_email(session, source, None)
    source.custom_attributes = {}
    contacts.remove_phone(session, source)
    session.flush()
    for name, value in values.items():
        if value is not None and getattr(target, name) is None:
            setattr(target, name, value)
    if email and not target.email:
        contact_profile.refuse_duplicate(session, target, ContactRole(target.role), None, email)
        contacts.set_email(session, target, email)
    target.custom_attributes = {**custom, **target.custom_attributes}
    target.last_seen_at = max(filter(None, (source.last_seen_at, target.last_seen_at)), default=None)
    target.unsubscribed_from_emails |= source.unsubscribed_from_emails
    target.blocked_at = target.blocked_at or source.blocked_at
    evidence = reported_by(merging.actor, merged_from=source.public_id)
    if source.gdpr_optin is False:
        contacts.change_gdpr_optin(session, target, gdpr_optin=False, evidence=evidence, at=merging.at)
    if phone and not target.phone:
        contacts.change_phone(session, target, phone, evidence=evidence, at=merging.at)
    target.sms_block = eligibility.sms_block_of(target)
    target.updated_at = merging.at
    session.flush()


def _consents(session: Session, contact_id: int) -> list[tuple[Consent, SubscriptionType]]:
    query = (
        select(Consent, SubscriptionType)
        .join(SubscriptionType, SubscriptionType.id == Consent.subscription_type_id)
        .where(Consent.contact_id == contact_id)
        .order_by(Consent.subscription_type_id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def _move_consents(session: Session, merging: _Merge, before: list[tuple[Consent, SubscriptionType]]) -> None:
    source, target = merging.source, merging.target
    reassigned = consent.reassign_destination_opt_outs(session, source.id, target.id)
    locked = locking.lock(session, target.id)
    for source_consent, subscription_type in before:
        current = consent.current(session, locked, subscription_type.id)
        destination = eligibility.destination_of(target, subscription_type)
        evidence = _evidence(session, merging, source_consent.event_id)
        if source_consent.state == ConsentState.OPTED_OUT:
            consent.opt_out(session, locked, subscription_type.id, destination, evidence, at=merging.at)
        elif current is None and destination is not None and destination == source_consent.destination:
            _move_opt_in(session, locked, subscription_type, destination, evidence, at=merging.at)

    for key, event_id in reassigned.items():
        _move_destination_opt_out(session, merging, locked, key, event_id)


def _move_destination_opt_out(
    session: Session, merging: _Merge, locked: LockedContact, key: DestinationKey, event_id: int
) -> None:
    """An opt-out recorded for the target's current number overrides its opt-in.

    For any other number it applies only if the target has no consent yet. The target's state then agrees with
    eligibility, and a later opt-in revokes the opt-out.
    """
    target, subscription_type = merging.target, session.get_one(SubscriptionType, key.subscription_type_id)
    current = consent.current(session, locked, subscription_type.id)
    destination = eligibility.destination_of(target, subscription_type)
    destination_hash = keys_of(session).destination_hash(destination) if destination is not None else None
    if current is None or (destination_hash is not None and destination_hash == key.destination_hash):
        evidence = _evidence(session, merging, event_id)
        consent.opt_out(session, locked, subscription_type.id, destination, evidence, at=merging.at)


def _move_opt_in(
    session: Session,
    locked: LockedContact,
    subscription_type: SubscriptionType,
    destination: str,
    evidence: Evidence,
    *,
    at: datetime,
) -> None:
    """Repeat the opt-in for the target, which has the same number.

    Not if the target is closed, or any contact with this number opted out.
    """
    destination_hash = keys_of(session).destination_hash(destination)
    if not reach.is_closed(locked) and not any(
        eligibility.opt_in_obstacles(session, subscription_type.id, destination_hash)
    ):
        consent.opt_in(session, locked, subscription_type.id, destination, evidence, at=at)


def _evidence(session: Session, merging: _Merge, event_id: int) -> Evidence:
    """The evidence of the source's event, for the target: its source and level stay, the actor is who merges."""
    known = ledger.evidence_of(session, event_id)
    details = {**known.details, "merged_from": merging.source.public_id, "event_id": event_id}
    return replace(known, actor=merging.actor, details=details)


def _move_conversations(session: Session, merging: _Merge) -> None:
    """Move conversations and unanswered forms to the target, and end the source's messenger tokens."""
    source, target, at = merging.source, merging.target, merging.at
    ids = select(Conversation.id).where(Conversation.contact_id == source.id).order_by(Conversation.id)
    for conversation_id in list(session.scalars(ids)):
        conversation = appending.lock(session, conversation_id)
        conversation.contact_id = target.id
        appending.touch(session, conversation, at=at)
    session.flush()
    forms = update(InsertedForm).where(InsertedForm.contact_id == source.id, InsertedForm.answered_at.is_(None))
    tokens = update(MessengerToken).where(MessengerToken.contact_id == source.id, MessengerToken.ended_at.is_(None))
    options = {"synchronize_session": False}
    session.execute(forms.values(contact_id=target.id), execution_options=options)
    session.execute(tokens.values(ended_at=at), execution_options=options)


def _archive_source(session: Session, merging: _Merge) -> None:
    source, target, at = merging.source, merging.target, merging.at
    earlier_merges = update(Contact).where(Contact.merged_into_id == source.id).values(merged_into_id=target.id)
    session.execute(earlier_merges, execution_options={"synchronize_session": False})
    source.merged_into_id = target.id
    source.archived_at = source.updated_at = at
    source.sms_block = eligibility.sms_block_of(source)
    session.flush()
    audit.record(session, merging.actor, "contact.merged", f"contact:{target.id}", {"from": source.public_id}, at=at)
    contacts.publish(session, "contact.updated", target.id, at=at)
    # Without the external id, which belongs to the target now.
    ended = {"contact_id": source.id, "public_id": source.public_id, "merged_into": target.public_id}
    outbox.add(session, ["contact.deleted"], contact_id=source.id, payload=ended, at=at)
    session.flush()
