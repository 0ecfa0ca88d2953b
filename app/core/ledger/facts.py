"""The facts of events: what the state depends on, without personal data. They are sealed and never erased.

``fold.py`` computes the state from them and from the other columns of an event, without the evidence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from app.core.ledger.canonical import microseconds, time_of

# Each event has those of its action only.
Facts = dict[str, Any]
_T = TypeVar("_T")
_LATEST = microseconds(datetime.max.replace(tzinfo=UTC))


def of_opt_in(revoked: Iterable[tuple[int, int]]) -> Facts | None:
    """The opt-outs of its destination that an opt-in revoked: the contact and the event of each."""
    found = sorted([contact_id, event_id] for contact_id, event_id in revoked)
    return {"revoked": found} if found else None


def of_opt_out(replaced: Iterable[tuple[str, datetime, int]]) -> Facts | None:
    """The opt-outs of destinations whose event it replaced: hash, time and event of each. Its undo puts them back."""
    found = sorted([destination_hash, microseconds(at), event_id] for destination_hash, at, event_id in replaced)
    return {"replaced": found} if found else None


def of_undo(undone_event_id: int, restored_event_id: int | None) -> Facts:
    """The event that was undone, and the one whose state holds again (null: never asked)."""
    return {"undo_of": undone_event_id, "restored_event": restored_event_id}


def of_suppression(cause: str) -> Facts:
    """Why the number is suppressed, or was until it was lifted."""
    return {"cause": cause}


def of_merge(from_contact_id: int) -> Facts:
    """The contact that became part of the contact of the event."""
    return {"merged": from_contact_id}


def of_respelling(old_hash: str) -> Facts:
    """The hash of the former spelling of the number or address that the event names by ``destination_hash``."""
    return {"respelled": old_hash}


def of_reassignment() -> Facts:
    """The number of the event belongs to another person now: opt-ins for it count no longer."""
    return {"reassigned": True}


@dataclass(frozen=True)
class Known:
    """The facts of one event, each empty where the event has none of that kind."""

    revoked: tuple[tuple[int, int], ...] = ()
    replaced: tuple[tuple[str, datetime, int], ...] = ()
    undo_of: int | None = None
    restored_event: int | None = None
    cause: str | None = None
    merged: int | None = None
    respelled: str | None = None
    is_reassigned: bool = False

    def has_revoked(self, contact_id: int) -> bool:
        """Whether an opt-out of this contact was revoked."""
        return any(each == contact_id for each, _ in self.revoked)


_NOTHING = Known()


def of(event: Any) -> Known:
    """The facts of an event. What is not of the right kind is left out: a verification reads altered events, too."""
    stored = event.facts
    if not isinstance(stored, dict):
        return _NOTHING
    return Known(
        revoked=tuple(_pairs(stored.get("revoked"))),
        replaced=tuple(_opt_outs(stored.get("replaced"))),
        undo_of=_value(stored, "undo_of", int),
        restored_event=_value(stored, "restored_event", int),
        cause=_value(stored, "cause", str),
        merged=_value(stored, "merged", int),
        respelled=_value(stored, "respelled", str),
        is_reassigned=stored.get("reassigned") is True,
    )


def _pairs(stored: Any) -> Iterable[tuple[int, int]]:
    for each in stored if isinstance(stored, list) else ():
        match each:
            case [int(contact_id), int(event_id)]:
                yield contact_id, event_id


def _opt_outs(stored: Any) -> Iterable[tuple[str, datetime, int]]:
    for each in stored if isinstance(stored, list) else ():
        match each:
            case [str(destination_hash), int(since), int(event_id)] if 0 <= since <= _LATEST:
                yield destination_hash, time_of(since), event_id


def _value(stored: Facts, name: str, kind: type[_T]) -> _T | None:
    value = stored.get(name)
    return value if isinstance(value, kind) else None
