"""Keeps what people asked for after a backup was made, when that backup is restored.

Numbers that opted out are kept as suppressions (``opt_outs.py``). Here are the opt-outs that no number can keep, and
objections to all messages, erasures and open requests for deletion. People are found by the public ids of their
contacts: the ids in the database may belong to others in the backup.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import locking
from app.core.contacts import erase
from app.core.contacts import records as contacts
from app.core.errors import NotFound
from app.core.ledger.evidence import Evidence, reported_by
from app.db import insert_or_ignore, run
from app.models import Channel, Consent, ConsentState, Contact, ErasureRequest, SubscriptionType

_CHUNK = 500
_ACTOR = "system"
_CONTACT, _CONSENT, _TYPE = Contact.__table__, Consent.__table__, SubscriptionType.__table__
_REQUEST = ErasureRequest.__table__
_NOTE = "From the database that was replaced when a backup was restored on {:%Y-%m-%d}."


@dataclass(frozen=True)
class PeopleRecord:
    """What people asked for. Each contact is named by its public id.

    :param opt_outs: from types of email, and of contacts without a number: contact and subscription type
    :param objected: whose ``gdpr_optin`` is false
    :param requests: open requests for deletion, as rows without their id
    """

    opt_outs: list[tuple[str, int]] = field(default_factory=list)
    objected: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """How many of each kind the backup did not have."""

    opt_outs: int = 0
    objections: int = 0
    erasures: int = 0
    requests: int = 0


def read(session: Session) -> PeopleRecord:
    """Read it from the database that is about to be replaced."""
    has_no_number = or_(_TYPE.c.channel == Channel.EMAIL.value, _CONSENT.c.destination_hash.is_(None))
    opted_out = (
        select(_CONTACT.c.public_id, _CONSENT.c.subscription_type_id)
        .select_from(_CONSENT.join(_CONTACT).join(_TYPE))
        .where(_CONSENT.c.state == ConsentState.OPTED_OUT.value, has_no_number)
    )
    asked = select(_CONTACT.c.public_id, _REQUEST.c.requested_at, _REQUEST.c.due_at).join_from(_REQUEST, _CONTACT)
    return PeopleRecord(
        [(row.public_id, row.subscription_type_id) for row in run(session, opted_out)],
        list(run(session, select(_CONTACT.c.public_id).where(_CONTACT.c.gdpr_optin.is_(False))).scalars()),
        list(run(session, select(_CONTACT.c.public_id).where(_CONTACT.c.erased_at.is_not(None))).scalars()),
        {
            row.public_id: {"requested_at": row.requested_at, "due_at": row.due_at}
            for row in run(session, asked.where(_REQUEST.c.resolved_at.is_(None)))
        },
    )


def carry_over(session: Session, before: PeopleRecord, *, at: datetime) -> Kept:
    """Do again in the restored database what it does not have. Flushes, does not commit. Returns how much that was.

    What a contact asked for that the backup does not have at all is lost with the contact.
    """
    evidence = reported_by(_ACTOR, _NOTE.format(at))
    return Kept(
        sum(_opt_out(session, *each, evidence, at=at) for each in before.opt_outs),
        sum(_object(session, each, evidence, at=at) for each in _found(session, before.objected)),
        sum(_erase(session, each, at=at) for each in _found(session, before.erased)),
        sum(_request(session, each, before.requests[each.public_id]) for each in _found(session, before.requests)),
    )


def _found(session: Session, public_ids: Collection[str]) -> Iterator[Contact]:
    """Those of these contacts that the backup has, without those that it has as erased."""
    ids = list(public_ids)
    for start in range(0, len(ids), _CHUNK):
        of_these = Contact.public_id.in_(ids[start : start + _CHUNK])
        query = select(Contact).where(of_these, Contact.erased_at.is_(None)).with_for_update()
        yield from session.scalars(query.order_by(Contact.merged_into_id.is_not(None), Contact.id)).all()


def _opt_out(session: Session, public_id: str, type_id: int, evidence: Evidence, *, at: datetime) -> bool:
    try:
        contact = locking.lock_by_public_id(session, public_id)
    except NotFound:  # also of one that was merged
        return False
    before, found = consent.current(session, contact, type_id), session.get(SubscriptionType, type_id)
    if found is None or (before is not None and before.state == ConsentState.OPTED_OUT):
        return False
    consent.opt_out(session, contact, type_id, contact.destination(found.channel), evidence, at=at)
    return True


def _object(session: Session, contact: Contact, evidence: Evidence, *, at: datetime) -> bool:
    if contact.gdpr_optin is False:
        return False
    contacts.change_gdpr_optin(session, contact, gdpr_optin=False, evidence=evidence, at=at)
    return True


def _erase(session: Session, contact: Contact, *, at: datetime) -> bool:
    if contact.erased_at is not None:  # together with the contact that it was merged into
        return False
    erase.erase(session, contact, actor=_ACTOR, at=at)
    return True


def _request(session: Session, contact: Contact, values: dict[str, Any]) -> bool:
    return insert_or_ignore(session, ErasureRequest, {"contact_id": contact.id, "note": "", **values})
