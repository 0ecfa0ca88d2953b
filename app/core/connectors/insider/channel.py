"""Opts numbers in and out of texts, for every contact that has them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.connectors.insider import matching, optins
from app.core.connectors.insider.record import Identifiers
from app.core.consent import all_texts, locking
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of
from app.models import Contact


def subscribe(session: Session, number: str, evidence: Evidence, *, at: datetime) -> str | None:
    """Opt a number in to the type of websites: its one user, else its lead. Returns why it does not count.

    :raises Refusal: several users have it, or no live type is chosen
    """
    identifiers = Identifiers.of({"phone_number": number})
    contact = matching.find_user(session, identifiers) or _lead(session, number, at=at)
    return optins.opt_in(session, contact, evidence, at=at)


def unsubscribe(session: Session, number: str, evidence: Evidence, *, at: datetime) -> None:
    """Opt every contact that has this number out of all SMS types. An unknown number gets a lead that is opted out."""
    phone_hash = keys_of(session).destination_hash(phone.normalize(number)[0])
    holders = select(Contact.id).where(
        Contact.phone_hash == phone_hash, Contact.merged_into_id.is_(None), Contact.erased_at.is_(None)
    )
    ids = list(session.scalars(holders.order_by(Contact.id)))
    for contact_id in ids or [_lead(session, number, at=at).id]:
        if locking.lock_contact(session, contact_id).phone_hash == phone_hash:
            all_texts.opt_out(session, locking.lock(session, contact_id), evidence, at=at)


def _lead(session: Session, number: str, *, at: datetime) -> Contact:
    return matching.lead_of(session, phone.normalize(number)[0], locale=None, at=at)
