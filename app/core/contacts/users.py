"""The contact of a user whose id is proven."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility
from app.core.contacts import records
from app.core.signing import random_public_id
from app.db import insert_or_ignore
from app.models import Contact, ContactRole


def find(session: Session, external_id: str) -> Contact | None:
    """The contact with this external id; null when there is none."""
    return session.scalars(select(Contact).where(Contact.external_id == external_id)).one_or_none()


def find_or_create(session: Session, external_id: str, *, at: datetime) -> Contact:
    """The contact with this external id, created without anything else when there is none.

    Writes ``contact.created`` when it is new. Concurrent transactions create only one.
    """
    if (contact := find(session, external_id)) is not None:
        return contact
    values = {
        "public_id": random_public_id(),
        "role": ContactRole.USER.value,
        "external_id": external_id,
        "sms_block": eligibility.NO_PHONE_BLOCK,
        "custom_attributes": {},
        "created_at": at,
        "updated_at": at,
    }
    is_new = insert_or_ignore(session, Contact, values)
    contact = session.scalars(select(Contact).where(Contact.external_id == external_id)).one()
    if is_new:
        records.publish(session, "contact.created", contact.id, at=at)
    return contact
