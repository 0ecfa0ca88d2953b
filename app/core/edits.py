"""Drafts that people edit in a composer: what an edit changes, noted with who made it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class Draft(Protocol):
    """The columns of a row that several people may edit. ``revision`` grows with each edit."""

    revision: int
    edited_by: Any
    updated_at: Any


def write(draft: Draft, values: Mapping[str, Any], *, actor: str, at: datetime) -> list[str]:
    """Set the values that differ from the row's. Returns their names, sorted; none: nothing changed. Does not flush."""
    changed = sorted(name for name, value in values.items() if getattr(draft, name) != value)
    if changed:
        for name in changed:
            setattr(draft, name, values[name])
        draft.edited_by, draft.updated_at = actor, at
        draft.revision += 1
    return changed
