"""How the uploaded file of a draft looks: its first rows, and what each encoding makes of its letters."""

from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from app.core.imports import drafts, encodings
from app.core.imports.reading import FileRow
from app.core.imports.setup import parts, rows_from, setup_of
from app.models import BulkJob

# Lines that show what an encoding makes of the file.
PREVIEWED, PREVIEWED_CHARS = 3, 160


@dataclass(frozen=True)
class Preview:
    """How a file looks as it is read now: its headings and first rows."""

    headings: tuple[str, ...]
    rows: tuple[FileRow, ...]


def preview(session: Session, job: BulkJob) -> Preview:
    """The headings and first rows of a draft, as its file is read now."""
    layout = setup_of(job.parameters).layout
    rows = rows_from(session, drafts.upload_of(session, job), layout, layout.mark_bytes, 1)
    found = list(islice(rows, drafts.SAMPLED + 1))
    return Preview(tuple(found[0].cells) if found else (), tuple(found[1:]))


def encoding_previews(session: Session, job: BulkJob) -> dict[str, list[str]]:
    """Up to three lines with other letters than ASCII in each encoding that can read them, to choose one by eye."""
    found: list[bytes] = []
    for part in parts(session, drafts.upload_of(session, job), setup_of(job.parameters).layout.mark_bytes):
        found += [line for line in part.split(b"\n")[1:-1] or [part] if not line.isascii()]
        if len(found) >= PREVIEWED:
            break
    previews: dict[str, list[str]] = {}
    for encoding in encodings.ENCODINGS:
        try:
            previews[encoding] = [line.decode(encoding).strip()[:PREVIEWED_CHARS] for line in found[:PREVIEWED]]
        except UnicodeDecodeError:
            continue
    return previews
