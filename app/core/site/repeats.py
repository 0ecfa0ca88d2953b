"""Claims that were recorded before: asking that needs no lock, and is not limited."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.contacts import leads, users
from app.core.site.claim import Claim, Word
from app.core.site.claimed import Claimed, Recorded, digest, name_of, read, recorded
from app.models import Channel, Contact, SiteClaim


def find(session: Session, claim: Claim, *, at: datetime) -> Recorded | None:
    """What became of a claim that has nothing to record any more; null: it has to be recorded. Writes nothing."""
    claimed = read(session, claim, at=at)
    contact = _contact(session, claimed)
    is_theirs = claim.signed is None or claimed.number is None or _has_number(contact, claimed)
    if contact is None:
        return recorded(session, claimed, is_theirs=True) if _says_nothing_new(claimed) else None
    if claim.signed is not None and _has_number_to_save(contact, claimed):
        return None
    last = session.get(SiteClaim, contact.id)
    is_repeated = last is not None and last.digest == digest(session, claimed, is_theirs=is_theirs)
    return recorded(session, claimed, is_theirs=is_theirs) if is_repeated or claim.word is None else None


def made_since(session: Session, since: datetime) -> list[tuple[str, str]]:
    """The last claims that are not older: whom each is about, as ``Recorded`` names them, and its digest."""
    query = (
        select(Contact.external_id, Contact.lead_key, SiteClaim.digest)
        .join(Contact, Contact.id == SiteClaim.contact_id)
        .where(SiteClaim.claimed_at >= since)
    )
    return [(name_of(row.external_id, row.lead_key), row.digest) for row in session.execute(query)]


def _says_nothing_new(claimed: Claimed) -> bool:
    """Whether nothing is recorded of a contact that does not exist yet. What a signed user withdraws is."""
    word, is_signed = claimed.claim.word, claimed.claim.signed is not None
    if word is None or (word == Word.OPT_IN and claimed.offered is None):
        return True
    return not is_signed and (word != Word.OPT_IN or claimed.number is None)


def _contact(session: Session, claimed: Claimed) -> Contact | None:
    if claimed.claim.signed is not None:
        return users.find(session, claimed.claim.signed.user_id)
    if claimed.number is None:
        return None
    key = leads.lead_key_of(Channel.SMS, claimed.number.destination.hash)
    return session.scalars(select(Contact).where(Contact.lead_key == key)).one_or_none()


def _has_number(contact: Contact | None, claimed: Claimed) -> bool:
    return contact is not None and contact.phone_hash == (claimed.number and claimed.number.destination.hash)


def _has_number_to_save(contact: Contact, claimed: Claimed) -> bool:
    """Whether a number would be saved: any where there is none, or another one that was signed itself."""
    signed = claimed.claim.signed.phone if claimed.claim.signed else None
    return claimed.number is not None and (not contact.phone or (signed is not None and contact.phone != signed))
