"""Locks a contact's row, so that two changes of one person happen one after the other.

Changing a consent (``changes.py``) takes a ``LockedContact``, and only this module makes one.
"""

from typing import Any, cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from app.core.consent import reach
from app.core.consent.current import CurrentConsent
from app.core.errors import NotFound
from app.core.signing import is_public_id
from app.db import CompiledStatement
from app.models import Channel, Contact

_CONTACT = cast(Table, Contact.__table__)
_COLUMNS = select(
    _CONTACT.c.id, _CONTACT.c.phone, _CONTACT.c.email, _CONTACT.c.merged_into_id, _CONTACT.c.erased_at
).with_for_update()
_LOCK = CompiledStatement(_COLUMNS.where(_CONTACT.c.id == bindparam("contact_id")))
_LOCK_BY_PUBLIC_ID = CompiledStatement(_COLUMNS.where(_CONTACT.c.public_id == bindparam("public_id")))
_KEY = object()


class LockedContact:
    """A contact whose row is locked until the transaction ends, with its number and address at that time.

    ``topics``: topics of this transaction that are not published yet, ``contact.created`` or ``contact.updated``. The
    next change of a consent publishes them first, and ``later_topics`` last. ``currents``: the consents, by
    subscription type, that were read since the lock. Other transactions cannot change them before it ends.
    """

    __slots__ = ("currents", "email", "id", "later_topics", "phone", "topics")

    def __init__(
        self, contact_id: int, phone: str | None, email: str | None, topics: tuple[str, ...] = (), *, key: object
    ) -> None:
        if key is not _KEY:
            raise TypeError("only core/consent/locking.py locks contacts")
        self.id, self.phone, self.email, self.topics = contact_id, phone, email, topics
        self.later_topics: tuple[str, ...] = ()
        self.currents: dict[int, CurrentConsent | None] = {}

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


def locked_by_write(contact_id: int, channel: str, destination: str, *, topic: str | None = None) -> LockedContact:
    """A contact whose row this transaction has inserted, updated or selected for update, which locks it as well.

    :param destination: its number or address of ``channel``
    :param topic: ``contact.created`` or ``contact.updated``, to be published with the next change of a consent
    """
    is_phone = channel == Channel.SMS
    phone, email = (destination, None) if is_phone else (None, destination)
    return LockedContact(contact_id, phone, email, (topic,) if topic else (), key=_KEY)


def _locked(session: Session, row: Any) -> LockedContact:
    if row is None:
        raise NotFound("User Not Found")
    contact_id, phone, email, merged_into_id, erased_at = row
    reach.refuse_gone(session, merged_into_id=merged_into_id, erased_at=erased_at)
    return LockedContact(contact_id, phone, email, key=_KEY)
