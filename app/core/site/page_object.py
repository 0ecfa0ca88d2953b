"""Finds the user object in the inline scripts of a page, where it is written as a literal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core import phone
from app.core.site import js_literals, user_object
from app.core.site.integration_check import PROPERTIES
from app.core.site.js_literals import COMPUTED
from app.core.site.page_html import Script
from app.core.site.samples import Sample, ValueKind

_NAMES = re.compile(r"\binsider_object\b|\bInsiderQueue\b")
_OBJECT = re.compile(r"\binsider_object\s*(\.\s*user\s*)?=\s*(?=\{)")
_PUSH = re.compile(r"\bInsiderQueue\s*\.\s*push\s*\(\s*(?=\{)")
_FOUND_MAX, _CODE_MAX = 20, 200_000
_DOUBTS = {"phone_invalid": "phone_number:impossible", "phone_not_sms_capable": "phone_number:not_sms_capable"}


@dataclass(frozen=True)
class FoundObject:
    """What the scripts say. ``user`` is null where none is written as a literal.

    :param source: as in ``Sample``; empty: no script names the object
    :param script: the script that writes the literal, else the first one that names the object; null: none
    :param computed: properties whose values only a browser knows
    """

    source: str = ""
    user: dict[str, Any] | None = None
    script: Script | None = None
    computed: tuple[str, ...] = ()

    def sample(self, origin: str) -> Sample:
        """As if the page had sent it."""
        read, refused = user_object.read(self.user or {})
        problems = {f"{each.field}:{each.reason}" for each in refused}
        block = phone.refusal_of_stored(phone.normalize(read.phone_number)[0]) if read.phone_number else None
        problems |= {_DOUBTS[block]} if block else set()
        problems |= {"uuid:sequential"} if read.has_sequential_uuid else set()
        kinds = {name: user_object.kind_of(name, read, refused) for name in (*PROPERTIES, "uuid")}
        kinds |= {name: ValueKind.GIVEN for name in self.computed if name in kinds}
        return Sample(
            origin=origin,
            path="/",
            source=self.source,
            identity="unsigned",
            is_signed_in=False,
            problems=tuple(sorted(problems)),
            **kinds,
        )


def find(scripts: Sequence[Script]) -> FoundObject:
    """The object of the inline scripts, in their order: later values replace earlier ones."""
    named: set[str] = set()
    first: Script | None = None
    values: dict[str, Any] = {}
    by: Script | None = None
    for script in scripts:
        code = script.text[:_CODE_MAX]
        if script.src or not (names := set(_NAMES.findall(code))):
            continue
        named |= names
        first = first or script
        for user in _users(code):
            values |= user
            by = script
    source = "both" if len(named) > 1 else next(iter(named), "")
    computed = tuple(sorted(name for name, value in values.items() if value is COMPUTED))
    literal = {name: value for name, value in values.items() if value is not COMPUTED}
    return FoundObject(source, literal if by else None, by or first, computed)


def _users(code: str) -> list[dict[str, Any]]:
    found = []
    for each in [*_OBJECT.finditer(code)][:_FOUND_MAX]:
        value = js_literals.read_object(code, each.end())
        user = value if each[1] else (value or {}).get("user")
        found.append(user)
    for each in [*_PUSH.finditer(code)][:_FOUND_MAX]:
        pushed = js_literals.read_object(code, each.end()) or {}
        found.append(pushed.get("value") if pushed.get("type") == "user" else None)
    return [user for user in found if isinstance(user, dict)]
