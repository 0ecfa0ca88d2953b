"""Mends stored numbers and addresses after the rules that read them changed.

A new reading rule, or a new release of the numbering plans, can give a stored number another spelling, make it valid or
invalid, or show that it was misread. The workspace stores the version of the rules that everything was last checked
with. Every step can be repeated, so an interrupted or a second run does no harm.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock, email, phone
from app.core.consent import eligibility, respelling
from app.core.consent.destination_opt_outs import DestinationKey
from app.core.consent.respelling import OutdatedOptOut
from app.core.contacts import merge, number_review
from app.core.contacts import records as contacts
from app.core.contacts.number_review import Held
from app.core.errors import InvalidInput
from app.core.signing import Keys, keys_of
from app.core.workspace import settings
from app.db import Database
from app.models import Contact, ContactRole, InsertedForm

CHUNK = 500
_ACTOR = "system"
_REFUSALS = frozenset({"phone_invalid", "phone_not_sms_capable"})
_COLUMNS = tuple(
    getattr(Contact, name)
    for name in ("id", "phone", "phone_hash", "phone_country", "sms_block", "email", "email_hash", "lead_key")
)
_OPTIONS = {"synchronize_session": False}


@dataclass(frozen=True)
class Mended:
    """What a run changed: the number of contacts, of leads merged into another lead, and the consents under review."""

    contacts: int = 0
    merged: int = 0
    held: tuple[Held, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.contacts or self.merged or self.held)


def apply(database: Database, *, chunk: int = CHUNK) -> Mended:
    """Check everything that is stored with a number, unless the current version of the rules was applied already.

    Reads in chunks and writes only what changes. Opt-outs and suppressions hold for a new spelling before a contact
    gets it, and for the old one until every contact is done. The version is stored last: an interrupted run is repeated
    from the start.
    """
    with database.read_only() as session:
        before = settings.get(session).number_rules
    if before == phone.rules_version():
        return Mended()
    for suppressed in _outdated_suppressions(database, chunk):
        with database.unit_of_work() as session:
            for old_hash, number in suppressed.items():
                respelling.copy_suppression(session, old_hash, number)
    for opt_outs in _outdated_opt_outs(database, chunk):
        with database.unit_of_work() as session:
            for each in opt_outs:
                respelling.copy_opt_out(session, each)
    changed = _mend_contacts(database, chunk)
    merged = _merge_leads(database, chunk)
    _delete_old_spellings(database, chunk)
    held = number_review.hold(database, before, chunk=chunk)
    with database.unit_of_work() as session:
        settings.get(session).number_rules = phone.rules_version()
    return Mended(changed, merged, held)


def _outdated_suppressions(database: Database, chunk: int) -> Iterator[dict[str, str]]:
    last_hash = ""
    while True:
        with database.read_only() as session:
            outdated, last_hash = respelling.outdated_suppressions(session, last_hash, limit=chunk)
        if outdated:
            yield outdated
        if not last_hash:
            return


def _outdated_opt_outs(database: Database, chunk: int) -> Iterator[list[OutdatedOptOut]]:
    last: DestinationKey | None = None
    while True:
        with database.read_only() as session:
            outdated, last = respelling.outdated_opt_outs(session, last, limit=chunk)
        if outdated:
            yield outdated
        if last is None:
            return


def _delete_old_spellings(database: Database, chunk: int) -> None:
    for suppressed in _outdated_suppressions(database, chunk):
        with database.unit_of_work() as session:
            for old_hash in suppressed:
                respelling.delete_suppression(session, old_hash)
    for opt_outs in _outdated_opt_outs(database, chunk):
        with database.unit_of_work() as session:
            for each in opt_outs:
                respelling.delete_opt_out(session, each)


def _mend_contacts(database: Database, chunk: int) -> int:
    changed, last_id = 0, 0
    while True:
        with database.read_only() as session:
            outdated, last_id = _outdated_after(session, last_id, limit=chunk)
        if outdated:
            with database.unit_of_work() as session:
                _mend(session, outdated)
            changed += len(outdated)
        if not last_id:
            return changed


def _outdated_after(session: Session, after_id: int, *, limit: int) -> tuple[list[int], int]:
    """The ids of those among the next ``limit`` contacts that change, and the last id read (0: there are no more)."""
    query = select(*_COLUMNS).where(Contact.id > after_id).order_by(Contact.id).limit(limit)
    rows, keys = session.execute(query).all(), keys_of(session)
    if not rows:
        return [], 0
    by_consent = respelling.contacts_with_outdated_consents(session, rows[0].id, rows[-1].id)
    outdated = [row.id for row in rows if row.id in by_consent or _is_outdated(keys, row)]
    return outdated, rows[-1].id if len(rows) == limit else 0


def _is_outdated(keys: Keys, row: Any) -> bool:
    if row.email and (
        contacts.email_hash(keys, row.email) != row.email_hash or email.normalize(row.email) != row.email
    ):
        return True
    if not row.phone:
        return False
    is_respelled = phone.normalize(row.phone) != (row.phone, row.phone_country)
    return is_respelled or _is_block_outdated(row.phone, row.sms_block)


def _is_block_outdated(number: str, sms_block: str | None) -> bool:
    """Whether the column differs from the rules. Blocks for other reasons take precedence over the number's."""
    if sms_block not in {None, *_REFUSALS}:
        return False
    return phone.refusal_of_stored(number) != (sms_block if sms_block in _REFUSALS else None)


def _mend(session: Session, ids: list[int]) -> None:
    at = clock.now()
    outdated = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()
    for contact in session.scalars(outdated).all():
        was = (contact.phone, contact.email)
        _respell_phone(session, contact)
        _respell_email(session, contact)
        contact.sms_block = cast(Any, eligibility.sms_block_of(contact))
        if (contact.phone, contact.email) != was:
            contacts.mark_updated(session, contact, at=at)
    session.flush()
    respelling.respell_consents(session, ids)


def _respell_phone(session: Session, contact: Contact) -> None:
    if not (old := contact.phone):
        return
    number, contact.phone_country = phone.normalize(old)
    if number == old:
        return
    respelling.copy_to_spelling(session, old, number)
    old_hash, contact.phone = contact.phone_hash, number
    contact.phone_hash = keys_of(session).destination_hash(number)
    _respell_answers(session, contact.id, old_hash, contact.phone_hash)


def _respell_email(session: Session, contact: Contact) -> None:
    """Two users never get the same address: the one that would be the second keeps its text."""
    if not (old := contact.email):
        return
    address = email.normalize(old)
    if address != old and not (contact.role == ContactRole.USER and _is_taken(session, contact, address)):
        respelling.copy_to_spelling(session, old, address)
        keys = keys_of(session)
        _respell_answers(session, contact.id, keys.destination_hash(old), keys.destination_hash(address))
    else:
        address = old
    contacts.set_email(session, contact, address)


def _is_taken(session: Session, contact: Contact, address: str) -> bool:
    taken = select(Contact.id).where(Contact.email == address, Contact.id != contact.id)
    return session.scalars(taken.where(Contact.role == ContactRole.USER.value).limit(1)).first() is not None


def _respell_answers(session: Session, contact_id: int, old_hash: str | None, new_hash: str) -> None:
    """Inserted forms that this contact answered with the number in its old spelling."""
    answered = update(InsertedForm).where(
        InsertedForm.contact_id == contact_id, InsertedForm.submitted_destination_hash == old_hash
    )
    session.execute(answered.values(submitted_destination_hash=new_hash), execution_options=_OPTIONS)


def _merge_leads(database: Database, chunk: int) -> int:
    """Give leads the key of their current number or address; merge those whose key another lead has."""
    merged, last_id = 0, 0
    while True:
        with database.read_only() as session:
            query = select(*_COLUMNS).where(Contact.id > last_id, Contact.lead_key.is_not(None))
            rows = session.execute(query.order_by(Contact.id).limit(chunk)).all()
        for row in rows:
            destination_hash = row.phone_hash or row.email_hash
            prefix, _, old_hash = row.lead_key.rpartition(":")
            if destination_hash and old_hash not in {row.phone_hash, row.email_hash}:
                with database.unit_of_work() as session:
                    merged += _set_lead_key(session, row.id, f"{prefix}:{destination_hash}")
        if len(rows) < chunk:
            return merged
        last_id = rows[-1].id


def _set_lead_key(session: Session, lead_id: int, lead_key: str) -> bool:
    """Give a lead its key. Where another lead has it, they are one person: merge this one. True when it merged."""
    other = session.scalars(select(Contact).where(Contact.lead_key == lead_key)).one_or_none()
    lead = session.get_one(Contact, lead_id)
    if other is None:
        lead.lead_key = lead_key
        return False
    try:
        merge.merge(session, lead.public_id, other.public_id, actor=_ACTOR, at=clock.now())
    except InvalidInput:  # the other one is archived
        lead.lead_key = None
        return False
    return True
