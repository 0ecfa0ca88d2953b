"""The attributes that contacts have: the fixed ones, and the custom attributes that are in use."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import InvalidInput
from app.models import Contact
from app.schemas.contact_input import CUSTOM_NAME_MAX

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
_NUMBERS = frozenset({"integer", "float"})
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_NUMBER_MAX = 2**53  # larger ones are not exact in JSON
_TRUTH = {"true": True, "false": False}
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


def custom_types(session: Session) -> dict[str, str]:
    """The data types of the custom attributes in use, by name."""
    return {each.name: each.data_type for each in of_contacts(session) if each.custom}


def read_value(typed: str, data_type: str) -> str | int | float | bool | None:
    """The value that a person typed for an attribute of this type; null for an empty text.

    :param data_type: ``string``, ``integer``, ``float``, or ``boolean`` (``true`` or ``false``)
    :raises InvalidInput: it is no value of this type
    """
    wanted = typed.strip()
    if not wanted:
        return None
    if data_type == "boolean":
        if wanted not in _TRUTH:
            raise InvalidInput("Choose yes or no.", field="custom_attributes")
        return _TRUTH[wanted]
    if data_type in _NUMBERS:
        return _number(wanted)
    return wanted


def name_of(typed: str) -> str:
    """The name of a new attribute, in one line.

    :raises InvalidInput: it cannot be the name of an attribute
    """
    name = " ".join(typed.split())
    if not name or len(name) > CUSTOM_NAME_MAX or not name.isprintable() or '"' in name:
        raise InvalidInput(
            "Give the attribute a name of at most %(most)s characters, without quotation marks.",
            field="custom_attributes",
            most=CUSTOM_NAME_MAX,
        )
    return name


def _number(typed: str) -> int | float:
    if not _NUMBER.fullmatch(typed):
        raise InvalidInput("Enter a number, for example 12 or 4.5.", field="custom_attributes")
    number = float(typed)
    if abs(number) >= _NUMBER_MAX:
        raise InvalidInput("This number is too large.", field="custom_attributes")
    return number if "." in typed else int(typed)
