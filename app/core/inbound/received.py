"""One text that came in, as the modules of this folder act on it, and the people who have its number."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.consent import locking
from app.core.consent.locking import LockedContact
from app.core.keywords import Reading
from app.core.ledger.evidence import Evidence
from app.models import Contact, SmsMessage


@dataclass(frozen=True)
class Received:
    """A stored text with what it says. Its sender has a number that can be suppressed.

    :param reading: as ``keywords.classify``, or as the carrier read it
    :param carrier_says: ``STOP``, ``START`` or ``HELP`` where the carrier has answered the text; null: it has not
    :param evidence: of what the person said by it
    :param locale: the language to answer in
    :param contact_id: the contact that the text is shown with; null: none has the number
    """

    message: SmsMessage
    reading: Reading
    carrier_says: str | None
    evidence: Evidence
    locale: str
    contact_id: int | None

    @property
    def phone(self) -> str:
        return str(self.message.phone)

    @property
    def phone_hash(self) -> str:
        return self.message.phone_hash

    @property
    def is_answered(self) -> bool:
        return self.carrier_says is not None


def newest_holder(session: Session, phone_hash: str) -> Contact | None:
    """The contact that a text from this number is shown with: of those who have it, the one that was created last.

    Archived contacts come after the others.
    """
    query = _with_number(phone_hash).order_by(
        Contact.archived_at.is_not(None), Contact.created_at.desc(), Contact.id.desc()
    )
    return session.scalars(query.limit(1)).first()


def lock_newest_holder(session: Session, phone_hash: str) -> Contact | None:
    """``newest_holder``, locked. Who has the number may change until a contact is locked: it is erased, or merged."""
    while (found := newest_holder(session, phone_hash)) is not None:
        locked = locking.lock_contact(session, found.id)
        if locked.phone_hash == phone_hash:
            return locked
    return None


def lock_holders(session: Session, phone_hash: str) -> list[LockedContact]:
    """Every contact that has this number, locked in the order of their ids, as everything that locks several."""
    ids = _with_number(phone_hash).with_only_columns(Contact.id).order_by(Contact.id)
    rows = locking.lock_set(session, list(session.scalars(ids))).rows
    kept = [each.id for each in rows.values() if each.phone_hash == phone_hash and each.merged_into_id is None]
    return [locking.lock(session, each) for each in kept]


def _with_number(phone_hash: str) -> Select[Contact]:
    return select(Contact).where(
        Contact.phone_hash == phone_hash, Contact.merged_into_id.is_(None), Contact.erased_at.is_(None)
    )
