"""Create, find and change contacts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from app.core import email, outbox, phone
from app.core.consent import eligibility, precedence, recording
from app.core.errors import NotFound
from app.core.ledger.evidence import Evidence, reported_by
from app.core.signing import Keys, keys_of, random_public_id
from app.models import Contact, ContactRole

_BY_SYSTEM = reported_by("system")
_PUBLISHED = "assent_published_contacts"  # in a session's info: the events that this transaction has written


@dataclass(frozen=True)
class NewContact:
    """What is known of a contact from its first moment."""

    role: ContactRole
    external_id: str | None = None
    name: str | None = None
    email_address: str | None = None
    phone_number: str | None = None
    gdpr_optin: bool | None = None
    locale: str | None = None


def create(session: Session, new: NewContact, *, at: datetime) -> Contact:
    """Create a contact. Writes one ``contact.created`` outbox event.

    A valid number is stored as E.164, a valid address in lower case; other text is stored as it was given.
    """
    contact = Contact(
        public_id=random_public_id(),
        role=new.role,
        external_id=new.external_id,
        name=new.name,
        gdpr_optin=new.gdpr_optin,
        unsubscribed_from_emails=False,
        locale=new.locale,
        created_at=at,
        updated_at=at,
    )
    set_email(session, contact, email.normalize(new.email_address) if new.email_address else None)
    set_phone(session, contact, new.phone_number)
    session.add(contact)
    session.flush()
    publish(session, "contact.created", contact.id, at=at)
    return contact


def publish(session: Session, topic: str, contact_id: int, *, at: datetime) -> None:
    """Write an outbox event ``contact.created`` or ``contact.updated``.

    Writes at most one event for each contact and transaction: after ``contact.created`` no ``contact.updated``.
    """
    published: set[tuple[str, int]] = session.info.setdefault(_PUBLISHED, set())
    if (topic, contact_id) in published or ("contact.created", contact_id) in published:
        return
    published.add((topic, contact_id))
    outbox.add(session, [topic], contact_id=contact_id, payload={"contact_id": contact_id}, at=at)


def find(session: Session, public_id: str) -> Contact:
    """:raises NotFound: there is no contact with this public id"""
    contact = session.scalars(select(Contact).where(Contact.public_id == public_id)).one_or_none()
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


def find_current(session: Session, public_id: str) -> Contact:
    """The contact with this public id, or the one that it was merged into.

    :raises NotFound: there is no contact with this public id, or it was erased
    """
    contact = find_surviving(session, public_id)
    if contact.erased_at is not None:
        raise NotFound("There is no such contact.")
    return contact


def find_surviving(session: Session, public_id: str) -> Contact:
    """The contact with this public id, or the one that it was merged into, erased or not.

    :raises NotFound: there is no contact with this public id
    """
    contact = find(session, public_id)
    return contact if contact.merged_into_id is None else session.get_one(Contact, contact.merged_into_id)


def find_by_ids(session: Session, ids: Iterable[int]) -> dict[int, Contact]:
    """The contacts with these ids, by id. Ids without a contact are left out."""
    return {contact.id: contact for contact in session.scalars(select(Contact).where(Contact.id.in_(set(ids))))}


def look_up(session: Session, typed: str, *, region: str | None, limit: int = 50) -> list[Contact]:
    """The contacts with exactly this external id, email address or number, the newest first.

    A number is found by any usual way to write it.

    :param region: the country in which numbers without a ``+`` are read
    """
    wanted = typed.strip()
    if not wanted or "\0" in wanted:
        return []
    has_address = Contact.email.in_({email.normalize(wanted), wanted.lower()})
    has_number = Contact.phone.in_(phone.candidates(wanted, region=region))
    matches = (Contact.external_id == wanted) | has_address | has_number
    return list(session.scalars(select(Contact).where(matches).order_by(Contact.id.desc()).limit(limit)))


def change_phone(
    session: Session, contact: Contact, phone_number: str | None, *, evidence: Evidence = _BY_SYSTEM, at: datetime
) -> None:
    """Change a contact's number, or remove it (null). Opt-ins with the old number do not count for the new one.

    Writes one ``number_change`` event if there was a number. A lead is no longer found by its lead key. The same number
    again changes nothing.
    """
    before = contact.phone
    if _normalised(phone_number)[0] == before:
        return
    set_phone(session, contact, phone_number)
    contact.lead_key = None
    mark_updated(session, contact, at=at)
    recording.number_change(session, contact, before, evidence, at=at)


def copy_of(contact: Contact) -> Contact:
    """A copy outside the session, to try changes on: it is never stored."""
    return Contact(**columns_of(contact))


def columns_of(contact: Contact) -> dict[str, Any]:
    """The values of all its columns."""
    return {each.key: getattr(contact, each.key) for each in inspect(Contact).column_attrs}


def remove_phone(session: Session, contact: Contact) -> None:
    """Remove a contact's number. Publishes nothing: the caller publishes what happens to the contact."""
    set_phone(session, contact, None)
    contact.lead_key = None


def set_phone(session: Session, contact: Contact, typed: str | None) -> None:
    """Set or remove (null) a contact's number. Does not flush, publishes nothing, and records no event."""
    number, country = _normalised(typed)
    phone_hash = keys_of(session).destination_hash(number) if number else None
    if contact.phone_hash and contact.phone_hash != phone_hash:
        contact.former_phone_hashes = sorted({*(contact.former_phone_hashes or ()), contact.phone_hash})
    contact.phone, contact.phone_country, contact.phone_hash = number, country, phone_hash
    contact.sms_block = eligibility.sms_block_of(contact)


def set_email(session: Session, contact: Contact, address: str | None) -> None:
    """Set or remove (null) a contact's normalized email address. Does not flush and publishes nothing."""
    contact.email, contact.email_hash = address, email_hash(keys_of(session), address)


def email_hash(keys: Keys, address: str | None) -> str | None:
    """The value of ``contacts.email_hash``: the keyed hash of the address; null when it is not an email address."""
    return keys.destination_hash(address) if address and email.is_valid(address) else None


def change_gdpr_optin(
    session: Session, contact: Contact, *, gdpr_optin: bool | None, evidence: Evidence = _BY_SYSTEM, at: datetime
) -> None:
    """Set whether the contact agrees to messages at all. False: no message on any channel. Null: not known.

    Writes one ``gdpr_off`` or ``gdpr_on`` event when it becomes or stops being false. The same value changes nothing.

    :raises InvalidState, InvalidInput: it is false, and this evidence cannot change that
    """
    before = contact.gdpr_optin
    if gdpr_optin is before:
        return
    if before is False:
        precedence.refuse_lifting_gdpr(evidence)
    contact.gdpr_optin = gdpr_optin
    contact.sms_block = eligibility.sms_block_of(contact)
    mark_updated(session, contact, at=at)
    if False in {before, gdpr_optin}:
        recording.gdpr(session, contact, evidence, at=at)


def block(session: Session, contact: Contact, *, at: datetime) -> None:
    """Block a contact: nothing is accepted from it or sent to it any more. Its consents stay."""
    contact.blocked_at = at
    contact.sms_block = eligibility.sms_block_of(contact)
    mark_updated(session, contact, at=at)


def mark_updated(session: Session, contact: Contact, *, at: datetime) -> None:
    """Set ``updated_at`` of a locked contact, flush, and write one ``contact.updated`` outbox event."""
    contact.updated_at = at
    session.flush()
    publish(session, "contact.updated", contact.id, at=at)


def _normalised(typed: str | None) -> tuple[str | None, str | None]:
    return phone.normalize(typed) if typed and typed.strip() else (None, None)
