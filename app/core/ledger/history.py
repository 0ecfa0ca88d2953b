"""What a verification has to know of all events before it reads them one by one: merges, erasures, new spellings.

They are few, so they are kept in memory.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.ledger import facts
from app.core.ledger.unreadable import readable
from app.models import Action, ConsentEvent

_EVENT = ConsentEvent.__table__
_COLUMNS = tuple(
    readable(_EVENT.c[name])
    for name in (
        "id",
        "contact_id",
        "subscription_type_id",
        "action",
        "destination_hash",
        "occurred_at",
        "facts",
    )
)
_CHUNK = 5_000


class Erasure(NamedTuple):
    """An ``erase`` event. Without a subscription type it is about every type."""

    event_id: int
    subscription_type_id: int | None
    at: datetime


class Revocation(NamedTuple):
    """The opt-out of a contact, revoked by another contact's opt-in with the same destination."""

    event_id: int
    subscription_type_id: int
    destination_hash: str
    contact_id: int


@dataclass
class History:
    """What the events say of other events and of the state of other contacts.

    :param merged_into: contact to the contact that it became part of, which may have been merged later itself
    :param revocations: by the contact whose opt-out was revoked
    """

    merged_into: dict[int, int] = field(default_factory=dict)
    revocations: dict[int, list[Revocation]] = field(default_factory=lambda: defaultdict(list))
    erased_contacts: dict[int, list[Erasure]] = field(default_factory=lambda: defaultdict(list))
    erased_destinations: dict[str, list[Erasure]] = field(default_factory=lambda: defaultdict(list))
    respelled: dict[str, str] = field(default_factory=dict)

    def person(self, contact_id: int) -> int:
        """The contact that a contact is part of in the end: itself when it was never merged."""
        while contact_id in self.merged_into:
            contact_id = self.merged_into[contact_id]
        return contact_id

    def spelling(self, destination_hash: str) -> str:
        """One hash for all spellings of a number or address."""
        while destination_hash in self.respelled:
            destination_hash = self.respelled[destination_hash]
        return destination_hash

    def add_spelling(self, old_hash: str, new_hash: str) -> None:
        old, new = self.spelling(old_hash), self.spelling(new_hash)
        if old != new:
            self.respelled[old] = new

    def explains_erasure(self, event: Any, erased_at: datetime) -> bool:
        """Whether a later ``erase`` event of the same time names the contact or the destination of this event."""
        if event.contact_id is not None:
            erasures = self.erased_contacts.get(event.contact_id, [])
        else:
            erasures = self.erased_destinations.get(event.destination_hash or "", [])
        return any(
            each.event_id > event.id
            and each.at == erased_at
            and each.subscription_type_id in {None, event.subscription_type_id}
            for each in erasures
        )


def read(session: Session) -> History:
    """The history of this ledger, by one pass over its events."""
    history = History()
    query = select(*_COLUMNS).where(or_(_EVENT.c.facts.is_not(None), _EVENT.c.action == Action.ERASE.value))
    for event in session.execute(query.order_by(_EVENT.c.id).execution_options(yield_per=_CHUNK)):
        _add(history, event)
    return history


def _add(history: History, event: Any) -> None:
    known = facts.of(event)
    if event.action == Action.ERASE:
        erasure = Erasure(event.id, event.subscription_type_id, event.occurred_at)
        if event.contact_id is not None:
            history.erased_contacts[event.contact_id].append(erasure)
        elif event.destination_hash is not None:
            history.erased_destinations[event.destination_hash].append(erasure)
    elif known.merged is not None and history.person(event.contact_id) != known.merged:
        history.merged_into[known.merged] = event.contact_id
    elif known.respelled is not None:
        history.add_spelling(known.respelled, event.destination_hash)
    for contact_id, _ in known.revoked:
        if contact_id != event.contact_id:
            revoked = Revocation(event.id, event.subscription_type_id, event.destination_hash, contact_id)
            history.revocations[contact_id].append(revoked)
