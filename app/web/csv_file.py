"""CSV files to download, written while they are sent."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context

from app.web.services import slots

# Spreadsheets take a cell that begins with one of these for a formula.
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BYTE_ORDER_MARK = "\ufeff"


def response(name: str, header: Sequence[str], chunks: Iterable[Sequence[Sequence[object]]]) -> Response:
    """A file of UTF-8 with a byte order mark, which spreadsheets need. It never holds more than one chunk in memory.

    :param name: of the file, without spaces and quotes
    :param chunks: lists of rows, read one after the other while the file is sent
    """
    answer = Response(stream_with_context(_lines(header, chunks)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def safe_cell(value: object) -> str:
    """The text of a cell. One that a spreadsheet would run as a formula gets an apostrophe in front.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


def _lines(header: Sequence[str], chunks: Iterable[Sequence[Sequence[object]]]) -> Iterator[str]:
    """The file in parts. While a part is on its way to a slow client, other requests use the working slot."""
    yield from _sent(_BYTE_ORDER_MARK + _written([header]))
    for rows in chunks:
        yield from _sent(_written(rows))


def _sent(part: str) -> Iterator[str]:
    with slots().lent():
        yield part


def _written(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()
