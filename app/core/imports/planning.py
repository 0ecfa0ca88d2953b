"""What an import changes of one contact: a pure function of the row and the contact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from app.core.contacts import profile
from app.core.errors import InvalidInput
from app.core.imports.matching import Known
from app.core.imports.options import Existing
from app.core.imports.reasons import Reason, Refusal
from app.core.imports.rows import Row

SIMPLE = ("external_id", "email", "name", "locale", "time_zone", "signed_up_at")
ATTRIBUTES = "custom_attributes"


@dataclass(slots=True)
class Plan:
    """A row with the contact that it is about (null: a new one), and what changes of it.

    ``changes`` are new values by the name of the column (``phone`` in E.164, ``custom_attributes`` all of them).
    ``tags`` are ids of tags that the contact gets. ``contact_id`` is known once the contact is written, and
    ``inserted_at`` (its ``updated_at``) once a new one is.
    """

    row: Row
    contact: Known | None
    changes: dict[str, Any] = field(default_factory=dict)
    tags: list[int] = field(default_factory=list)
    contact_id: int = 0
    inserted_at: datetime | None = None

    @property
    def is_new(self) -> bool:
        return self.contact is None

    @property
    def is_changed(self) -> bool:
        return bool(self.changes or self.tags)

    @property
    def changed_names(self) -> list[str]:
        """What changes, for people: names of columns, of custom attributes, and ``tags``."""
        names = [name for name in self.changes if name != ATTRIBUTES]
        before = self.contact.custom_attributes if self.contact else {}
        after = self.changes.get(ATTRIBUTES, {})
        names += [name for name in after if before.get(name) != after[name]]
        return [*names, "tags"] if self.tags else names

    def takes_tags(self, existing: Existing) -> bool:
        return self.is_new or existing != Existing.LEAVE

    @property
    def phone_now(self) -> str | None:
        """The number that the contact has afterwards."""
        if self.contact is None:
            return self.row.phone.e164 if self.row.phone else None
        return self.changes.get("phone", self.contact.phone)

    @property
    def email_now(self) -> str | None:
        if self.contact is None:
            return self.row.values.get("email")
        return self.changes.get("email", self.contact.email)


def changes_of(row: Row, contact: Known, existing: Existing) -> dict[str, Any]:
    """The new values of a contact that exists. A cell that is empty never removes a value.

    :raises Refusal: there would be too many custom attributes
    """
    if existing == Existing.LEAVE:
        return {}
    given: dict[str, Any] = {name: row.values[name] for name in SIMPLE if name in row.values}
    if row.phone:
        given["phone"] = row.phone.e164
    is_fill = existing == Existing.FILL
    changes = {
        name: value
        for name, value in given.items()
        if (before := getattr(contact, name)) != value and not (is_fill and before)
    }
    attributes = _attributes(row, contact.custom_attributes, is_fill=is_fill)
    return {**changes, ATTRIBUTES: attributes} if attributes != contact.custom_attributes else changes


def _attributes(row: Row, before: Mapping[str, Any], *, is_fill: bool) -> dict[str, Any]:
    given = {name: value for name, value in row.attributes.items() if not is_fill or name not in before}
    try:
        return profile.merge_attributes(before, given)
    except InvalidInput:
        raise Refusal(Reason.ATTRIBUTE_INVALID) from None


def details_of(plan: Plan) -> dict[str, Any]:
    """What an undo needs: whether the contact is new, the values that were replaced and their new ones, new tags."""
    if plan.contact is None:
        return _of_new(plan.inserted_at)
    before = {name: stored(getattr(plan.contact, name)) for name in plan.changes}
    after = {name: stored(value) for name, value in plan.changes.items()}
    return {"before": before, "after": after, "tags": plan.tags}


@lru_cache(maxsize=1)
def _of_new(inserted_at: datetime | None) -> dict[str, Any]:
    """One object for all new contacts of a chunk, so that it is written as JSON once."""
    return {"created": True, "updated_at": stored(inserted_at)}


def stored(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value.isoformat() if isinstance(value, datetime) else value
