"""Everything that happened with a contact, newest first: consents, conversations, forms, notes and changes.

Each source is read by its own key and at most a page of it, then they are merged by time. An event that was reported
late keeps its place in the order of the ledger.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.contacts import notes
from app.core.ledger import events as ledger
from app.core.ledger.events import LedgerLine
from app.models import Action, AuditEntry, Contact, Conversation, InsertedForm, SmsMessage

_ID_MAX = 2**62


class Kind(StrEnum):
    """Where an entry comes from. The values are letters of a page's address."""

    EVENT = "e"
    NUMBER_EVENT = "s"
    CONVERSATION = "c"
    FORM = "f"
    NOTE = "n"
    TEXT = "t"
    CHANGE = "a"


class Only(StrEnum):
    """What a page shows."""

    ALL = "all"
    CONSENTS = "consents"
    CONVERSATIONS = "conversations"
    CHANGES = "changes"


@dataclass(frozen=True)
class Entry:
    """One entry. ``at``: when it happened.

    :param value: a ``LedgerLine``, ``Conversation``, ``InsertedForm``, ``SmsMessage``, ``notes.SignedNote`` or
        ``AuditEntry``
    """

    kind: Kind
    id: int
    at: datetime
    value: Any


@dataclass(frozen=True)
class Page:
    """``next_before``: where the next page begins, as text for an address; null on the last one."""

    entries: tuple[Entry, ...]
    next_before: str | None


# The id of the last entry of each kind that was shown.
Position = Mapping[Kind, int]
_Reader = Callable[[Session, Contact, Only, int | None, int], list[Entry]]
_OF_CONSENTS = (Action.OPT_IN, Action.OPT_OUT, Action.CLAIM)
_CHANGES = (
    "contact.archived",
    "contact.blocked",
    "contact.created",
    "contact.erased",
    "contact.tagged",
    "contact.unarchived",
    "contact.unblocked",
    "contact.untagged",
    "contact.updated",
)
_KINDS = {
    Only.ALL: tuple(Kind),
    Only.CONSENTS: (Kind.EVENT, Kind.NUMBER_EVENT),
    Only.CONVERSATIONS: (Kind.CONVERSATION, Kind.FORM, Kind.NOTE, Kind.TEXT),
    Only.CHANGES: (Kind.EVENT, Kind.CHANGE),
}


def page(session: Session, contact: Contact, only: Only, *, before: str = "", limit: int) -> Page:
    """One page of a contact's timeline, newest first. What belongs to contacts merged into it is part of it.

    :param before: ``next_before`` of the page before
    """
    position = _read_position(before)
    found = {kind: _READERS[kind](session, contact, only, position.get(kind), limit + 1) for kind in _KINDS[only]}
    merged = list(heapq.merge(*found.values(), key=lambda each: each.at, reverse=True))
    shown = merged[:limit]
    reached = {**position, **{each.kind: each.id for each in shown}}
    return Page(tuple(shown), _write_position(reached) if len(merged) > limit else None)


def _read_position(text: str) -> dict[Kind, int]:
    """The position that a text of an address names. What is not one is left out."""
    found = {}
    for part in text.split("."):
        kind, number = part[:1], part[1:]
        if kind in set(Kind) and number.isascii() and number.isdigit() and len(number) < 20:
            found[Kind(kind)] = min(int(number), _ID_MAX)
    return found


def _write_position(position: Position) -> str:
    return ".".join(f"{kind}{number}" for kind, number in sorted(position.items()))


def _events(session: Session, contact: Contact, only: Only, before: int | None, limit: int) -> list[Entry]:
    actions: Iterable[Action] = Action
    if only != Only.ALL:
        actions = [each for each in Action if (each in _OF_CONSENTS) == (only == Only.CONSENTS)]
    return _of_lines(
        Kind.EVENT, ledger.of_contact(session, contact.id, actions=list(actions), before_id=before, limit=limit)
    )


def _number_events(session: Session, contact: Contact, _only: Only, before: int | None, limit: int) -> list[Entry]:
    if contact.phone_hash is None:
        return []
    return _of_lines(Kind.NUMBER_EVENT, ledger.of_number(session, contact.phone_hash, before_id=before, limit=limit))


def _of_lines(kind: Kind, lines: Iterable[LedgerLine]) -> list[Entry]:
    return [Entry(kind, each.event.id, each.event.occurred_at, each) for each in lines]


def _rows(table: Any, kind: Kind) -> _Reader:
    def read(session: Session, contact: Contact, _only: Only, before: int | None, limit: int) -> list[Entry]:
        query = select(table).where(table.contact_id == contact.id).order_by(table.id.desc()).limit(limit)
        found = session.scalars(query.where(table.id < before) if before is not None else query)
        return [Entry(kind, each.id, each.created_at, each) for each in found]

    return read


def _notes(session: Session, contact: Contact, _only: Only, before: int | None, limit: int) -> list[Entry]:
    found = notes.of_contact(session, contact.id, before=before, limit=limit)
    return [Entry(Kind.NOTE, each.note.id, each.note.created_at, each) for each in found]


def _changes(session: Session, contact: Contact, _only: Only, before: int | None, limit: int) -> list[Entry]:
    changes = audit.Filter(subject=f"contact:{contact.id}", actions=_CHANGES)
    found: list[AuditEntry] = audit.find(session, changes, limit=limit, before_id=before)
    return [Entry(Kind.CHANGE, each.id, each.occurred_at, each) for each in found]


_READERS: Mapping[Kind, _Reader] = {
    Kind.EVENT: _events,
    Kind.NUMBER_EVENT: _number_events,
    Kind.CONVERSATION: _rows(Conversation, Kind.CONVERSATION),
    Kind.FORM: _rows(InsertedForm, Kind.FORM),
    Kind.NOTE: _notes,
    Kind.TEXT: _rows(SmsMessage, Kind.TEXT),
    Kind.CHANGE: _changes,
}
