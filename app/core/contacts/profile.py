"""Change a contact's profile, and archive, unarchive and block contacts. Each change is audited and published."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit, email
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.contacts.records import NewContact
from app.core.conversations import lifecycle
from app.core.errors import Duplicate, InvalidInput
from app.core.ledger.evidence import reported_by
from app.core.workspace import settings
from app.db import dialect_of
from app.models import Agent, Contact, ContactRole
from app.schemas.contact_input import CUSTOM_BYTES_MAX, CUSTOM_MAX

Fields = Mapping[str, Any]
_SIMPLE = ("name", "avatar", "signed_up_at", "last_seen_at")


def create(session: Session, fields: Fields, *, actor: str, at: datetime) -> Contact:
    """Create a contact. Without a role it is a user. Writes ``contact.created``.

    :param fields: role, external_id, email, phone, name, avatar, signed_up_at, last_seen_at, owner_id,
        unsubscribed_from_emails, language_override, time_zone, custom_attributes, gdpr_optin
    :raises InvalidInput: email, external_id and role are all missing; a user has no email and no external_id; a value
        is invalid
    :raises Duplicate: another user has this external id or address; the message contains ``id=…``
    """
    if not any(fields.get(name) for name in ("email", "external_id", "role")):
        raise InvalidInput("Give at least one of email, external_id and role.", field="email")
    external_id, address = fields.get("external_id") or None, _address(fields)
    role = ContactRole(fields.get("role") or ContactRole.USER)
    if role == ContactRole.USER and not (external_id or address):
        raise InvalidInput("A user has an external_id or an email; any other contact is a lead.", field="role")
    refuse_duplicate(session, (), role, external_id, address)
    values = {**fields, "role": role, "external_id": external_id}
    new = NewContact(
        role,
        external_id,
        email_address=address,
        phone_number=fields.get("phone"),
        locale=fields.get("language_override") or None,
    )
    try:
        with session.begin_nested():
            contact = contacts.create(session, new, at=at)
    except IntegrityError:  # a concurrent call created the same person
        refuse_duplicate(session, (), role, external_id, address)
        raise
    _apply(session, contact, {name: values[name] for name in values if name in _SETTERS})
    _change_gdpr_optin(session, contact, fields, actor=actor, at=at)
    return _record(session, contact, "created", fields, actor=actor, at=at)


def change(session: Session, contact: Contact, fields: Fields, *, actor: str, at: datetime) -> Contact:
    """Change the given fields of a locked contact; null removes a value. Writes ``contact.updated``, if one differs.

    Opt-ins with the old number do not count for a new one. ``gdpr_optin`` that is false changes only with a
    ``source_note``, which says how the person asked for it.

    :raises InvalidInput: a value is invalid; the note is missing
    :raises Duplicate: another contact has this external id or address
    """
    before = contacts.columns_of(contact)
    role = ContactRole(fields.get("role") or contact.role)
    external_id = (fields["external_id"] or None) if "external_id" in fields else contact.external_id
    address = _address(fields) if "email" in fields else contact.email
    refuse_unidentified(role, external_id, address)
    if (role, external_id, address) != (contact.role, contact.external_id, contact.email):
        refuse_duplicate(session, [contact.id], role, external_id, address)
    try:
        with session.begin_nested():
            contact.role, contact.external_id = role, external_id
            contacts.set_email(session, contact, address)
            session.flush()
    except IntegrityError:
        session.refresh(contact)
        refuse_duplicate(session, [contact.id], role, external_id, address)
        raise
    if "phone" in fields:
        contacts.change_phone(session, contact, fields["phone"], evidence=reported_by(actor), at=at)
    _change_gdpr_optin(session, contact, fields, actor=actor, at=at)
    if "language_override" in fields:
        contact.locale = fields["language_override"] or None
    _apply(session, contact, {name: fields[name] for name in fields if name in _SETTERS})
    if contacts.columns_of(contact) == before:
        return contact
    contact.updated_at = at
    return _record(session, contact, "updated", fields, actor=actor, at=at)


def _change_gdpr_optin(session: Session, contact: Contact, fields: Fields, *, actor: str, at: datetime) -> None:
    if "gdpr_optin" in fields:
        evidence = reported_by(actor, fields.get("source_note"))
        contacts.change_gdpr_optin(session, contact, gdpr_optin=fields["gdpr_optin"], evidence=evidence, at=at)


def archive(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Take a locked contact out of lists, searches and audiences. Its consents stay. Repeating it changes nothing."""
    if contact.archived_at is None:
        contact.archived_at = at
        _save_state(session, contact, "archived", actor=actor, at=at)


def unarchive(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Bring a locked contact back.

    :raises Duplicate: another contact has its address now
    """
    if contact.archived_at is not None:
        refuse_duplicate(session, [contact.id], ContactRole(contact.role), None, contact.email, ignore_archived=True)
        contact.archived_at = None
        _save_state(session, contact, "unarchived", actor=actor, at=at)


def block(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Block a locked contact and close its conversations. Repeating it changes nothing."""
    if contact.blocked_at is None:
        contacts.block(session, contact, at=at)
        lifecycle.close_all_of(session, contact.id, actor=actor, at=at)
        _record(session, contact, "blocked", {}, actor=actor, at=at)


def refuse_unidentified(role: ContactRole, external_id: str | None, address: str | None) -> None:
    """:raises InvalidInput: a user needs an external id or an address"""
    if role == ContactRole.USER and not (external_id or address):
        raise InvalidInput("A user needs an email address or an external id.", field="external_id")


def unblock(session: Session, contact: Contact, *, actor: str, at: datetime) -> None:
    """Take back that a locked contact is blocked. Its conversations stay closed. Repeating it changes nothing."""
    if contact.blocked_at is not None:
        contact.blocked_at = None
        _save_state(session, contact, "unblocked", actor=actor, at=at)


def refuse_duplicate(
    session: Session,
    own_ids: Collection[int],
    role: ContactRole,
    external_id: str | None,
    address: str | None,
    *,
    ignore_archived: bool = False,
) -> None:
    """Check that no other contact has this external id, and no other user this address.

    :param own_ids: the contacts that may have them
    :raises Duplicate: another contact has it; API clients read its id from the message
    """
    if address and role == ContactRole.USER and dialect_of(session) == "postgresql":
        # concurrent calls with the same address wait for each other
        session.execute(text("SELECT pg_advisory_xact_lock(4271, hashtext(:address))"), {"address": address})
    same = []
    if external_id:
        same.append(Contact.external_id == external_id)
    if address and role == ContactRole.USER:
        same.append((Contact.email == address) & (Contact.role == ContactRole.USER))
    for condition in same:
        others = select(Contact).where(condition, Contact.id.not_in(own_ids))
        if ignore_archived:
            others = others.where(Contact.archived_at.is_(None))
        if found := session.scalars(others.order_by(Contact.archived_at.is_not(None)).limit(1)).first():
            if found.archived_at:
                raise Duplicate(
                    "An archived contact matching those details already exists with id=%(id)s",
                    public_id=found.public_id,
                )
            raise Duplicate("A contact matching those details already exists with id=%(id)s", public_id=found.public_id)


def _save_state(session: Session, contact: Contact, event: str, *, actor: str, at: datetime) -> None:
    contact.updated_at = at
    contact.sms_block = eligibility.sms_block_of(contact)
    session.flush()
    _record(session, contact, event, {}, actor=actor, at=at)


def _record(session: Session, contact: Contact, event: str, fields: Fields, *, actor: str, at: datetime) -> Contact:
    session.flush()
    details = {"fields": sorted(set(fields) - {"source_note"})} if fields else {}
    audit.record(session, actor, f"contact.{event}", f"contact:{contact.id}", details, at=at)
    contacts.publish(session, "contact.updated", contact.id, at=at)
    session.flush()
    return contact


def _apply(session: Session, contact: Contact, fields: Fields) -> None:
    for name, value in fields.items():
        _SETTERS[name](session, contact, value)


def _set_simple(name: str) -> Callable[[Session, Contact, Any], None]:
    def put(_session: Session, contact: Contact, value: Any) -> None:
        setattr(contact, name, value)

    return put


def _set_avatar(_session: Session, contact: Contact, value: str | None) -> None:
    if value and not value.startswith(("https://", "http://")):
        raise InvalidInput("Give the web address of a picture.", field="avatar")
    contact.avatar = value or None


def _set_owner(session: Session, contact: Contact, value: str | None) -> None:
    if value is not None and session.get(Agent, int(value)) is None:
        raise InvalidInput("No teammate has this id.", field="owner_id")
    contact.owner_id = int(value) if value is not None else None


def _set_unsubscribed(_session: Session, contact: Contact, value: bool | None) -> None:  # noqa: FBT001 - a setter
    contact.unsubscribed_from_emails = bool(value)


def _set_time_zone(_session: Session, contact: Contact, value: str | None) -> None:
    zone = settings.zones().get(value.lower()) if value else None
    if value and zone is None:
        raise InvalidInput("Give the IANA name of a time zone, such as Europe/Berlin.", field="time_zone")
    contact.time_zone = zone


def _set_custom(_session: Session, contact: Contact, value: Mapping[str, Any] | None) -> None:
    contact.custom_attributes = merge_attributes(contact.custom_attributes, value or {})


def merge_attributes(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Custom attributes with the given ones merged into them; null removes one.

    :raises InvalidInput: there are too many
    """
    kept = {name: each for name, each in {**before, **given}.items() if each is not None}
    grows = any(name not in before or before[name] != kept[name] for name in kept)
    if grows and (len(kept) > CUSTOM_MAX or len(json.dumps(kept)) > CUSTOM_BYTES_MAX):
        raise InvalidInput(
            "There are at most %(most)s custom attributes, %(most_bytes)s bytes together.",
            field="custom_attributes",
            most=CUSTOM_MAX,
            most_bytes=CUSTOM_BYTES_MAX,
        )
    return kept


_SETTERS: Mapping[str, Callable[[Session, Contact, Any], None]] = {
    **{name: _set_simple(name) for name in _SIMPLE},
    "avatar": _set_avatar,
    "owner_id": _set_owner,
    "unsubscribed_from_emails": _set_unsubscribed,
    "time_zone": _set_time_zone,
    "custom_attributes": _set_custom,
}


def _address(fields: Fields) -> str | None:
    if fields.get("email_verified") is not None and not fields.get("email"):
        raise InvalidInput("Only an email that is given can be verified.", field="email_verified")
    typed = fields.get("email")
    return email.read(typed) if typed else None
