"""Which contact a row is about: found for many rows at once, and locked until the transaction ends.

A row matches the contact with its contact id of Assent; else with its external id; else the user with its email
address; else, where it has none of these, the one contact with its number. Two contacts that match are never guessed
between. A row with an external id or an address never matches by number: families share numbers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Select, select, text
from sqlalchemy.orm import Session

from app.core.imports.reasons import Reason, Refusal
from app.core.imports.rows import Row
from app.db import dialect_of, is_in, run
from app.models import BulkJobItem, Contact, ContactRole

_CONTACT = Contact.__table__


# In one order, so that two imports never wait for each other.
_LOCK_ADDRESSES = text(
    "SELECT pg_advisory_xact_lock(4271, key) FROM"
    " (SELECT DISTINCT hashtext(address) AS key FROM unnest(cast(:addresses AS text[])) AS address ORDER BY key) AS k"
)


class Known(NamedTuple):
    """A contact as it is now, locked."""

    id: int
    public_id: str
    role: str
    external_id: str | None
    email: str | None
    name: str | None
    phone: str | None
    locale: str | None
    time_zone: str | None
    signed_up_at: datetime | None
    custom_attributes: dict[str, Any]
    archived_at: datetime | None
    merged_into_id: int | None
    erased_at: datetime | None


_COLUMNS = [_CONTACT.c[name] for name in Known._fields]


@dataclass
class Contacts:
    """The contacts that some rows may be about, and which of them this job has handled before."""

    by_public_id: dict[str, Known] = field(default_factory=dict)
    by_external_id: dict[str, Known] = field(default_factory=dict)
    by_email: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    by_phone: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    handled: Collection[int] = ()

    def match(self, row: Row) -> Known | None:
        """The contact that a row is about; null: it is a new one.

        :raises Refusal: several match; it is archived; it has another external id; an earlier row was about it
        """
        found = self._find(row)
        if found is None:
            return None
        if found.id in self.handled:
            raise Refusal(Reason.DUPLICATE_IN_FILE)
        if found.archived_at is not None:
            raise Refusal(Reason.ARCHIVED)
        return found

    def refuse_conflict(self, changes: dict[str, Any], contact_id: int | None) -> None:
        """:raises Refusal: another contact has the external id, or another user the address, that would be set"""
        others = [self.by_external_id.get(changes.get("external_id") or "")]
        others += [each for each in self._with_email(changes.get("email")) if each.role == ContactRole.USER]
        for other in others:
            if other is not None and other.id != contact_id:
                raise Refusal(Reason.DUPLICATE_IN_FILE if other.id in self.handled else Reason.CONFLICT)

    def _find(self, row: Row) -> Known | None:
        if row.public_id and (found := self.by_public_id.get(row.public_id)):
            return found
        external_id, address = row.values.get("external_id"), row.values.get("email")
        if external_id and (known := self.by_external_id.get(external_id)):
            return known
        if address:
            same = [each for each in self._with_email(address) if each.role == row.role]
            if external_id:
                same = [each for each in same if each.external_id is None]
            return _the_one(same)
        return None if external_id or row.phone is None else _the_one(self.by_phone.get(row.phone.e164, ()))

    def _with_email(self, address: str | None) -> list[Known]:
        return self.by_email.get(address, []) if address else []


def find(session: Session, rows: Sequence[Row], job_id: int) -> Contacts:
    """Find and lock the contacts that these rows may be about. Addresses of users are locked for other writers, too."""
    addresses = _values(rows, "email")
    _lock_addresses(session, addresses)
    numbers = {row.phone.e164 for row in rows if row.phone and not _is_named(row)}
    ids: set[int] = set()
    for column, values in (
        (_CONTACT.c.public_id, {row.public_id for row in rows if row.public_id}),
        (_CONTACT.c.external_id, _values(rows, "external_id")),
        (_CONTACT.c.email, addresses),
        (_CONTACT.c.phone, numbers),
    ):
        if values:
            ids |= set(run(session, _with_values(column, dialect_of(session)), {"given": list(values)}).scalars())
    return _index(_lock(session, ids), handled_by(session, job_id, ids))


@lru_cache
def _with_values(column: Column[Any], dialect: str) -> Select[Any]:
    """One statement for any number of values: a list of parameters would be compiled again for each number."""
    return select(_CONTACT.c.id).where(is_in(dialect, column, "given"))


def handled_by(session: Session, job_id: int, ids: Collection[int]) -> set[int]:
    """Which of these contacts a job has handled."""
    if not ids:
        return set()
    handled = select(BulkJobItem.contact_id).where(BulkJobItem.job_id == job_id, BulkJobItem.contact_id.in_(ids))
    return set(run(session, handled).scalars())


def _lock(session: Session, ids: Collection[int]) -> list[Known]:
    if not ids:
        return []
    locked = select(*_COLUMNS).where(_CONTACT.c.id.in_(ids)).order_by(_CONTACT.c.id).with_for_update()
    return [Known._make(each) for each in run(session, locked)]


def _index(known: Iterable[Known], handled: Collection[int]) -> Contacts:
    found = Contacts(handled=handled)
    for each in known:
        if each.merged_into_id is not None or each.erased_at is not None:
            continue
        found.by_public_id[each.public_id] = each
        if each.external_id:
            found.by_external_id[each.external_id] = each
        if each.archived_at is None and each.email:
            found.by_email[each.email].append(each)
        if each.archived_at is None and each.phone:
            found.by_phone[each.phone].append(each)
    return found


def _lock_addresses(session: Session, addresses: Collection[str]) -> None:
    """As ``core/contacts/profile.py`` does for one address: two writers never create two users with one address."""
    if addresses and dialect_of(session) == "postgresql":
        session.execute(_LOCK_ADDRESSES, {"addresses": list(addresses)})


def _the_one(found: Sequence[Known]) -> Known | None:
    if len(found) > 1:
        raise Refusal(Reason.AMBIGUOUS)
    return found[0] if found else None


def _is_named(row: Row) -> bool:
    return bool(row.public_id or row.values.get("external_id") or row.values.get("email"))


def _values(rows: Iterable[Row], name: str) -> set[str]:
    return {value for row in rows if (value := row.values.get(name))}
