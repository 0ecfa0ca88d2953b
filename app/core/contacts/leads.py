"""Finds and locks the contact that submits a form: saves its number or address, or creates a lead."""

from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Executable, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.core.consent import eligibility, locking, reach
from app.core.consent.locking import LockedContact
from app.core.consent.reach import IS_WITHIN_REACH, REFUSED
from app.core.contacts import records as contacts
from app.core.destinations import Destination
from app.core.errors import NotFound
from app.core.ledger.evidence import Evidence
from app.core.signing import random_public_id
from app.db import CompiledStatement, insert_statement
from app.models import Channel, Contact, ContactRole

_CONTACT = Contact.__table__
_FIND_LEAD = CompiledStatement(
    select(_CONTACT.c.id, _CONTACT.c.blocked_at, _CONTACT.c.gdpr_optin)
    .where(_CONTACT.c.lead_key == bindparam("lead_key"))
    .with_for_update()
)
_LOCK_SAVED = CompiledStatement(
    select(_CONTACT.c.phone, _CONTACT.c.email)
    .where(_CONTACT.c.id == bindparam("contact_id"), IS_WITHIN_REACH)
    .with_for_update()
)

_REFUSED_NUMBER = CompiledStatement(REFUSED.where(_CONTACT.c.phone_hash == bindparam("given")))
_REFUSED_ADDRESS = CompiledStatement(REFUSED.where(_CONTACT.c.email == bindparam("given")))


def lock_saved(session: Session, contact_id: int, channel: str, saved: str | None) -> LockedContact | None:
    """Lock a contact whose number or address is still ``saved``.

    Returns null if it has changed, or if the contact may not submit forms any more.
    """
    row = _LOCK_SAVED.one(session, contact_id=contact_id)
    if saved is None or row is None or (row[0] if channel == Channel.SMS else row[1]) != saved:
        return None
    return locking.locked_by_write(contact_id, channel, saved)


def lead_for(
    session: Session,
    channel: str,
    destination: Destination,
    *,
    locale: str | None,
    sms_block: str | None = None,
    at: datetime,
) -> LockedContact:
    """The lead for an unsigned person, locked: one for each number or address, never a known user.

    Creates the lead if there is none; ``contact.created`` is then published with its consent.

    :param sms_block: why a new lead's number cannot be texted (``phone.refusal_of_stored``); null: it can
    :raises NotFound: the lead was erased or merged while this transaction waited for it
    """
    lead_key = lead_key_of(channel, destination.hash)
    is_phone = channel == Channel.SMS
    inserted = _lead_insert(sms_block if is_phone else eligibility.NO_PHONE_BLOCK).one(
        session,
        public_id=random_public_id(),
        role=ContactRole.LEAD.value,
        lead_key=lead_key,
        phone=destination.value if is_phone else None,
        phone_hash=destination.hash if is_phone else None,
        phone_country=destination.country,
        email=None if is_phone else destination.value,
        email_hash=None if is_phone else destination.hash,
        locale=locale,
        custom_attributes={},
        created_at=at,
        updated_at=at,
    )
    if inserted is not None:
        return locking.locked_by_write(inserted[0], channel, destination.value, topic="contact.created")
    found = existing_lead(session, channel, destination)
    if found is None:
        raise NotFound("There is no such contact.")
    return found


def existing_lead(session: Session, channel: str, destination: Destination) -> LockedContact | None:
    """The lead of a number or address, locked; null when there is none."""
    row = _FIND_LEAD.one(session, lead_key=lead_key_of(channel, destination.hash))
    if row is None:
        return None
    lead_id, blocked_at, gdpr_optin = row
    lead = locking.locked_by_write(lead_id, channel, destination.value)
    lead.blocked_at, lead.gdpr_optin = blocked_at, gdpr_optin
    return lead


def is_gdpr_refused(session: Session, channel: str, destination: Destination) -> bool:
    """Whether a contact with this number or address has ``gdpr_optin`` false."""
    statement = _REFUSED_NUMBER if channel == Channel.SMS else _REFUSED_ADDRESS
    given = destination.hash if channel == Channel.SMS else destination.value
    return statement.one(session, given=given) is not None


def lead_key_of(channel: str, destination_hash: str) -> str:
    """The value of ``contacts.lead_key`` for a lead that is known by a number or address."""
    return f"{channel}:{destination_hash}"


def undo_lead(session: Session, lead: LockedContact) -> None:
    """Delete a lead that ``lead_for`` has just created, before it is published: its submission did not count."""
    session.execute(delete(_CONTACT).where(_CONTACT.c.id == lead.id))


def save_destination(
    session: Session, contact_id: int, channel: str, destination: Destination, *, instead_of: str | None, at: datetime
) -> LockedContact | None:
    """Save the number or address that a contact has typed; ``contact.updated`` is then published with its consent.

    Returns null and writes nothing if the contact may not submit forms any more, or if its number or address is not
    ``instead_of`` any more.

    :param instead_of: the value to replace: null, or an address that cannot be used; see ``replace_number`` for numbers
    """
    is_phone = channel == Channel.SMS
    column = _CONTACT.c.phone if is_phone else _CONTACT.c.email
    values: dict[str, Any] = {"lead_key": None, "updated_at": at}
    if is_phone:
        values |= {
            "phone": destination.value,
            "phone_hash": destination.hash,
            "phone_country": destination.country,
            "sms_block": None,
        }
    else:
        values |= {"email": destination.value, "email_hash": destination.hash}
    unchanged = column.is_(None) if instead_of is None else column == instead_of
    saved = update(_CONTACT).where(_CONTACT.c.id == contact_id, unchanged, IS_WITHIN_REACH).values(**values)
    if not cast(Any, session.execute(saved)).rowcount:
        return None
    return locking.locked_by_write(contact_id, channel, destination.value, topic="contact.updated")


def replace_number(
    session: Session, contact_id: int, before: str, destination: Destination, evidence: Evidence, *, at: datetime
) -> LockedContact | None:
    """Replace a contact's number, which cannot be texted, by the one that it has typed.

    Writes one ``number_change`` event with this evidence. Returns null and writes nothing as ``save_destination``.

    :param before: the number to replace
    """
    contact = locking.lock_contact(session, contact_id)
    if contact.phone != before or reach.is_out_of_reach(contact):
        return None
    contacts.change_phone(session, contact, destination.value, evidence=evidence, at=at)
    return locking.locked_by_write(contact_id, Channel.SMS, destination.value)


@lru_cache
def _lead_insert(block: str | None) -> CompiledStatement:
    names = (
        *("public_id", "role", "lead_key", "phone", "phone_hash", "phone_country", "email", "locale"),
        *("email_hash", "custom_attributes", "created_at", "updated_at"),
    )

    def statement(dialect: str) -> Executable:
        insert = insert_statement(dialect, Contact, names).values(sms_block=block)
        return insert.on_conflict_do_nothing(index_elements=[_CONTACT.c.lead_key]).returning(_CONTACT.c.id)

    return CompiledStatement(statement)
