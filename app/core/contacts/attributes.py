"""The attributes that contacts have: the fixed ones, and the custom attributes that are in use."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Contact

# Custom attributes are looked for in this many contacts, those that changed last: nothing lists their names.
READ_MAX = 10_000
_BY_TYPE: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "float"}
_FIXED = {
    "name": "string",
    "email": "string",
    "phone": "string",
    "external_id": "string",
    "role": "string",
    "avatar": "string",
    "owner_id": "integer",
    "unsubscribed_from_emails": "boolean",
    "language_override": "string",
    "created_at": "date",
    "updated_at": "date",
    "signed_up_at": "date",
    "last_seen_at": "date",
}
_READ_ONLY = frozenset({"created_at", "updated_at"})


@dataclass(frozen=True)
class Attribute:
    """One attribute. ``data_type``: ``string``, ``integer``, ``float``, ``boolean`` or ``date``."""

    name: str
    data_type: str
    custom: bool = False

    @property
    def full_name(self) -> str:
        """How a search names it."""
        return f"custom_attributes.{self.name}" if self.custom else self.name

    @property
    def api_writable(self) -> bool:
        return self.name not in _READ_ONLY or self.custom


def of_contacts(session: Session, *, among: int = READ_MAX) -> list[Attribute]:
    """The fixed attributes, then the custom ones by name, each with the type of most of its values.

    :param among: custom attributes are those of so many contacts, the ones that changed last
    """
    newest = select(Contact.custom_attributes).where(Contact.archived_at.is_(None))
    types: dict[str, Counter[str]] = {}
    for values in session.scalars(newest.order_by(Contact.updated_at.desc(), Contact.id.desc()).limit(among)):
        for name, value in values.items():
            types.setdefault(name, Counter())[_BY_TYPE.get(type(value), "string")] += 1
    custom = [Attribute(name, types[name].most_common(1)[0][0], custom=True) for name in sorted(types)]
    return [*(Attribute(name, data_type) for name, data_type in _FIXED.items()), *custom]
