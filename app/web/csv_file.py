"""CSV files to download, written while they are sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from flask import Response, stream_with_context
from sqlalchemy.orm import Session

from app.core.bulk import csv_cells
from app.core.exports import writing
from app.web.services import read_only, slots

CHUNK_SIZE = 1000
Row = TypeVar("Row")


def response(name: str, header: Sequence[str], chunks: Iterable[Sequence[Sequence[object]]]) -> Response:
    """A file of UTF-8 with a byte order mark, which spreadsheets need. It never holds more than one chunk in memory.

    :param name: of the file, without spaces and quotes
    :param chunks: lists of rows, read one after the other while the file is sent
    """
    return streamed(name, "text/csv", _lines(header, chunks))


def chunks(
    read: Callable[[Session, int], Sequence[Row]], key: Callable[[Row], int], cells: Callable[[Row], Sequence[object]]
) -> Iterator[list[Sequence[object]]]:
    """The rows of a file. Each chunk is read in its own transaction, so that none is open while the file is sent.

    :param read: at most ``CHUNK_SIZE`` rows in the order of their keys, those with a key above the given one
    """
    after = 0
    while True:
        with read_only() as session:
            found = read(session, after)
            rows = [cells(each) for each in found]
            after = key(found[-1]) if found else after
        if not rows:
            return
        yield rows


def streamed(name: str, media_type: str, parts: Iterable[bytes]) -> Response:
    """A file whose parts are read while it is sent.

    While a part is on its way to a slow client, other requests use the working slot.
    """
    answer = Response(stream_with_context(_sent(parts)), mimetype=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(header: Sequence[str], chunks: Iterable[Sequence[Sequence[object]]]) -> Iterator[bytes]:
    yield writing.head(header)
    for rows in chunks:
        yield writing.rows(map(_cell, row) for row in rows)


def _cell(value: object) -> str:
    return csv_cells.write_cell(value if value is None else str(value))


def _sent(parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        with slots().lent():
            yield part
