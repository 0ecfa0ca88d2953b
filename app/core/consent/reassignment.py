"""A number that belongs to another person now: opt-ins that were given for it count no longer."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock, outbox
from app.core.consent import recording
from app.models import Consent, ConsentState, Contact


def forget_opt_ins(session: Session, phone_hash: str, *, at: datetime) -> list[int]:
    """Make the contacts with this number *never asked*, for every type that they opted in to with it.

    Writes one ``number_change`` event and one ``contact.updated`` outbox event for each of them. Opt-outs stay. A later
    opt-in counts again. Contacts that had the number before and get it back are stopped by the rule
    ``number_reassigned``. Returns the ids of the contacts that changed. The contacts are locked.
    """
    locked = select(Contact.id, Contact.phone).where(Contact.phone_hash == phone_hash).order_by(Contact.id)
    changed = []
    for contact_id, phone in session.execute(locked.with_for_update()).all():
        opt_ins = update(Consent).where(
            Consent.contact_id == contact_id,
            Consent.state == ConsentState.OPTED_IN.value,
            Consent.destination_hash == phone_hash,
        )
        options: dict[str, Any] = {"synchronize_session": "fetch"}
        result: Any = session.execute(opt_ins.values(destination_hash=None), execution_options=options)
        if not result.rowcount:
            continue
        recording.reassignment(session, contact_id, phone, phone_hash, at=at)
        session.execute(update(Contact).where(Contact.id == contact_id).values(updated_at=clock.now()))
        outbox.add(session, ["contact.updated"], contact_id=contact_id, payload={"contact_id": contact_id}, at=at)
        changed.append(contact_id)
    session.flush()
    return changed
