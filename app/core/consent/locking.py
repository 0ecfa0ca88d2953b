"""Locks a contact's row, so that two changes of one person happen one after the other.

``lock`` and ``lock_by_public_id`` return a ``LockedContact``, which ``core/consent/changes.py`` needs to change a
consent; only this module makes one. ``lock_contact`` and ``lock_contact_by_public_id`` return the whole contact, for
changes of its profile. ``lock_set`` locks many contacts for the set form (``set_changes.py``).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.consent.current import CurrentConsent
from app.core.consent.eligibility import Obstacles
from app.core.errors import NotFound
from app.core.signing import Keys, is_public_id
from app.db import CompiledStatement, is_in
from app.models import Channel, Contact

_CONTACT = Contact.__table__
_COLUMNS = select(
    *(_CONTACT.c[name] for name in ("id", "phone", "email", "blocked_at", "gdpr_optin", "merged_into_id", "erased_at"))
).with_for_update()
_LOCK = CompiledStatement(_COLUMNS.where(_CONTACT.c.id == bindparam("contact_id")))
_LOCK_BY_PUBLIC_ID = CompiledStatement(_COLUMNS.where(_CONTACT.c.public_id == bindparam("public_id")))
_KEY = object()


class SetRow(NamedTuple):
    """What rules need of one contact of a set."""

    id: int
    role: str
    phone: str | None
    phone_hash: str | None
    email: str | None
    email_hash: str | None
    archived_at: datetime | None
    blocked_at: datetime | None
    gdpr_optin: bool | None
    merged_into_id: int | None
    erased_at: datetime | None

    def destination(self, channel: str) -> str | None:
        """The number or address that messages of this channel go to."""
        return self.phone if channel == Channel.SMS else self.email


def _set(dialect: str) -> Select[Any]:
    columns: Any = [_CONTACT.c[name] for name in SetRow._fields]
    return select(*columns).where(is_in(dialect, _CONTACT.c.id, "contact_ids")).order_by(_CONTACT.c.id)


_READ_SET = CompiledStatement(_set)
_LOCK_SET = CompiledStatement(lambda dialect: _set(dialect).with_for_update())


class LockedContact:
    """A contact whose row is locked until the transaction ends, with the columns that rules need as of that time.

    ``topics``: topics of this transaction that are not published yet, ``contact.created`` or ``contact.updated``. The
    next change of a consent publishes them first, and ``later_topics`` last. ``currents``: the consents, by
    subscription type, that were read since the lock. Other transactions cannot change them before it ends.
    ``obstacles``: what speaks against opt-ins, by subscription type and hash of the destination, if another statement
    has read it.
    """

    __slots__ = ("blocked_at", "currents", "email", "gdpr_optin", "id", "later_topics", "obstacles", "phone", "topics")

    def __init__(
        self, contact_id: int, phone: str | None, email: str | None, topics: tuple[str, ...] = (), *, key: object
    ) -> None:
        if key is not _KEY:
            raise TypeError("only core/consent/locking.py locks contacts")
        self.id, self.phone, self.email, self.topics = contact_id, phone, email, topics
        self.blocked_at: datetime | None = None
        self.gdpr_optin: bool | None = None
        self.later_topics: tuple[str, ...] = ()
        self.currents: dict[int, CurrentConsent | None] = {}
        self.obstacles: dict[tuple[int, str], Obstacles] = {}

    @property
    def is_new(self) -> bool:
        """Whether this transaction created the contact, so that it has no consents yet."""
        return "contact.created" in self.topics

    def destination(self, channel: str) -> str | None:
        """The number or address that messages of this channel go to."""
        return self.phone if channel == Channel.SMS else self.email


def lock(session: Session, contact_id: int) -> LockedContact:
    """Lock a contact by its id.

    :raises NotFound: there is no such contact, or it was erased
    :raises Merged: it was merged into another contact
    """
    return _locked(session, _LOCK.one(session, contact_id=contact_id))


def lock_by_public_id(session: Session, public_id: str) -> LockedContact:
    """Lock a contact by its public id. Errors as ``lock``."""
    return _locked(session, _LOCK_BY_PUBLIC_ID.one(session, public_id=public_id) if is_public_id(public_id) else None)


def lock_contact(session: Session, contact_id: int) -> Contact:
    """Lock a contact by its id and return its current row, even if it was merged or erased.

    :raises NotFound: there is no such contact
    """
    contact = _lock_row(session, Contact.id == contact_id)
    if contact is None:
        raise NotFound("There is no such contact.")
    return contact


def lock_contacts_by_public_id(session: Session, *public_ids: str) -> list[Contact]:
    """Lock several contacts in the order of their ids, as everything does that locks several, and return their rows.

    They are returned in the order of ``public_ids``. Errors as ``lock_contact_by_public_id``.
    """
    ids = session.execute(select(Contact.public_id).where(Contact.public_id.in_(public_ids)).order_by(Contact.id))
    known = list(ids.scalars())
    found = {each: lock_contact_by_public_id(session, each) for each in dict.fromkeys((*known, *public_ids))}
    return [found[each] for each in public_ids]


def lock_contact_by_public_id(session: Session, public_id: str) -> Contact:
    """Lock a contact by its public id and return its current row.

    :raises NotFound: there is no such contact, or it was erased
    :raises Merged: it was merged into another contact
    """
    contact = _lock_row(session, Contact.public_id == public_id) if is_public_id(public_id) else None
    if contact is None:
        raise NotFound("User Not Found")
    reach.refuse_gone(session, merged_into_id=contact.merged_into_id, erased_at=contact.erased_at)
    return contact


class LockedSet:
    """Contacts whose rows are locked until the transaction ends, by id. Ids without a contact are left out."""

    __slots__ = ("rows",)

    def __init__(self, rows: dict[int, SetRow], *, key: object) -> None:
        if key is not _KEY:
            raise TypeError("only core/consent/locking.py locks contacts")
        self.rows = rows


def lock_set(
    session: Session, contact_ids: Collection[int], new: Mapping[int, SetRow] = MappingProxyType({})
) -> LockedSet:
    """Lock many contacts in the order of their ids, so that two transactions that lock several do not wait for each
    other in a circle. What else is read about them must be read afterwards: a change that this call waited for.

    :param new: contacts that this transaction inserts, before or afterwards; no other one can change them
    """
    known = [each for each in contact_ids if each not in new]
    rows = _set_rows(session, known, is_locked=True) if known else {}
    return LockedSet({**rows, **{each: new[each] for each in contact_ids if each in new}}, key=_KEY)


def read_set(session: Session, contact_ids: Collection[int]) -> dict[int, SetRow]:
    """The rows that ``lock_set`` would lock, without a lock, to preview a change."""
    return _set_rows(session, contact_ids, is_locked=False)


def hashes_of(rows: Iterable[SetRow], channel: str, keys: Keys) -> dict[int, str]:
    """The hashes of the numbers or addresses of contacts, by contact; an address that is not valid has none stored."""
    hashes = {}
    for row in rows:
        destination = row.destination(channel)
        if destination:
            stored = row.phone_hash if channel == Channel.SMS else row.email_hash
            hashes[row.id] = stored or keys.destination_hash(destination)
    return hashes


def _set_rows(session: Session, contact_ids: Collection[int], *, is_locked: bool) -> dict[int, SetRow]:
    statement = _LOCK_SET if is_locked else _READ_SET
    return {row[0]: SetRow(*row) for row in statement.all(session, contact_ids=list(contact_ids))}


def locked_by_write(contact_id: int, channel: str, destination: str, *, topic: str | None = None) -> LockedContact:
    """A contact whose row this transaction has inserted, updated or selected for update, which locks it as well.

    :param destination: its number or address of ``channel``
    :param topic: ``contact.created`` or ``contact.updated``, to be published with the next change of a consent
    """
    is_phone = channel == Channel.SMS
    phone, email = (destination, None) if is_phone else (None, destination)
    return LockedContact(contact_id, phone, email, (topic,) if topic else (), key=_KEY)


def _lock_row(session: Session, condition: ColumnElement[bool]) -> Contact | None:
    query = select(Contact).where(condition).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _locked(session: Session, row: Any) -> LockedContact:
    if row is None:
        raise NotFound("User Not Found")
    contact_id, phone, email, blocked_at, gdpr_optin, merged_into_id, erased_at = row
    reach.refuse_gone(session, merged_into_id=merged_into_id, erased_at=erased_at)
    locked = LockedContact(contact_id, phone, email, key=_KEY)
    locked.blocked_at, locked.gdpr_optin = blocked_at, gdpr_optin
    return locked
