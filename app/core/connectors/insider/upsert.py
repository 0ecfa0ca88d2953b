"""Stores what a client says about one person: their profile, and what they said about messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.connectors.insider import attributes, matching, optins
from app.core.connectors.insider.record import Identifiers, Record, Refusal
from app.core.contacts import profile
from app.core.errors import AssentError, Duplicate
from app.core.ledger.evidence import Evidence
from app.models import Contact, ContactRole


@dataclass(frozen=True)
class Stored:
    """What became of a record. ``doubts``: why something that it says does not count, by attribute."""

    doubts: Mapping[str, str] = field(default_factory=dict)


def record_of(user: Mapping[str, Any]) -> Record:
    """A valid user of the request as a record.

    Custom identifiers identify no one here, so they are custom attributes.

    :raises Refusal: a name cannot be that of an attribute
    """
    given, identifiers = user.get("attributes") or {}, user["identifiers"]
    fields, custom = attributes.split(given)
    return Record(
        identifiers=Identifiers.of(identifiers),
        profile=fields,
        custom={**attributes.custom_of(identifiers.get("custom", {})), **custom},
        replaces_lists=not user["append"] if "append" in user else user.get("not_append", False),
        sms_optin=given.get("sms_optin"),
        gdpr_optin=given.get("gdpr_optin"),
        email_optin=given.get("email_optin"),
        has_events=bool(user.get("events")),
    )


def upsert(session: Session, record: Record, evidence: Evidence, *, at: datetime) -> Stored:
    """Store one record. The same record again writes nothing. Flushes, does not commit.

    A person whom no identifier points to is a new user, or with a number alone its lead. Events are not stored.

    :raises Refusal: nothing of the record can be stored; the caller rolls back
    :raises Duplicate: another call has just stored the same person; it can be repeated
    """
    if record.is_about_events_alone:
        return Stored()
    try:
        contact = _save(session, record, evidence.actor, at=at)
        doubts = optins.record(session, contact, record, evidence, at=at)
    except Duplicate:  # a concurrent call created the same person
        raise
    except AssentError as problem:
        raise Refusal(f"attributes.{problem.field or 'record'}.{problem.code}", problem.message) from problem
    if record.email_optin and contact.unsubscribed_from_emails:
        doubts["email_optin"] = "opted_out"
    return Stored(doubts)


def _save(session: Session, record: Record, actor: str, *, at: datetime) -> Contact:
    """Find or create the contact, locked, and store what differs."""
    identifiers = record.identifiers
    contact = matching.find_user(session, identifiers)
    if contact is None and matching.is_number_alone(identifiers):
        locale = record.profile.get("language_override")
        contact = matching.lead_of(session, identifiers.columns["phone"], locale=locale, at=at)
    changed = attributes.changes(contact, record)
    if contact is None:
        return profile.create(session, {**changed, "role": ContactRole.USER}, actor=actor, at=at)
    return profile.change(session, contact, changed, actor=actor, at=at) if changed else contact
