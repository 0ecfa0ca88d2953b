"""Writes the plans of one chunk: contacts, tags and outbox events, in a number of statements that does not depend on
how many rows there are, except for changes of a number, which the ledger records one by one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.core import clock, outbox
from app.core.consent.eligibility import NO_PHONE_BLOCK
from app.core.consent.locking import SetRow
from app.core.contacts import records, tags
from app.core.errors import InvalidInput
from app.core.imports.planning import ATTRIBUTES, SIMPLE, Plan
from app.core.imports.reasons import Reason, Refusal
from app.core.ledger.evidence import Evidence
from app.core.signing import keys_of, random_public_ids
from app.db import Same, insert_columns, insert_rows, reserve_ids, run
from app.models import Contact, ContactTag, Tag

_CONTACT = Contact.__table__
_TAGGED = ContactTag.__table__
# One object, so that it is written as JSON once.
_NO_ATTRIBUTES: Mapping[str, Any] = {}
# Of a new contact: not archived, blocked, opted out, merged or erased.
_NOTHING_YET = (None, None, None, None, None)


class Tags:
    """The ids of tags by their names. A tag that does not exist is created."""

    def __init__(self, session: Session, *, actor: str, at: datetime) -> None:
        self._session, self._actor, self._at = session, actor, at
        self._ids: dict[str, int] = {row.name_key: row.id for row in run(session, select(Tag.name_key, Tag.id))}

    def ids(self, names: Sequence[str]) -> list[int]:
        """:raises Refusal: there are too many tags in this workspace"""
        for name in names:
            if name.casefold() not in self._ids:
                try:
                    self._ids[name.casefold()] = tags.create(self._session, name, actor=self._actor, at=self._at).id
                except InvalidInput:
                    raise Refusal(Reason.ATTRIBUTE_INVALID) from None
        return [self._ids[name.casefold()] for name in names]


def leave_out_present(session: Session, plans: Sequence[Plan]) -> None:
    """Remove the tags that the contacts have already from their plans."""
    ids = [plan.contact.id for plan in plans if plan.contact and plan.tags]
    if not ids:
        return
    present = run(session, select(_TAGGED.c.contact_id, _TAGGED.c.tag_id).where(_TAGGED.c.contact_id.in_(ids)))
    pairs = {(row.contact_id, row.tag_id) for row in present}
    for plan in plans:
        if plan.contact:
            plan.tags = [each for each in plan.tags if (plan.contact.id, each) not in pairs]


def write_changed(session: Session, plans: Sequence[Plan], evidence: Evidence, *, at: datetime) -> None:
    """Write the changed contacts but for their tags, with ``contact.updated``. Sets their ``Plan.contact_id``."""
    changed = [plan for plan in plans if not plan.is_new and plan.is_changed]
    for plan in plans:
        if plan.contact:
            plan.contact_id = plan.contact.id
    _update(session, changed, at)
    renumbered = _change_numbers(session, changed, evidence, at)
    updated = [plan.contact_id for plan in changed if plan.contact_id not in renumbered]
    outbox.add_all(session, "contact.updated", [outbox.New(each, {"contact_id": each}, at) for each in updated])


def number_new(session: Session, plans: Sequence[Plan]) -> dict[int, SetRow]:
    """Reserve the ids of the new contacts, and set ``Plan.contact_id``. Returns what ``insert_new`` will write."""
    new = [plan for plan in plans if plan.is_new]
    if not new:
        return {}
    keys, found = keys_of(session), {}
    for plan, contact_id in zip(new, reserve_ids(session, Contact, len(new)), strict=True):
        row, plan.contact_id = plan.row, contact_id
        phone, address = row.phone.e164 if row.phone else None, row.values.get("email")
        hashes = [keys.destination_hash(each) if each else None for each in (phone, address)]
        found[contact_id] = SetRow(contact_id, row.role.value, phone, hashes[0], address, hashes[1], *_NOTHING_YET)
    return found


def tag(session: Session, plans: Sequence[Plan], *, actor: str, at: datetime) -> None:
    """Give the contacts their tags."""
    rows = [
        {"tag_id": tag_id, "contact_id": plan.contact_id, "created_by": actor, "created_at": at}
        for plan in plans
        for tag_id in plan.tags
    ]
    insert_rows(session, ContactTag, rows)


def insert_new(session: Session, plans: Sequence[Plan], numbered: Mapping[int, SetRow], *, at: datetime) -> None:
    """Insert the new contacts, as ``core/contacts/records.py`` sets their columns, with ``contact.created``.

    ``updated_at`` is the time of writing: clients that read by it have read past older times.

    :param numbered: what ``number_new`` has returned
    """
    if not numbered:
        return
    new, now = [plan for plan in plans if plan.is_new], clock.now()
    rows, ids, known = [plan.row for plan in new], list(numbered), numbered.values()
    numbers = [row.phone for row in rows]
    columns: dict[str, Sequence[Any] | Same] = {name: [row.values.get(name) for row in rows] for name in SIMPLE}
    columns |= {
        "id": ids,
        "public_id": random_public_ids(len(new)),
        "role": [each.role for each in known],
        "email_hash": [each.email_hash for each in known],
        "phone": [each.phone for each in known],
        "phone_country": [number.country if number else None for number in numbers],
        "phone_hash": [each.phone_hash for each in known],
        "sms_block": [number.refusal if number else NO_PHONE_BLOCK for number in numbers],
        "custom_attributes": [row.attributes or _NO_ATTRIBUTES for row in rows],
        "unsubscribed_from_emails": Same(False),
        "created_at": Same(at),
        "updated_at": Same(now),
    }
    insert_columns(session, Contact, columns)
    for plan in new:
        plan.inserted_at = now
    outbox.add_all(session, "contact.created", [outbox.New(each, {"contact_id": each}, at) for each in ids])


def _update(session: Session, changed: Sequence[Plan], at: datetime) -> None:
    """Write all changed columns but the number."""
    keys, rows = keys_of(session), []
    for plan in changed:
        contact = plan.contact
        after: Mapping[str, Any] = plan.changes
        values = {f"new_{name}": after.get(name, getattr(contact, name)) for name in (*SIMPLE, ATTRIBUTES)}
        address = values["new_email"]
        values["new_email_hash"] = records.email_hash(keys, address)
        rows.append({"contact": plan.contact_id, "new_updated_at": at, **values})
    if rows:
        names = (*SIMPLE, ATTRIBUTES, "email_hash", "updated_at")
        setting = {name: bindparam(f"new_{name}", type_=_CONTACT.c[name].type) for name in names}
        run(session, update(_CONTACT).where(_CONTACT.c.id == bindparam("contact")).values(setting), rows)


def _change_numbers(session: Session, changed: Sequence[Plan], evidence: Evidence, at: datetime) -> set[int]:
    """Change the numbers, each with its event. Returns the contacts."""
    ids = {plan.contact_id: plan.changes["phone"] for plan in changed if "phone" in plan.changes}
    if not ids:
        return set()
    query = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id)
    for contact in session.scalars(query.execution_options(populate_existing=True)).all():
        records.change_phone(session, contact, ids[contact.id], evidence=evidence, at=at)
    return set(ids)
