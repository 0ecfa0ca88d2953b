"""What an import or its dry run found: counts and first rows of each group, and the file of refused rows.

The report has row numbers and no personal data: pages read the rows again from the uploaded file.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.bulk import csv_cells, files
from app.core.imports.planning import Plan
from app.core.imports.reading import FileRow
from app.core.imports.reasons import SENTENCES, Refusal
from app.models import BulkJob, FilePurpose, JobFile

EXAMPLES_MAX = 5
REFUSED_NAME = "refused-rows.csv"
NEW, CHANGED, UNCHANGED = "new", "changed", "unchanged"


@dataclass
class Report:
    """Counts of a job so far.

    ``groups``: rows that are ``new``, ``changed`` or ``unchanged``. ``refused``: rows by reason. ``consents``: by
    ``changed``, ``unchanged`` or the reason why nothing was recorded. ``examples``: by ``new``, ``changed``,
    ``unchanged`` or ``refused <reason>``: row number, offset, contact id or null, and names of what changes, or the
    index of the cell at fault. ``recorded`` counts the consents that changed, by state.
    """

    groups: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[list[Any]]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.groups.values()) + sum(self.refused.values())

    @property
    def refused_rows(self) -> int:
        return sum(self.refused.values())

    def add_plan(self, plan: Plan) -> None:
        group = NEW if plan.is_new else CHANGED if plan.is_changed else UNCHANGED
        _count(self.groups, group)
        contact_id = plan.contact.id if plan.contact else None
        self._example(group, [plan.row.number, plan.row.begin, contact_id, [] if plan.is_new else plan.changed_names])

    def add_refused(self, row: FileRow, refusal: Refusal) -> None:
        _count(self.refused, refusal.reason)
        self._example(f"refused {refusal.reason}", [row.number, row.begin, None, refusal.column])

    def add_consent(self, outcome: str, state: str | None) -> None:
        _count(self.consents, outcome)
        if state is not None:
            _count(self.recorded, state)

    def as_json(self) -> dict[str, Any]:
        return {name: dict(getattr(self, name)) for name in ("groups", "refused", "consents", "recorded", "examples")}

    def _example(self, group: str, example: list[Any]) -> None:
        kept = self.examples.setdefault(group, [])
        if len(kept) < EXAMPLES_MAX:
            kept.append(example)


def of_job(job: BulkJob) -> Report:
    """The report of a job: the final one, or that of the rows so far."""
    stored: Mapping[str, Any] = job.parameters.get("report") or job.position.get("report") or {}
    return Report(**{name: dict(values) for name, values in stored.items()})


def append_refused(
    session: Session, job: BulkJob, headings: Sequence[str], refused: Sequence[tuple[FileRow, Refusal]], *, at: datetime
) -> None:
    """Add rows to the file of refused rows: their cells as they were, the number of the row, the reason, what to do.

    Once they are corrected, the same file can be imported: its further columns are not imported.
    """
    if not refused:
        return
    file, lines = refused_file(session, job), []
    if file is None:
        file = files.create(session, job, FilePurpose.RESULT, REFUSED_NAME, "text/csv", at=at)
        lines.append([*headings, "Row", "Refused because", "What to do"])
    for row, refusal in refused:
        cells = [*row.cells, *[""] * (len(headings) - len(row.cells))]
        lines.append([*cells, str(row.number), refusal.reason.value, SENTENCES[refusal.reason]])
    text = io.StringIO()
    csv.writer(text).writerows([csv_cells.write_cell(cell.replace("\0", "")) for cell in line] for line in lines)
    files.append_all(session, file, (("\ufeff" if not file.size_bytes else "") + text.getvalue()).encode())


def refused_file(session: Session, job: BulkJob) -> JobFile | None:
    """The file of refused rows; null while no row was refused, or once it was deleted."""
    return next((each for each in files.of_job(session, job.id, FilePurpose.RESULT) if each.name == REFUSED_NAME), None)


def refused_data(session: Session, file: JobFile) -> bytes:
    """The whole file of refused rows."""
    return b"".join(files.read(session, file))


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
