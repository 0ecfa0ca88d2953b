"""Contacts: made, found, held while something of theirs changes, given a number."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import email, outbox, phone
from app.core.consent import eligibility
from app.core.errors import DestinationRefused, NotFound
from app.core.signing import Keys, keys_of, random_public_id
from app.models import Contact, ContactRole

_TOLD = "assent_told_contacts"  # in a session's info: what this transaction has told


def create(
    session: Session,
    *,
    role: ContactRole,
    at: datetime,
    external_id: str | None = None,
    name: str | None = None,
    email_address: str | None = None,
    phone_number: str | None = None,
    gdpr_optin: bool | None = None,
    locale: str | None = None,
) -> Contact:
    """A new contact. A number is kept as E.164, an address in lower case, when it is one; else as it was given.

    Writes one ``contact.created`` outbox event.
    """
    contact = Contact(
        public_id=random_public_id(),
        role=role,
        external_id=external_id,
        name=name,
        gdpr_optin=gdpr_optin,
        unsubscribed_from_emails=False,
        locale=locale,
        created_at=at,
        updated_at=at,
    )
    set_email(session, contact, email.normalize(email_address) if email_address else None)
    _set_phone(session, contact, phone_number)
    session.add(contact)
    session.flush()
    tell(session, "contact.created", contact.id, at=at)
    return contact


def tell(session: Session, topic: str, contact_id: int, *, at: datetime) -> None:
    """Write an outbox event about a contact as such: ``contact.created`` or ``contact.updated``.

    However often something of a contact changes in one transaction, it is told once; of a new one, that it is new.
    """
    told: set[tuple[str, int]] = session.info.setdefault(_TOLD, set())
    if (topic, contact_id) in told or ("contact.created", contact_id) in told:
        return
    told.add((topic, contact_id))
    outbox.add(session, [topic], contact_id=contact_id, payload={"contact_id": contact_id}, at=at)


def find(session: Session, public_id: str) -> Contact:
    """:raises NotFound: nobody has this id"""
    contact = session.scalars(select(Contact).where(Contact.public_id == public_id)).one_or_none()
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


def find_by_ids(session: Session, ids: Iterable[int]) -> dict[int, Contact]:
    """The contacts with these ids that there still are, by id."""
    return {contact.id: contact for contact in session.scalars(select(Contact).where(Contact.id.in_(set(ids))))}


def look_up(session: Session, typed: str, *, region: str | None, limit: int = 50) -> list[Contact]:
    """Who has exactly this external id, e-mail address or number, however the number is written; newest first.

    :param region: the country whose national way of writing numbers is understood
    """
    wanted = typed.strip()
    if not wanted or "\0" in wanted:
        return []
    try:
        number = str(phone.read(wanted, region=region).e164)
    except DestinationRefused:
        number = phone.normalize(wanted)[0]
    matches = (Contact.external_id == wanted) | (Contact.email == wanted.lower()) | (Contact.phone == number)
    return list(session.scalars(select(Contact).where(matches).order_by(Contact.id.desc()).limit(limit)))


def hold(session: Session, contact_id: int) -> Contact:
    """The contact, fresh, with its row held until the transaction ends: changes of one person queue here."""
    query = select(Contact).where(Contact.id == contact_id).with_for_update()
    contact = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


def change_phone(session: Session, contact: Contact, phone_number: str | None, *, at: datetime) -> None:
    """Give a contact another number, or none. What they said yes to with the old one does not come along.

    A lead that was known by its old number alone is no longer found by it. The same number again changes nothing.
    """
    if _normalised(phone_number)[0] == contact.phone:
        return
    _set_phone(session, contact, phone_number)
    contact.lead_key = None
    updated(session, contact, at=at)


def take_phone(session: Session, contact: Contact) -> None:
    """Take a contact's number away without telling it: for whoever tells what becomes of the contact itself."""
    _set_phone(session, contact, None)
    contact.lead_key = None


def set_email(session: Session, contact: Contact, address: str | None) -> None:
    """Give a contact another address (in its normal form), or none. Does not flush and announces nothing."""
    contact.email, contact.email_hash = address, email_hash(keys_of(session), address)


def email_hash(keys: Keys, address: str | None) -> str | None:
    """What ``contacts.email_hash`` holds for this address: its keyed hash; null when it is not an email address."""
    return keys.destination_hash(address) if address and email.is_valid(address) else None


def change_gdpr_optin(session: Session, contact: Contact, *, gdpr_optin: bool | None, at: datetime) -> None:
    """False: no message on any channel. Null: they did not say."""
    contact.gdpr_optin = gdpr_optin
    contact.sms_block = cast(Any, eligibility.sms_block_of(contact))
    updated(session, contact, at=at)


def block(session: Session, contact: Contact, *, at: datetime) -> None:
    """Take nothing from this contact and send nothing to it any more; what it said stays."""
    contact.blocked_at = at
    contact.sms_block = cast(Any, eligibility.sms_block_of(contact))
    updated(session, contact, at=at)


def updated(session: Session, contact: Contact, *, at: datetime) -> None:
    """Whoever changed a contact, whose row is held, says so here: flushes, and writes one ``contact.updated``."""
    contact.updated_at = at
    session.flush()
    tell(session, "contact.updated", contact.id, at=at)


def _set_phone(session: Session, contact: Contact, typed: str | None) -> None:
    number, country = _normalised(typed)
    contact.phone, contact.phone_country = number, country
    contact.phone_hash = keys_of(session).destination_hash(number) if number else None
    contact.sms_block = cast(Any, eligibility.sms_block_of(contact))


def _normalised(typed: str | None) -> tuple[str | None, str | None]:
    return phone.normalize(typed) if typed and typed.strip() else (None, None)
