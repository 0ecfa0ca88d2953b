"""Reads literals of JavaScript as pages write them: unquoted names, single quotes, comments, commas at the end.

What is no literal, such as ``customer.phone``, is ``COMPUTED``. Nothing is executed.
"""

import re
from typing import Any, Final

COMPUTED: Final = object()
_DEPTH_MAX, _VALUES_MAX, _CHARS_MAX = 12, 500, 20_000
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\$]|\\.)*)`", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
_CLOSING = {"{": "}", "[": "]", "(": ")"}


class _Unreadable(Exception):
    pass


def read_object(text: str, begin: int) -> dict[str, Any] | None:
    """The object that begins at the brace at ``begin``; null where its end cannot be found."""
    try:
        return _Reader(text[begin : begin + _CHARS_MAX]).read(0)
    except _Unreadable:
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._values = 0

    def read(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._expect("{")
        while not self._take("}"):
            name = self._name()
            found[name] = self._value(depth + 1) if self._take(":") else self._computed()
            if not self._take(",") and self._peek() != "}":
                raise _Unreadable
        return found

    def _value(self, depth: int) -> Any:
        self._values += 1
        if depth > _DEPTH_MAX or self._values > _VALUES_MAX:
            raise _Unreadable
        begin = self._at
        value = self._literal(depth)
        if value is COMPUTED or self._peek() not in {",", "}", "]"}:
            self._at = begin
            return self._computed()
        return value

    def _literal(self, depth: int) -> Any:
        char = self._peek()
        if char == "{":
            return self.read(depth)
        if char in {'"', "'", "`"}:
            return self._string()
        if (number := self._match(_NUMBER)) is not None:
            return float(number) if "." in number else int(number[:300])
        word = self._match(_NAME)
        return _WORDS.get(word or "", COMPUTED)

    def _string(self) -> Any:
        found = _STRING.match(self._text, self._at)
        if found is None:
            return COMPUTED
        self._at = found.end()
        return _ESCAPE.sub(_unescaped, next(each for each in found.groups() if each is not None))

    def _name(self) -> str:
        self._skip_space()
        if (name := self._match(_NAME) or self._match(_NUMBER)) is not None:
            return name
        name = self._string()
        if not isinstance(name, str):
            raise _Unreadable
        return name

    def _computed(self) -> object:
        """Skip an expression, up to the comma or bracket that ends it."""
        open_brackets: list[str] = []
        while True:
            char = self._peek()
            if not char:
                raise _Unreadable
            if not open_brackets and char in {",", "}", "]"}:
                return COMPUTED
            if char in {'"', "'", "`"} and (found := _STRING.match(self._text, self._at)):
                self._at = found.end()
                continue
            if char in _CLOSING:
                open_brackets.append(_CLOSING[char])
            elif open_brackets and char == open_brackets[-1]:
                open_brackets.pop()
            self._at += 1

    def _expect(self, char: str) -> None:
        if not self._take(char):
            raise _Unreadable

    def _take(self, char: str) -> bool:
        is_next = self._peek() == char
        self._at += is_next
        return is_next

    def _peek(self) -> str:
        self._skip_space()
        return self._text[self._at : self._at + 1]

    def _skip_space(self) -> None:
        if found := _SPACE.match(self._text, self._at):
            self._at = found.end()

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)
