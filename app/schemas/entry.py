"""Where values from outside enter: what no database can store, and no rule has to think about, is refused here.

That is NUL, unpaired surrogates, numbers that are not finite or need more than 64 bits, and deeply nested JSON. JSON
bodies, JSON in headers and cursors, and the claims of JWTs come through ``read_json`` or ``check``; paths, queries and
forms are looked at by ``web/admission.py`` for every application.
"""

import json
import math
import re
from typing import Any

DEPTH_MAX = 32
_INTEGER_MAX = 2**63 - 1
# What may need a closer look. Everything else holds nothing of the kind: strict JSON has NUL only as an escape.
_SUSPECT = re.compile(rb"\x00|\\u0000|\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|\d{19}|[eE]\+?\d{3}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# What scripts send as an id when they know none: many people would share it.
JUNK_IDS = frozenset({"undefined", "null", "anonymous", "0", "1", "nan", "none"})


class BadValue(ValueError):
    """A value that cannot be used. ``field`` is its path in the JSON, with dots; null for the whole."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def is_storable(text: str) -> bool:
    """Whether both databases can store the text: it has no NUL and no unpaired surrogate."""
    return _UNSTORABLE.search(text) is None


def read_json(data: bytes) -> Any:
    """Parse JSON.

    :raises BadValue: it is not valid JSON, or holds a value that cannot be used
    """
    value = parse_json(data)
    if data.count(b"[") + data.count(b"{") > DEPTH_MAX or _SUSPECT.search(data):
        check(value)
    return value


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object that a page sent, whose fields are all optional; empty where it is none, or cannot be used."""
    try:
        value = read_json(data)
    except BadValue:
        return {}
    return value if isinstance(value, dict) else {}


def parse_json(data: bytes) -> Any:
    """Parse JSON whose parts are checked one by one (``check``): a bad one refuses only itself.

    :raises BadValue: it is not valid JSON
    """
    try:
        return json.loads(data, parse_float=_number, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadValue("The body is not valid JSON.") from None


def check(value: Any) -> None:
    """Check a parsed value with everything inside it.

    :raises BadValue: it cannot be used
    """
    inner: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while inner:
        each, path = inner.pop()
        if len(path) > DEPTH_MAX:
            raise BadValue("This is nested too deeply.", path[0])
        if isinstance(each, dict):
            for name in each:
                _check_plain(name, path)
            inner += [(part, (*path, name)) for name, part in each.items()]
        elif isinstance(each, list):
            inner += [(part, (*path, str(place))) for place, part in enumerate(each)]
        else:
            _check_plain(each, path)


def _check_plain(value: Any, path: tuple[str, ...]) -> None:
    problem = None
    if isinstance(value, str):
        if not is_storable(value):
            problem = "Must not hold a NUL character." if "\0" in value else "Not valid text."
    elif isinstance(value, float):
        problem = None if math.isfinite(value) else "This number is too large."
    elif isinstance(value, int) and abs(value) > _INTEGER_MAX:
        problem = "This number is too large."
    if problem is not None:
        raise BadValue(problem, ".".join(path)[:200] or None)


def _number(text: str) -> int | float:
    """JSON has one kind of number: ``1577836800.0`` is an integer. Source: RFC 8259, 6"""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _INTEGER_MAX else number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
