"""Erase a person: deletes the personal data, keeps the ledger's events, opt-outs and suppressions without it."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core import audit, idempotency, outbox
from app.core.consent import changes as consent
from app.core.consent import eligibility, pending, recording, respelling, suppressions
from app.core.contacts import erased_filters, notes, purge, tags
from app.core.contacts import records as contacts
from app.core.sms import consent_pushes, texts
from app.core.webhooks import deliveries
from app.models import (
    AgentNotice,
    BotGreeting,
    BulkJobItem,
    ChatOutcome,
    Contact,
    Conversation,
    ConversationPresence,
    ConversationRead,
    ErasureRequest,
    InsertedForm,
    Message,
    MessengerToken,
    OutboundChatRecipient,
    PreferenceLink,
    Resolution,
    SiteClaim,
    SmsMessage,
    StoppedConsent,
)

_EMPTIED = (
    "external_id",
    "lead_key",
    "name",
    "email",
    "avatar",
    "owner_id",
    "locale",
    "time_zone",
    "signed_up_at",
)
_OPTIONS: dict[str, Any] = {"synchronize_session": False}


def erase(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Erase a locked contact, and the contacts merged into it.

    Their profiles, evidence, consents, notes, tags and conversations are deleted, and their values in saved filters.

    Events stay in the ledger, with their evidence cleared, under an id that identifies no person. Opt-outs and the
    suppressions of present and former numbers stay as keyed hashes. Afterwards ``purge.execute`` removes what SQLite's
    files still hold. Open requests for deletion are closed. Writes ``contact.deleted`` and ``contact.erased``.

    Source: GDPR art. 17
    """
    outbox.lock_routing(session)  # else a webhook that is being built from erased data could be stored afterwards
    ids = {"public_id": contact.public_id, "external_id": contact.external_id}
    merged = session.scalars(select(Contact).where(Contact.merged_into_id == contact.id).with_for_update())
    found = [*merged, contact]
    person = erased_filters.person(found)
    for each in found:
        _erase(session, each, actor=actor, at=at)
    erased_filters.erase(session, person)
    purge.request(session, at=at)
    audit.record(session, actor, "contact.erased", f"contact:{contact.id}", {}, at=at)
    outbox.add(
        session,
        ["contact.deleted", "contact.erased"],
        contact_id=contact.id,
        payload={"contact_id": contact.id, **ids},
        at=at,
    )
    session.flush()


def _erase(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    contacts.remove_phone(session, contact)
    numbers = set(contact.former_phone_hashes or ())
    numbers |= respelling.copy_before_erasure(session, contact.id, numbers)
    _erase_records(session, contact.id, at=at)
    recording.erase(session, contact.id, actor=actor, at=at)
    for name in (*_EMPTIED, "email_hash", "last_seen_at", "gdpr_optin", "phone_country", "former_phone_hashes"):
        setattr(contact, name, None)
    contact.custom_attributes = {}
    contact.archived_at = contact.erased_at = contact.updated_at = at
    contact.sms_block = eligibility.sms_block_of(contact)
    session.flush()
    erased = [contact.id]
    for phone_hash in sorted(numbers):
        consent_pushes.forget(session, phone_hash)
        if suppressions.clear_number(session, phone_hash, actor=actor, at=at):
            texts.erase_number(session, phone_hash)
            erased.append(outbox.ordering_key_of_number(phone_hash))
            deliveries.delete_for_contact(session, erased[-1])
    idempotency.delete_about(session, erased, public_id=contact.public_id)


def _erase_records(session: Session, contact_id: int, *, at: datetime) -> None:
    """Delete or empty the rows of other tables that hold personal data of the contact."""
    deliveries.delete_for_contact(session, contact_id)
    pending.end_of_contact(session, contact_id, at=at)
    conversation_ids = select(Conversation.id).where(Conversation.contact_id == contact_id)
    inserted_forms = update(InsertedForm).where(
        (InsertedForm.contact_id == contact_id) | InsertedForm.conversation_id.in_(conversation_ids)
    )
    tags.delete_for_contacts(session, [contact_id])
    notes.delete_for_contacts(session, [contact_id])
    consent.delete_for_contact(session, contact_id)
    texts.erase(session, contact_id, at=at)
    for of_contact in (BotGreeting, MessengerToken, PreferenceLink, SiteClaim, StoppedConsent):
        session.execute(delete(of_contact).where(of_contact.contact_id == contact_id), execution_options=_OPTIONS)
    asked = update(ErasureRequest).where(ErasureRequest.contact_id == contact_id, ErasureRequest.resolved_at.is_(None))
    session.execute(asked.values(resolved_at=at, resolution=Resolution.ERASED.value), execution_options=_OPTIONS)
    of_jobs = update(BulkJobItem).where(BulkJobItem.contact_id == contact_id, BulkJobItem.details.is_not(None))
    session.execute(of_jobs.values(details=None), execution_options=_OPTIONS)
    of_chats = update(OutboundChatRecipient).where(OutboundChatRecipient.contact_id == contact_id)
    session.execute(of_chats.values(conversation_id=None, message_number=None), execution_options=_OPTIONS)
    waiting = of_chats.where(OutboundChatRecipient.outcome == ChatOutcome.WAITING.value)
    skipped = waiting.values(outcome=ChatOutcome.SKIPPED.value, reason="erased", changed_at=at)
    session.execute(skipped, execution_options=_OPTIONS)
    for table in (Message, ConversationRead, ConversationPresence, AgentNotice):
        session.execute(delete(table).where(table.conversation_id.in_(conversation_ids)), execution_options=_OPTIONS)
    of_texts = update(SmsMessage).where(SmsMessage.conversation_id.in_(conversation_ids))
    session.execute(of_texts.values(conversation_id=None, message_number=None), execution_options=_OPTIONS)
    expired = inserted_forms.where(InsertedForm.expires_at > at).values(expires_at=at)
    emptied = inserted_forms.values(conversation_id=None, origin=None, submitted_destination_hash=None)
    session.execute(expired, execution_options=_OPTIONS)
    session.execute(emptied, execution_options=_OPTIONS)
    session.execute(delete(Conversation).where(Conversation.contact_id == contact_id), execution_options=_OPTIONS)
