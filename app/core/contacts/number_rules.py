"""Updates ``contacts.sms_block`` and ``contacts.email_hash`` after the rules behind them changed.

A new release of the numbering plans can make a stored number valid or invalid. The workspace stores the version of the
rules that all stored numbers were last checked with.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.consent import eligibility
from app.core.contacts import records as contacts
from app.core.signing import Keys, keys_of
from app.core.workspace import settings
from app.db import Database
from app.models import Contact

CHUNK = 500
_CHECKED = (Contact.id, Contact.phone, Contact.email, Contact.email_hash, Contact.sms_block)
_REFUSALS = frozenset({"phone_invalid", "phone_not_sms_capable"})


def apply(database: Database, *, chunk: int = CHUNK) -> int:
    """Check every contact, unless the current version of the rules was applied already.

    Reads in chunks by id and writes only the contacts that change, so a second or concurrent run changes nothing. The
    version is stored last: an interrupted run is repeated from the start.

    :return: how many contacts changed
    """
    rules = phone.rules_version()
    with database.read_only() as session:
        if settings.get(session).number_rules == rules:
            return 0
    changed, last_id = 0, 0
    while True:
        with database.read_only() as session:
            outdated, last_id = _outdated_after(session, last_id, limit=chunk)
        if outdated:
            with database.unit_of_work() as session:
                _correct(session, outdated)
            changed += len(outdated)
        if not last_id:
            break
    with database.unit_of_work() as session:
        settings.get(session).number_rules = rules
    return changed


def _outdated_after(session: Session, after_id: int, *, limit: int) -> tuple[list[int], int]:
    """The ids of those among the next ``limit`` contacts that change, and the last id read (0: there are no more)."""
    chunk = select(*_CHECKED).where(Contact.id > after_id).order_by(Contact.id).limit(limit)
    rows, keys = session.execute(chunk).all(), keys_of(session)
    outdated = [
        row.id
        for row in rows
        if _is_block_outdated(row.phone, row.sms_block) or _is_hash_outdated(keys, row.email, row.email_hash)
    ]
    return outdated, rows[-1].id if len(rows) == limit else 0


def _is_block_outdated(number: str | None, sms_block: str | None) -> bool:
    """Whether the column differs from the rules. Blocks for other reasons take precedence over the number's."""
    if not number or sms_block not in {None, eligibility.Reason.SUPPRESSED, *_REFUSALS}:
        return False
    return phone.refusal_of_stored(number) != (sms_block if sms_block in _REFUSALS else None)


def _is_hash_outdated(keys: Keys, address: str | None, email_hash: str | None) -> bool:
    return contacts.email_hash(keys, address) != email_hash


def _correct(session: Session, ids: list[int]) -> None:
    outdated = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id).with_for_update()
    for contact in session.scalars(outdated):
        contact.sms_block = eligibility.sms_block_of(contact)
        contacts.set_email(session, contact, contact.email)
    session.flush()
