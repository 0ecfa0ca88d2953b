"""Reads the rows of a CSV file from its bytes, in bounded memory, from any row on. It uses no database.

A row that cannot be read is a row with a problem: it never stops the rows after it.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

SEPARATORS = (",", ";", "\t", "|")
# A line without an end is not kept in memory, however long it is.
LINE_BYTES_MAX = 1 << 20
_SAMPLED_ROWS = 30
_WIDE = {"utf-16-le": (b"\n\0", b"\r\0"), "utf-16-be": (b"\0\n", b"\0\r")}


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    :param newline: what ends a line: ``\\n`` (also after ``\\r``), or ``\\r`` alone
    :param mark_bytes: length of the byte order mark before the first row
    """

    encoding: str
    separator: str = ","
    newline: str = "\n"
    mark_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class FileRow(NamedTuple):
    """One row. ``number`` is how spreadsheets count it: the headings are row 1.

    ``begin`` and ``end`` are offsets in the file, in bytes. ``problem`` is ``encoding``, ``malformed`` or
    ``too_long`` where the cells cannot be trusted.
    """

    number: int
    begin: int
    end: int
    cells: list[str]
    problem: str | None = None


@dataclass(slots=True)
class _Line:
    text: str
    size_bytes: int
    problem: str | None = None


@dataclass(slots=True)
class _Lines:
    """The lines that the CSV reader takes, so that those of a broken row can be given back."""

    source: Iterator[_Line]
    taken: list[_Line] = field(default_factory=list)
    again: deque[_Line] = field(default_factory=deque)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.source)
        self.taken.append(line)
        return line.text


def rows(parts: Iterable[bytes], layout: Layout, *, offset: int, number: int = 1) -> Iterator[FileRow]:
    """The rows of a file from one on, without empty lines.

    A quotation mark that is never closed costs its own line alone: the lines that it would swallow are read again.

    :param parts: the bytes of the file from ``offset`` on
    :param offset: where the row ``number`` begins
    """
    lines = _Lines(_lines(parts, layout))
    reader = csv.reader(lines, delimiter=layout.separator, strict=True)
    while True:
        lines.taken = []
        problem, cells = None, None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = "too_long" if "field limit" in str(error) else "malformed"
            lines.again.extendleft(reversed(lines.taken[1:]))
            del lines.taken[1:]
            cells = [lines.taken[0].text[:200].rstrip("\r\n")]
        problem = next((line.problem for line in lines.taken if line.problem), problem)
        begin, offset = offset, offset + sum(line.size_bytes for line in lines.taken)
        if problem is None and any("\0" in line.text for line in lines.taken):
            problem = "encoding"
        if cells and (problem or any(cells)):
            yield FileRow(number, begin, offset, cells, problem)
        number += 1


def detect_newline(sample: bytes) -> str:
    """What ends the lines of a file that begins like this."""
    return "\n" if b"\n" in sample or b"\r" not in sample else "\r"


def detect_separator(sample: bytes, layout: Layout) -> str:
    """The separator that splits most of the first rows into as many cells as the headings; a comma where none does.

    :param sample: the begin of the file, behind the byte order mark
    """
    best, best_score = SEPARATORS[0], (0, 0)
    for separator in SEPARATORS:
        tried = Layout(layout.encoding, separator, layout.newline)
        widths = [len(row.cells) for row, _ in zip(rows([sample], tried, offset=0), range(_SAMPLED_ROWS), strict=False)]
        if widths and widths[0] > 1:
            score = (sum(width == widths[0] for width in widths), widths[0])
            best, best_score = (separator, score) if score > best_score else (best, best_score)
    return best


def _lines(parts: Iterable[bytes], layout: Layout) -> Iterator[_Line]:
    """The lines of the parts. One that is too long is cut off and has a problem."""
    newline = _WIDE.get(layout.encoding, (b"\n", b"\r"))[layout.newline == "\r"]
    rest, is_cut, cut_bytes = b"", False, 0
    for part in parts:
        *complete, rest = _split(rest + part, newline)
        for data in complete:
            yield _too_long(data, cut_bytes) if is_cut else _line(data, layout)
            is_cut, cut_bytes = False, 0
        if len(rest) > LINE_BYTES_MAX:
            kept = len(newline) + len(rest) % len(newline)
            is_cut, cut_bytes, rest = True, cut_bytes + len(rest) - kept, rest[-kept:]
    if rest:
        yield _too_long(rest, cut_bytes) if is_cut else _line(rest, layout)


def _split(data: bytes, newline: bytes) -> list[bytes]:
    """The lines in the data with their ends, and what is left behind the last end."""
    width, found, begin = len(newline), [], 0
    end = data.find(newline)
    while end >= 0:
        if (end - begin) % width:  # half of one character and half of the next
            end = data.find(newline, end + 1)
            continue
        found.append(data[begin : end + width])
        begin = end + width
        end = data.find(newline, begin)
    found.append(data[begin:])
    return found


def _line(data: bytes, layout: Layout) -> _Line:
    try:
        return _Line(data.decode(layout.encoding), len(data))
    except UnicodeDecodeError:
        return _Line(data.decode(layout.encoding, "replace"), len(data), "encoding")


def _too_long(end: bytes, cut_bytes: int) -> _Line:
    return _Line("…\n", cut_bytes + len(end), "too_long")
