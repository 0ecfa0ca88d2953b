"""Reads the user object that a page shows (``window.insider_object.user``): which values are valid, and why not.

Nothing is converted: ``"true"`` is not a boolean, and a number with spaces is not E.164. Each value that is refused
refuses only itself. Properties that are not known are ignored.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.core import email
from app.core.site.samples import ValueKind
from app.schemas.entry import is_storable

UUID_MAX, EMAIL_MAX = 255, 254
# What every number that can be dialed from abroad looks like; whether a numbering plan has it is another question.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# What scripts send when they know no id. Source: Insider's list of values that identity resolution has to block.
_JUNK = frozenset({"undefined", "null", "anonymous", "0", "1", "nan", "none"})
# Ids that can be guessed by counting: digits alone, or a UUID that holds a small number.
_SEQUENTIAL = re.compile(r"[0-9]+|0{8}-0{4}-[0-9]?0{3}-[089ab]?0{3}-[0-9]{12}", re.IGNORECASE)
_NOT_GIVEN: Final = (None, "")


@dataclass(frozen=True)
class RefusedValue:
    """A property that is not used. ``reason`` is a stable code."""

    field: str
    reason: str


@dataclass(frozen=True)
class UserObject:
    """The valid values of a page's user object. Null: not given, or refused.

    ``phone_number`` is E.164 by its form alone.
    """

    phone_number: str | None = None
    sms_optin: bool | None = None
    gdpr_optin: bool | None = None
    uuid: str | None = None
    email: str | None = None

    @property
    def given(self) -> dict[str, str | bool]:
        """The values that are given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @property
    def has_sequential_uuid(self) -> bool:
        """Whether others can guess the ids of other people from this one."""
        return self.uuid is not None and _SEQUENTIAL.fullmatch(self.uuid.strip()) is not None


def read(values: Mapping[Any, Any]) -> tuple[UserObject, list[RefusedValue]]:
    """The valid values, and each property that is refused with its reason.

    Reasons: ``empty`` (null or an empty text), ``not_a_string``, ``not_a_boolean``, ``not_e164``, ``too_long``,
    ``junk`` (an id that many people would share), ``not_an_email``.
    """
    found: dict[str, Any] = {}
    refused = []
    for name, problem_with in _CHECKS.items():
        if name not in values:
            continue
        value = values[name]
        problem = "empty" if _is_empty(value) else problem_with(value)
        if problem is None:
            found[name] = value
        else:
            refused.append(RefusedValue(name, problem))
    return UserObject(**found), refused


def kind_of(name: str, user: UserObject, refused: list[RefusedValue]) -> ValueKind:
    """How one property was given, for the integration check."""
    value = getattr(user, name)
    if isinstance(value, bool):
        return ValueKind.TRUE if value else ValueKind.FALSE
    if value is not None:
        return ValueKind.GIVEN
    return ValueKind.REFUSED if name in {each.field for each in refused} else ValueKind.ABSENT


def _is_empty(value: Any) -> bool:
    return any(value is each or (isinstance(value, str) and value == each) for each in _NOT_GIVEN)


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "not_a_boolean"


def _number(value: Any) -> str | None:
    if not isinstance(value, str):
        return "not_a_string"
    return None if _E164.fullmatch(value) else "not_e164"


def _uuid(value: Any) -> str | None:
    if not isinstance(value, str):
        return "not_a_string"
    if len(value) > UUID_MAX:
        return "too_long"
    text = value.strip().lower()
    return "junk" if not text or text in _JUNK or not is_storable(value) else None


def _email(value: Any) -> str | None:
    if not isinstance(value, str):
        return "not_a_string"
    if len(value) > EMAIL_MAX:
        return "too_long"
    return None if is_storable(value) and email.is_valid(value) else "not_an_email"


_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "phone_number": _number,
    "sms_optin": _boolean,
    "gdpr_optin": _boolean,
    "uuid": _uuid,
    "email": _email,
}
