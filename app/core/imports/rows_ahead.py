"""The rows of the chunks of a job. Those of the next chunk are read while the database writes the chunk before.

What was read ahead is kept in this process alone. A part of the work in another process reads the rows itself.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.core.imports import numbers_ahead
from app.core.imports.reading import FileRow
from app.core.imports.reasons import Refusal
from app.core.imports.rows import Row, RowReader
from app.core.imports.setup import Setup, rows_from
from app.core.workspace import settings
from app.models import BulkJob, JobFile

# One chunk has so many rows, or so many bytes. It takes about 0.4 seconds, for which other writers wait on SQLite.
ROWS_MAX, BYTES_MAX = 4000, 4 << 20
# Where so much of a file is left, the numbers of the next chunk are read by a second process.
_AHEAD_BYTES_MIN = 1 << 20
ReadRow = tuple[FileRow, Row | Refusal]


@dataclass
class Chunk:
    """The rows of one chunk, and whether they are the last ones. ``read`` is empty until they were read (``_read``)."""

    offset: int
    rows: list[FileRow]
    is_last: bool
    read: list[ReadRow] = field(default_factory=list)


# The next chunk by the kind of the job: one import and one dry run may run at the same time.
_kept: dict[str, tuple[int, Chunk]] = {}


class Chunks:
    """The chunks of a job, one after the other.

    :param setup: of the job; it does not change while the job runs
    """

    def __init__(self, session: Session, job: BulkJob, file: JobFile, setup: Setup, at: datetime) -> None:
        self._session, self._job, self._file, self._setup = session, job, file, setup
        zone = ZoneInfo(settings.get(session).time_zone)
        self._reader = RowReader(setup.columns, setup.options, zone, at, is_excel=setup.is_excel)

    def current(self) -> Chunk:
        """The chunk where the job is, read."""
        setup, position = self._setup, self._job.position
        offset = position.get("offset", setup.first_offset)
        job_id, chunk = _kept.pop(self._job.kind, (0, None))
        if chunk is None or (job_id, chunk.offset) != (self._job.id, offset):
            chunk = self._split(offset, position.get("number", setup.first_number))
            self._read(chunk)
        return chunk

    def begin_next(self, chunk: Chunk) -> Chunk | None:
        """The chunk after this one, whose numbers a second process begins to read; null after the last one."""
        if chunk.is_last:
            return None
        last = chunk.rows[-1]
        following = self._split(last.end, last.number + 1)
        is_long = self._file.size_bytes - last.end > _AHEAD_BYTES_MIN
        asked = (number for row in following.rows if (number := self._reader.number_of(row)) is not None)
        numbers_ahead.ask(self._job.id, asked, may_start=is_long)
        return following

    def read_ahead(self, chunk: Chunk | None) -> None:
        """Read the rows of the next chunk, and keep them for ``current``. Executes no statement."""
        if chunk is not None:
            self._read(chunk)
            _kept[self._job.kind] = self._job.id, chunk

    def _split(self, offset: int, number: int) -> Chunk:
        found: list[FileRow] = []
        for row in rows_from(self._session, self._file, self._setup.layout, offset, number):
            found.append(row)
            if len(found) == ROWS_MAX or row.end - offset > BYTES_MAX:
                return Chunk(offset, found, is_last=False)
        return Chunk(offset, found, is_last=True)

    def _read(self, chunk: Chunk) -> None:
        reader = replace(self._reader, known=numbers_ahead.take(self._job.id))
        chunk.read = [(row, _row_or_refusal(reader, row)) for row in chunk.rows]


def _row_or_refusal(reader: RowReader, row: FileRow) -> Row | Refusal:
    try:
        return reader.read(row)
    except Refusal as refusal:
        return refusal
