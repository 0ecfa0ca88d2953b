"""Merge two contacts that are one person, as ``merge_plan.py`` decides."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, aliased

from app.core import audit, outbox
from app.core.consent import changes as consent
from app.core.consent import eligibility, locking, pending, recording
from app.core.consent.locking import LockedContact
from app.core.contacts import merge_plan, notes, tags
from app.core.contacts import records as contacts
from app.core.contacts.merge_plan import MOVED_FIELDS, MergePlan, Step
from app.core.conversations import appending
from app.core.ledger import events as ledger
from app.core.ledger.evidence import Evidence, reported_by
from app.core.sms import texts
from app.models import (
    BotGreeting,
    CampaignRecipient,
    ChatOutcome,
    ConsentEvent,
    ConsentState,
    Contact,
    Conversation,
    InsertedForm,
    MessengerToken,
    OutboundChatRecipient,
    SiteClaim,
)


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
    given for. Conversations, tags, notes and links to forms move; what the source has not
    confirmed is canceled. If one of the contacts is blocked, the result is.

    :param from_id: public id of the contact that ends; ``into_id``: of the one that stays
    :raises NotFound: one of them does not exist; ``Merged``: was merged before
    :raises InvalidInput: ``invalid_merge``: both ids are the same; a user would be merged into a lead; the one that
        stays is archived; or two users share neither address nor number, without ``skip_duplicate_validation``
    :raises Conflict: a third user has the address that would move
    """
    source, target = locking.lock_contacts_by_public_id(session, from_id, into_id)
    merging = _Merge(source, target, actor, at)
    plan = merge_plan.decide(session, source, target, skip_duplicate_validation=skip_duplicate_validation)
    recording.merge(session, merging.target, merging.source, actor=actor, at=at)
    _move_profile(session, merging, plan)
    _move_consents(session, merging, plan)
    _move_conversations(session, merging)
    _move_recipients(session, merging)
    _move_greetings(session, merging)
    tags.move(session, merging.source.id, merging.target.id)
    notes.move(session, merging.source.id, merging.target.id)
    pending.end_of_contact(session, merging.source.id, at=at)
    texts.move(session, merging.source.id, merging.target.id)
    _archive_source(session, merging)
    return merging.target


def _move_profile(session: Session, merging: _Merge, plan: MergePlan) -> None:
    """Give the target the values of the plan. Nothing that identifies the person stays in the source."""
    source, target, merged = merging.source, merging.target, plan.merged
    for name in (*MOVED_FIELDS, "lead_key"):
        setattr(source, name, None)
    contacts.set_email(session, source, None)
    source.custom_attributes = {}
    contacts.remove_phone(session, source)
    session.flush()
    for name in (*MOVED_FIELDS, "custom_attributes", "last_seen_at", "unsubscribed_from_emails", "blocked_at"):
        setattr(target, name, getattr(merged, name))
    contacts.set_email(session, target, merged.email)
    evidence = reported_by(merging.actor, merged_from=source.public_id)
    contacts.change_gdpr_optin(session, target, gdpr_optin=merged.gdpr_optin, evidence=evidence, at=merging.at)
    contacts.change_phone(session, target, merged.phone, evidence=evidence, at=merging.at)
    target.sms_block = eligibility.sms_block_of(target)
    target.updated_at = merging.at
    session.flush()


def _move_consents(session: Session, merging: _Merge, plan: MergePlan) -> None:
    consent.reassign_destination_opt_outs(session, merging.source.id, merging.target.id)
    locked = locking.lock(session, merging.target.id)
    for step in plan.steps:
        evidence = _evidence(session, merging, step.event_id)
        if step.state == ConsentState.OPTED_OUT:
            evidence = _at_its_time(session, locked, step, evidence)
            consent.opt_out(session, locked, step.subscription_type.id, step.destination, evidence, at=merging.at)
        elif step.destination is not None:
            consent.opt_in(session, locked, step.subscription_type.id, step.destination, evidence, at=merging.at)


def _at_its_time(session: Session, target: LockedContact, step: Step, evidence: Evidence) -> Evidence:
    """An opt-out that the target has, too, is not said again by the merge: START takes back what STOP did to both."""
    found = consent.current(session, target, step.subscription_type.id)
    if found is None or found.state != ConsentState.OPTED_OUT:
        return evidence
    said_at = session.get_one(ConsentEvent, step.event_id).occurred_at
    return replace(evidence, occurred_at=max(said_at, found.changed_at))


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


def _move_recipients(session: Session, merging: _Merge) -> None:
    """Move what became of campaigns and outbound chats to the target, where the target has none."""
    own, own_chat = aliased(CampaignRecipient), aliased(OutboundChatRecipient)
    has_own = select(own.contact_id).where(
        own.campaign_id == CampaignRecipient.campaign_id, own.contact_id == merging.target.id
    )
    has_own_chat = select(own_chat.contact_id).where(
        own_chat.outbound_chat_id == OutboundChatRecipient.outbound_chat_id, own_chat.contact_id == merging.target.id
    )
    of_source = OutboundChatRecipient.contact_id == merging.source.id
    options = {"synchronize_session": False}
    for moved in (
        update(CampaignRecipient).where(CampaignRecipient.contact_id == merging.source.id, ~has_own.exists()),
        update(OutboundChatRecipient).where(of_source, ~has_own_chat.exists()),
    ):
        session.execute(moved.values(contact_id=merging.target.id), execution_options=options)
    left = update(OutboundChatRecipient).where(of_source, OutboundChatRecipient.outcome == ChatOutcome.WAITING.value)
    skipped = left.values(outcome=ChatOutcome.SKIPPED.value, reason="merged", changed_at=merging.at)
    session.execute(skipped, execution_options=options)


def _move_greetings(session: Session, merging: _Merge) -> None:
    """Move which rules of bots greeted the source to the target, where the target has none by that rule."""
    own = aliased(BotGreeting)
    has_own = select(own.contact_id).where(own.rule_id == BotGreeting.rule_id, own.contact_id == merging.target.id)
    moved = update(BotGreeting).where(BotGreeting.contact_id == merging.source.id, ~has_own.exists())
    options = {"synchronize_session": False}
    session.execute(moved.values(contact_id=merging.target.id), execution_options=options)
    session.execute(delete(BotGreeting).where(BotGreeting.contact_id == merging.source.id), execution_options=options)


def _archive_source(session: Session, merging: _Merge) -> None:
    source, target, at = merging.source, merging.target, merging.at
    earlier_merges = update(Contact).where(Contact.merged_into_id == source.id).values(merged_into_id=target.id)
    session.execute(earlier_merges, execution_options={"synchronize_session": False})
    session.execute(delete(SiteClaim).where(SiteClaim.contact_id == source.id))
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
