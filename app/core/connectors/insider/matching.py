"""Whom a record is about. Contacts are never merged, and an identifier is never renamed here.

An identifier points to the contact that has it, a number or an address to users only. All that are given must point to
one contact, which has no other value of them.
A number alone points to the one user who has it, else to the lead of that number. Leads are found in no other way.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from app.core import phone, wording
from app.core.connectors.insider.record import COLUMNS, Identifiers, Refusal
from app.core.consent import eligibility, locking
from app.core.contacts import leads
from app.core.contacts import records as contacts
from app.core.destinations import Destination
from app.core.signing import keys_of
from app.models import Channel, Contact, ContactRole

_CONTACT = Contact.__table__
_IS_USER = Contact.role == ContactRole.USER.value
_HOLDERS = (
    select(Contact.id)
    .where(
        or_(
            _CONTACT.c.external_id == bindparam("uuid"),
            _IS_USER & (_CONTACT.c.email == bindparam("email")),
            _IS_USER & (_CONTACT.c.phone == bindparam("phone_number")),
        ),
        Contact.merged_into_id.is_(None),
        Contact.erased_at.is_(None),
    )
    .order_by(Contact.id)
)


def find_user(session: Session, identifiers: Identifiers) -> Contact | None:
    """The user that these identifiers point to, locked; null when they point to none.

    :raises Refusal: they point to several users, or the user has another value of one
    """
    ids = list(session.scalars(_HOLDERS, {**dict.fromkeys(COLUMNS), **identifiers.given}))
    holders = [locking.lock_contact(session, each) for each in ids]
    found = _the_one(identifiers, [each for each in holders if each.archived_at is None] or holders)
    if found is not None:
        _refuse_other_values(found, identifiers)
    return found


def lead_of(session: Session, number: str, *, locale: str | None, at: datetime) -> Contact:
    """The lead of this number, locked; created when there is none."""
    country = phone.normalize(number)[1]
    destination = Destination(number, keys_of(session).destination_hash(number), country)
    locale = locale or wording.DEFAULT_LOCALE
    locked = leads.lead_for(session, Channel.SMS, destination, locale=locale, at=at)
    for topic in locked.topics:
        contacts.publish(session, topic, locked.id, at=at)
    lead = locking.lock_contact(session, locked.id)
    lead.sms_block = eligibility.sms_block_of(lead)
    return lead


def is_number_alone(identifiers: Identifiers) -> bool:
    return set(identifiers.given) == {"phone_number"}


def _the_one(identifiers: Identifiers, users: Sequence[Contact]) -> Contact | None:
    pointed_to = {
        name: {each.id for each in users if getattr(each, COLUMNS[name]) == value}
        for name, value in identifiers.given.items()
    }
    pointed_to = {name: ids for name, ids in pointed_to.items() if ids}
    if not pointed_to:
        return None
    common = set.intersection(*pointed_to.values())
    if not common:
        names = " and ".join(pointed_to)
        raise Refusal("identifiers.conflict", f"{names} belong to different users, who are never merged by this call")
    if len(common) > 1:
        names = " and ".join(pointed_to)
        raise Refusal("identifiers.ambiguous", f"several users have this {names}; give the uuid, too")
    return next(each for each in users if each.id in common)


def _refuse_other_values(user: Contact, identifiers: Identifiers) -> None:
    for name, value in identifiers.given.items():
        stored = getattr(user, COLUMNS[name])
        if stored and stored != value:
            raise Refusal(
                f"identifiers.{name}.differs", f"the user has another {name}; PATCH /api/user/v1/identity changes it"
            )
