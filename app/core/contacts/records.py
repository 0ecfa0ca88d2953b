"""Contacts: made, found, held while something of theirs changes, given a number."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Executable, Table, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.core import email, outbox, phone
from app.core.consent import eligibility
from app.core.destinations import Destination
from app.core.errors import DestinationRefused, NotFound
from app.core.signing import Keys, keys_of, random_public_id
from app.db import CompiledStatement, inserting
from app.models import Channel, Contact, ContactRole

_CONTACT = cast(Table, Contact.__table__)
_TOLD = "assent_told_contacts"  # in a session's info: what this transaction has told
_FIND_LEAD = CompiledStatement(
    select(_CONTACT.c.id).where(_CONTACT.c.lead_key == bindparam("lead_key")).with_for_update()
)
# Whoever was archived, blocked or kept from everything meanwhile answers no form any more.
_MAY_ANSWER = (_CONTACT.c.archived_at.is_(None), _CONTACT.c.blocked_at.is_(None), _CONTACT.c.gdpr_optin.is_not(False))
_HOLD_SAVED = CompiledStatement(
    select(_CONTACT.c.phone, _CONTACT.c.email)
    .where(_CONTACT.c.id == bindparam("contact_id"), *_MAY_ANSWER)
    .with_for_update()
)


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
    set_email(session, contact, email.normalise(email_address) if email_address else None)
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
        number = phone.normalise(wanted)[0]
    matches = (Contact.external_id == wanted) | (Contact.email == wanted.lower()) | (Contact.phone == number)
    return list(session.scalars(select(Contact).where(matches).order_by(Contact.id.desc()).limit(limit)))


def hold(session: Session, contact_id: int) -> Contact:
    """The contact, fresh, with its row held until the transaction ends: changes of one person queue here."""
    query = select(Contact).where(Contact.id == contact_id).with_for_update()
    contact = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


def hold_saved(session: Session, contact_id: int, channel: str) -> str | None:
    """Hold a contact's row as ``hold`` does; the number or address that it has now comes back.

    Null when it has none, or may not answer any more: it was archived, blocked or kept from everything.
    """
    row = _HOLD_SAVED.one(session, contact_id=contact_id)
    if row is None:
        return None
    saved: str | None = row[0] if channel == Channel.SMS else row[1]
    return saved


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


def lead_for(
    session: Session, subscription_type_id: int, channel: str, destination: Destination, *, locale: str, at: datetime
) -> tuple[int, bool]:
    """The lead that an unsigned person is: one for each type and number, never a known user.

    Its id, held, comes back, and whether it was made just now: then the caller writes ``contact.created``.
    """
    lead_key = f"form:{subscription_type_id}:{destination.hash}"
    is_phone = channel == Channel.SMS
    made = _lead_insert(has_phone=is_phone).one(
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
    if made is not None:
        return made[0], True
    (lead_id,) = _FIND_LEAD.one(session, lead_key=lead_key)
    return lead_id, False


def undo_lead(session: Session, lead_id: int) -> None:
    """Take back a lead that ``lead_for`` has just made, and that nobody was told of: its answer did not count."""
    session.execute(delete(_CONTACT).where(_CONTACT.c.id == lead_id))


def save_destination(
    session: Session, contact_id: int, channel: str, destination: Destination, *, instead_of: str | None, at: datetime
) -> bool:
    """Give a contact the number or address that they have just typed, and hold its row.

    False, and nothing is written, when it does not have ``instead_of`` (null, or what could not be used) any more, or
    was archived, blocked or kept from everything. Else the caller writes ``contact.updated``.
    """
    is_phone = channel == Channel.SMS
    column = _CONTACT.c.phone if is_phone else _CONTACT.c.email
    values: dict[str, Any] = {"lead_key": None, "updated_at": at}
    if is_phone:
        values |= {
            "phone": destination.value,
            "phone_hash": destination.hash,
            "phone_country": destination.country,
            "sms_block": eligibility.sms_block_of_number(destination.hash),
        }
    else:
        values |= {"email": destination.value, "email_hash": destination.hash}
    unchanged = column.is_(None) if instead_of is None else column == instead_of
    given = update(_CONTACT).where(_CONTACT.c.id == contact_id, unchanged, *_MAY_ANSWER).values(**values)
    result = session.execute(given)
    return bool(cast(Any, result).rowcount)


def _set_phone(session: Session, contact: Contact, typed: str | None) -> None:
    number, country = _normalised(typed)
    contact.phone, contact.phone_country = number, country
    contact.phone_hash = keys_of(session).destination_hash(number) if number else None
    contact.sms_block = cast(Any, eligibility.sms_block_of(contact))


def _normalised(typed: str | None) -> tuple[str | None, str | None]:
    return phone.normalise(typed) if typed and typed.strip() else (None, None)


@lru_cache
def _lead_insert(*, has_phone: bool) -> CompiledStatement:
    block: Any = eligibility.sms_block_of_number(bindparam("phone_hash")) if has_phone else eligibility.NO_PHONE_BLOCK
    names = ("public_id", "role", "lead_key", "phone", "phone_hash", "phone_country", "email", "locale")
    more = ("email_hash", "custom_attributes", "created_at", "updated_at")

    def statement(dialect: str) -> Executable:
        adding = inserting(dialect, Contact, names + more).values(sms_block=block)
        return adding.on_conflict_do_nothing(index_elements=[_CONTACT.c.lead_key]).returning(_CONTACT.c.id)

    return CompiledStatement(statement)
