"""Cells of CSV files that survive a spreadsheet: what export writes, import reads back unchanged.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``, and rewrites what looks like a number or date:
``+436641234567`` becomes ``436641234567`` or ``4.36641E+11``, ``007`` becomes ``7``. Such a text is written with an
apostrophe in front, and the spreadsheet keeps it as text, apostrophe included. Reading removes one apostrophe, and only
from a text that writing would have protected. So ``read_cell(write_cell(text)) == text`` for every text.

Source: https://owasp.org/www-community/attacks/CSV_Injection
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

Value = str | int | float | bool | None
# What begins a formula, also as East Asian keyboards type it.
_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# A spreadsheet that separates by semicolons begins a new cell inside of ours: at a semicolon, a tab or a line break.
_BEGIN = r"(?:\A|(?<=[;\t\r\n]))"
_RUN = re.compile(rf"{_BEGIN}([ \"]*)('*)(?=[{_FORMULA}])|\A()('*)(?=[\t\r\n])")
# Most texts are of this kind, and an export has millions of them.
_HARMLESS = re.compile(r"(?!(?i:true|false)\Z)[^\W\d_][^;\t\r\n]*")
_REWRITTEN = re.compile(r"('*) *(?:[0-9][0-9.,:/ \-eE]*|(?i:true|false))")
_KEPT_NUMBER = re.compile(r"0|[1-9][0-9]{0,10}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")


def write_cell(value: Value | datetime) -> str:
    """The text of a cell; empty for null. A number stays a number, a time is ISO 8601 in UTC with microseconds."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return _protect(value)


def read_cell(cell: str) -> str:
    """The text that ``write_cell`` was given. What it would not have written is returned as it is."""
    if "'" not in cell:
        return cell
    if _is_rewritten(cell):
        return cell.removeprefix("'")
    return _RUN.sub(lambda found: (found[1] or "") + (found[2] or found[4] or "").removeprefix("'"), cell)


def write_value(value: Value) -> str:
    """A cell that keeps the type of its value, for custom attributes: the text ``5`` differs from the number 5."""
    if isinstance(value, str) and _KEPT_NUMBER.fullmatch(value.lstrip("'")):
        return f"'{value}"
    return write_cell(value)


def read_value(cell: str) -> Value:
    """The value that ``write_value`` was given: null, true, false, a number or a text. An empty text is null."""
    if cell == "":
        return None
    if cell.lower() in {"true", "false"}:  # a spreadsheet saves them in capitals
        return cell.lower() == "true"
    if _NUMBER.fullmatch(cell):
        return _number(cell)
    if _KEPT_NUMBER.fullmatch(cell.lstrip("'")):
        return cell.removeprefix("'")
    return read_cell(cell)


def write_list(texts: Iterable[str]) -> str:
    r"""Several texts in one cell, separated by commas; a comma or backslash inside of one has a backslash in front."""
    return _protect(", ".join(re.sub(r"([,\\])", r"\\\1", each) for each in texts))


def read_list(cell: str) -> list[str]:
    """The texts that ``write_list`` was given, without empty ones and without space around them."""
    parts = re.findall(r"(?:\\.|[^,\\]|\\\Z)+", read_cell(cell), re.DOTALL)
    return [text for part in parts if (text := re.sub(r"\\([,\\])", r"\1", part.strip()))]


def _protect(text: str) -> str:
    if not text or _HARMLESS.fullmatch(text):
        return text
    if _is_rewritten(text):
        return f"'{text}"
    return _RUN.sub(lambda found: f"{found[1] or ''}'{found[2] or found[4] or ''}", text)


def _is_rewritten(text: str) -> bool:
    """Whether a spreadsheet shows or saves this text differently. A number of up to 11 digits survives."""
    found = _REWRITTEN.fullmatch(text)
    return found is not None and not _KEPT_NUMBER.fullmatch(text[found.end(1) :])


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)
