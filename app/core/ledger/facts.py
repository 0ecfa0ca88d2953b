"""The facts of events: what the state depends on and what identifies nobody. They are sealed and never erased.

``fold.py`` computes the state from them and from the other columns of an event, without the evidence.
"""

from collections.abc import Iterable
from typing import Any

# Each event has those of its action only.
Facts = dict[str, Any]


def of_opt_in(revoked: Iterable[tuple[int, int]]) -> Facts | None:
    """The opt-outs of its destination that an opt-in revoked: the contact and the event of each."""
    found = sorted([contact_id, event_id] for contact_id, event_id in revoked)
    return {"revoked": found} if found else None


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
