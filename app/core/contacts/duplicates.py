"""Contacts that are likely the same person: they share a number, an address, or an external id but for capitals.

Every query reads an index from a key on, and a bounded number of rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.models import Contact

OF_CONTACT_MAX = 10
# A page reads this many contacts with a number (or address), so that it is quick where hardly any are shared.
READ_MAX = 20_000
# The contacts of one group that a page shows; a switchboard's number may have thousands.
MEMBERS_MAX = 6


class Shared(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    EXTERNAL_ID = "external_id"


@dataclass(frozen=True)
class Likely:
    """Another contact that is likely the same person, and what both have; ``has_same_name``: they are called alike."""

    contact: Contact
    shared: tuple[Shared, ...]
    has_same_name: bool


@dataclass(frozen=True)
class Group:
    """Contacts that share ``value``, oldest first, at most ``MEMBERS_MAX``."""

    value: str
    contacts: tuple[Contact, ...]


@dataclass(frozen=True)
class Page:
    """Groups in the order of what they share. ``next_after``: where the next page begins; null on the last one."""

    groups: tuple[Group, ...]
    next_after: str | None


def of_contact(session: Session, contact: Contact) -> list[Likely]:
    """The other contacts that are likely this person, those that share most first; at most ``OF_CONTACT_MAX``.

    Archived ones are left out.
    """
    found: dict[int, Contact] = {}
    for query in _queries(contact):
        others = query.where(Contact.id != contact.id, Contact.archived_at.is_(None)).limit(OF_CONTACT_MAX)
        found |= {each.id: each for each in session.scalars(others)}
    likely = [Likely(each, _shared(contact, each), _is_called_alike(contact, each)) for each in found.values()]
    return sorted(likely, key=lambda each: (-len(each.shared), not each.has_same_name, each.contact.id))[
        :OF_CONTACT_MAX
    ]


def page(session: Session, by: Shared, *, after: str | None = None, limit: int, read_max: int = READ_MAX) -> Page:
    """Groups of contacts that share a number or an address.

    A page may be empty and have a next one: it reads at most ``read_max`` contacts.

    :param by: ``phone`` or ``email``
    :param after: ``next_after`` of the page before
    """
    column = Contact.phone if by == Shared.PHONE else Contact.email
    read = select(column.label("value")).where(column.is_not(None), column > (after or "")).order_by(column)
    some = read.limit(read_max).subquery()
    shared = select(some.c.value).group_by(some.c.value).having(func.count() > 1).order_by(some.c.value)
    values = list(session.scalars(shared.limit(limit)))
    next_after = values[-1] if len(values) == limit else None
    if next_after is None and session.scalar(select(func.count()).select_from(some)) == read_max:
        next_after = session.scalar(select(func.max(some.c.value)))
        values.append(next_after)  # the next one with the same value was not read
    groups = (Group(each, tuple(session.scalars(_members(column, each)))) for each in dict.fromkeys(values))
    return Page(tuple(each for each in groups if len(each.contacts) > 1), next_after)


def _queries(contact: Contact) -> Iterable[Select[Any]]:
    if contact.phone_hash:
        yield select(Contact).where(Contact.phone_hash == contact.phone_hash)
    if contact.email:
        yield select(Contact).where(Contact.email == contact.email)
    if contact.external_id:
        # the usual ways to write an id, because no index has ids without their capitals
        spellings = {contact.external_id.lower(), contact.external_id.upper(), contact.external_id.title()}
        yield select(Contact).where(Contact.external_id.in_(sorted(spellings)))


def _members(column: Any, value: str) -> Select[Any]:
    same = select(Contact).where(column == value, Contact.archived_at.is_(None))
    return same.order_by(Contact.id).limit(MEMBERS_MAX)


def _shared(contact: Contact, other: Contact) -> tuple[Shared, ...]:
    same = {
        Shared.PHONE: contact.phone_hash is not None and contact.phone_hash == other.phone_hash,
        Shared.EMAIL: bool(contact.email) and contact.email == other.email,
        Shared.EXTERNAL_ID: _key(contact.external_id) is not None
        and _key(contact.external_id) == _key(other.external_id),
    }
    return tuple(each for each, is_same in same.items() if is_same)


def _is_called_alike(contact: Contact, other: Contact) -> bool:
    return _key(contact.name) is not None and _key(contact.name) == _key(other.name)


def _key(text: str | None) -> str | None:
    return " ".join(text.split()).casefold() if text and text.strip() else None
