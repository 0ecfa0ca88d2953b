"""The set form of ``tags.py`` and ``profile.archive``: many contacts in a constant number of statements.

Each writes ``contact.updated`` for the contacts that it changes, and no audit entry: the job that asks for it has one.
Contacts are locked in the order of their ids. Merged and erased ones are left alone.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core import outbox
from app.core.consent import eligibility, locking
from app.core.consent.locking import SetRow
from app.db import insert_rows, run
from app.models import Contact, ContactRole, ContactTag

_CONTACT = Contact.__table__
_TAGGED = ContactTag.__table__


class Tagged(NamedTuple):
    """Who attached a tag to a contact, and when."""

    contact_id: int
    created_by: str
    created_at: datetime


def lock(session: Session, contact_ids: Collection[int]) -> dict[int, SetRow]:
    """Lock contacts and return those that are neither merged nor erased, by id."""
    rows = locking.lock_set(session, contact_ids).rows
    return {each: row for each, row in rows.items() if row.merged_into_id is None and row.erased_at is None}


def tagged(session: Session, contact_ids: Collection[int], tag_id: int) -> dict[int, Tagged]:
    """Those of the contacts that have a tag."""
    query = select(*(_TAGGED.c[name] for name in Tagged._fields))
    rows: Any = run(session, query.where(_TAGGED.c.tag_id == tag_id, _TAGGED.c.contact_id.in_(contact_ids)))
    return {row.contact_id: Tagged(*row) for row in rows}


def attach(session: Session, tag_id: int, attached: Collection[Tagged], *, at: datetime) -> None:
    """Attach a tag to locked contacts that do not have it."""
    insert_rows(session, ContactTag, [{"tag_id": tag_id, **each._asdict()} for each in attached])
    _mark_updated(session, [each.contact_id for each in attached], at=at)


def detach(session: Session, tag_id: int, contact_ids: Collection[int], *, at: datetime) -> None:
    """Detach a tag from locked contacts that have it."""
    run(session, delete(_TAGGED).where(_TAGGED.c.tag_id == tag_id, _TAGGED.c.contact_id.in_(contact_ids)))
    _mark_updated(session, contact_ids, at=at)


def archive(session: Session, rows: Collection[SetRow], *, at: datetime) -> None:
    """Archive locked contacts that are not archived."""
    _set_archived(session, rows, at, at=at)


def unarchive(session: Session, rows: Collection[SetRow], *, at: datetime) -> None:
    """Bring locked contacts back. No other user may have their addresses (``with_taken_address``)."""
    _set_archived(session, rows, None, at=at)


def with_taken_address(session: Session, rows: Collection[SetRow]) -> set[int]:
    """Those of the contacts that are users whose address another user has now."""
    users = {row.id: row.email for row in rows if row.email and row.role == ContactRole.USER}
    query = select(_CONTACT.c.email).where(
        _CONTACT.c.email.in_(users.values()),
        _CONTACT.c.role == ContactRole.USER.value,
        _CONTACT.c.archived_at.is_(None),
    )
    taken = set(run(session, query).scalars()) if users else set()
    return {contact_id for contact_id, email in users.items() if email in taken}


def _set_archived(session: Session, rows: Collection[SetRow], archived_at: datetime | None, *, at: datetime) -> None:
    by_block: Mapping[str | None, list[int]] = defaultdict(list)
    for row in rows:
        by_block[eligibility.sms_block_of(row._replace(archived_at=archived_at))].append(row.id)
    for sms_block, ids in by_block.items():
        changed = update(_CONTACT).where(_CONTACT.c.id.in_(ids)).values(archived_at=archived_at, sms_block=sms_block)
        run(session, changed)
    _mark_updated(session, [row.id for row in rows], at=at)


def _mark_updated(session: Session, contact_ids: Collection[int], *, at: datetime) -> None:
    run(session, update(_CONTACT).where(_CONTACT.c.id.in_(contact_ids)).values(updated_at=at))
    updated = (outbox.New(each, {"contact_id": each}, at) for each in contact_ids)
    outbox.add_all(session, "contact.updated", updated)
