"""CSV files to download, written while they are sent."""

from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context

from app.core.bulk import csv_cells
from app.core.exports import writing
from app.web.services import slots


def response(name: str, header: Sequence[str], chunks: Iterable[Sequence[Sequence[object]]]) -> Response:
    """A file of UTF-8 with a byte order mark, which spreadsheets need. It never holds more than one chunk in memory.

    :param name: of the file, without spaces and quotes
    :param chunks: lists of rows, read one after the other while the file is sent
    """
    return streamed(name, "text/csv", _lines(header, chunks))


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
