"""Attributes of a record as the fields and custom attributes of a contact."""

from collections.abc import Mapping
from typing import Any

from app.core.connectors.insider.record import Record, Refusal
from app.core.contacts import attributes, profile
from app.core.errors import InvalidInput
from app.models import Contact

_OPTINS = ("sms_optin", "gdpr_optin", "email_optin")
_PROFILE = ("name", "surname", "language")
_SEPARATOR = ", "


def split(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The profile fields and the custom attributes that valid attributes become. Unknown ones are custom, too.

    ``name`` and ``surname`` are the contact's name together; ``language`` is its language. A surname alone is custom.

    :raises Refusal: a name cannot be that of an attribute
    """
    fields: dict[str, Any] = {}
    if name := given.get("name"):
        fields["name"] = " ".join(part for part in (name, given.get("surname")) if part)
    if language := given.get("language"):
        fields["language_override"] = language.replace("_", "-")
    is_known = {"custom", *_OPTINS, *(_PROFILE if "name" in given else ("name", "language"))}
    others = {name: value for name, value in given.items() if name not in is_known}
    return fields, custom_of({**others, **given.get("custom", {})})


def custom_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Custom attributes by the names that contacts allow.

    :raises Refusal: a name cannot be that of an attribute
    """
    return {_name(name): value for name, value in values.items()}


def changes(contact: Contact | None, record: Record) -> dict[str, Any]:
    """The fields of ``profile.change`` whose value the record changes. Null: a new contact."""
    stored = contact.custom_attributes if contact is not None else {}
    custom = {name: _value(stored.get(name), value, record) for name, value in record.custom.items()}
    custom = {name: value for name, value in custom.items() if name not in stored or stored[name] != value}
    fields: dict[str, Any] = {name: value for name, value in _fields(record).items() if _differs(contact, name, value)}
    if custom:
        _check_room(stored, custom)
        fields["custom_attributes"] = custom
    return fields


def _fields(record: Record) -> dict[str, Any]:
    fields = {**record.identifiers.columns, **record.profile}
    if record.email_optin is False:
        fields["unsubscribed_from_emails"] = True
    return fields


def _differs(contact: Contact | None, name: str, value: Any) -> bool:
    column = "locale" if name == "language_override" else name
    return contact is None or getattr(contact, column) != value


def _value(stored: Any, value: Any, record: Record) -> Any:
    """A list is one text. It is added to the text that is stored, without what that has already."""
    if not isinstance(value, list):
        return value
    before = stored.split(_SEPARATOR) if isinstance(stored, str) and stored and not record.replaces_lists else []
    return _SEPARATOR.join(dict.fromkeys((*before, *map(_text, value))))


def _text(entry: Any) -> str:
    """An entry of a list as text; true and false as JSON writes them."""
    return str(entry).lower() if isinstance(entry, bool) else str(entry)


def _check_room(stored: Mapping[str, Any], custom: Mapping[str, Any]) -> None:
    try:
        profile.merge_attributes(stored, custom)
    except InvalidInput as problem:
        raise Refusal("attributes.custom.too_many", problem.message) from None


def _name(name: str) -> str:
    try:
        return attributes.name_of(name)
    except InvalidInput as problem:
        raise Refusal(f"attributes.{name[:60]}.name", problem.message) from None
