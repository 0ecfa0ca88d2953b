"""What an import and its dry run work with, kept in the parameters of the job."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.core.bulk import files
from app.core.errors import NotFound
from app.core.imports.fields import Column, column_of
from app.core.imports.options import Options, options_of
from app.core.imports.reading import FileRow, Layout, rows
from app.models import JobFile


@dataclass(frozen=True)
class Setup:
    """:param file_id: the uploaded file

    :param headings: the cells of its first row; the data begins with the row ``first_number`` at ``first_offset``
    :param is_excel: it was a workbook before
    """

    file_id: int
    layout: Layout
    headings: tuple[str, ...]
    first_offset: int
    first_number: int
    columns: tuple[Column, ...]
    options: Options
    is_excel: bool = False

    def as_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in ("file_id", "first_offset", "first_number", "is_excel")}
        return {
            **values,
            "layout": asdict(self.layout),
            "headings": list(self.headings),
            "columns": [column.code for column in self.columns],
            "options": self.options.as_json(),
        }


def setup_of(parameters: Mapping[str, Any]) -> Setup:
    """The setup in the parameters of a job.

    :raises NotFound: it has none yet
    """
    stored = parameters.get("setup")
    if not stored:
        raise NotFound("Resource Not Found")
    return Setup(
        file_id=stored["file_id"],
        layout=Layout(**stored["layout"]),
        headings=tuple(stored["headings"]),
        first_offset=stored["first_offset"],
        first_number=stored["first_number"],
        columns=tuple(column_of(code) for code in stored["columns"]),
        options=options_of(stored["options"]),
        is_excel=stored["is_excel"],
    )


def parts(session: Session, file: JobFile, offset: int) -> Iterator[bytes]:
    """The bytes of a file from an offset on. Every slice but the last one is full."""
    first, skipped = divmod(offset, files.SLICE_BYTES_MAX)
    for part in files.read(session, file, first=first):
        yield part[skipped:] if skipped else part
        skipped = 0


def rows_from(session: Session, file: JobFile, layout: Layout, offset: int, number: int) -> Iterator[FileRow]:
    """The rows of a file from one on."""
    return rows(parts(session, file, offset), layout, offset=offset, number=number)


def rows_at(session: Session, setup: Setup, places: Sequence[tuple[int, int]]) -> dict[int, FileRow]:
    """The rows at these places (number and offset), by number. Empty once the file was deleted."""
    file = session.get(JobFile, setup.file_id)
    if file is None:
        return {}
    found = {}
    for number, offset in places:
        row = next(rows_from(session, file, setup.layout, offset, number), None)
        if row is not None:
            found[number] = row
    return found
