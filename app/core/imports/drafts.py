"""An import before it runs: its file arrives in slices, then a person decides what its columns are and checks it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bulk import files, jobs
from app.core.errors import InvalidInput, InvalidState, NotFound
from app.core.imports import encodings, excel, headings, options, reading
from app.core.imports.fields import Column, refuse_mistakes
from app.core.imports.options import ConsentFrom, Options
from app.core.imports.reading import Layout
from app.core.imports.setup import Setup, parts, rows_from, setup_of
from app.core.workspace import settings
from app.models import BulkJob, FilePurpose, JobFile, JobKind, JobState

UPLOAD_BYTES_MAX = 100_000_000
COMMAND_BYTES_MAX = 1 << 30
NAME_MAX = 200
SAMPLED = 5
# So many columns can be decided on.
COLUMNS_MAX = 300
_NAME_WHEN_EMPTY = "contacts.csv"


def create(session: Session, name: str, size_bytes: int, *, actor: str, at: datetime) -> BulkJob:
    """A new import whose file will have this size.

    :raises InvalidInput: the file is empty
    """
    if size_bytes <= 0:
        raise InvalidInput("This file is empty.", field="file")
    name = (name.replace("\\", "/").rpartition("/")[2].replace("\0", "").strip() or _NAME_WHEN_EMPTY)[:NAME_MAX]
    job = jobs.create(session, JobKind.IMPORT, {"name": name, "size_bytes": size_bytes}, actor=actor, at=at)
    files.create(session, job, FilePurpose.UPLOAD, name, "text/csv", at=at)
    return job


def refuse_large(size_bytes: int) -> None:
    """:raises InvalidInput: a page does not take a file of this size"""
    if size_bytes > UPLOAD_BYTES_MAX:
        raise InvalidInput(
            "This file is larger than %(most)s MB. Use the command “assent contacts import”.",
            field="file",
            most=UPLOAD_BYTES_MAX // 1_000_000,
        )


def find(session: Session, job_id: int) -> BulkJob:
    """:raises NotFound: there is no such import"""
    job = jobs.find(session, job_id)
    if job.kind != JobKind.IMPORT:
        raise NotFound("Resource Not Found")
    return job


def find_draft(session: Session, job_id: int) -> BulkJob:
    """:raises NotFound: there is no such import, or it was started or canceled"""
    job = find(session, job_id)
    if job.state != JobState.DRAFT:
        raise NotFound("Resource Not Found")
    return job


def lock(session: Session, job_id: int) -> BulkJob:
    """An import that is a draft, locked.

    :raises NotFound: there is no such import
    :raises InvalidState: it was started or canceled
    """
    job = jobs.lock(session, find(session, job_id).id)
    if job.state != JobState.DRAFT:
        raise InvalidState("This import was started before.")
    return job


def newest(session: Session, *, before_id: int | None = None, limit: int) -> list[BulkJob]:
    """The newest imports, drafts included."""
    query = select(BulkJob).where(BulkJob.kind == JobKind.IMPORT)
    query = query.where(BulkJob.id < before_id) if before_id is not None else query
    return list(session.scalars(query.order_by(BulkJob.id.desc()).limit(limit)))


def upload_of(session: Session, job: BulkJob) -> JobFile:
    """The uploaded file of an import. :raises NotFound: it was deleted"""
    found = files.of_job(session, job.id, FilePurpose.UPLOAD)
    if not found:
        raise NotFound("Resource Not Found")
    return found[0]


def receive(session: Session, job: BulkJob, offset: int, data: bytes) -> int:
    """Add a slice of the file of a locked draft; returns how many bytes have arrived.

    A slice that was sent before, or comes too early, changes nothing: the sender goes on from what is returned.

    :raises InvalidInput: the slice is neither full nor the last one
    """
    file = files.lock(session, upload_of(session, job).id)
    if offset != file.size_bytes or is_uploaded(job):
        return file.size_bytes
    missing = job.parameters["size_bytes"] - offset
    if len(data) != min(missing, files.SLICE_BYTES_MAX):
        most = files.SLICE_BYTES_MAX
        raise InvalidInput("A slice has %(most)s bytes, except the last one.", field="file", most=most)
    files.append(session, file, data)
    return file.size_bytes


def receive_all(session: Session, job: BulkJob, chunks: Iterable[bytes]) -> None:
    """Add the whole file of a locked draft, from parts of any size."""
    file, waiting = upload_of(session, job), b""
    for part in chunks:
        waiting += part
        full = len(waiting) - len(waiting) % files.SLICE_BYTES_MAX
        files.append_all(session, file, waiting[:full])
        waiting = waiting[full:]
    files.append_all(session, file, waiting)


def is_uploaded(job: BulkJob) -> bool:
    """Whether the file is complete and was looked at."""
    return "setup" in job.parameters


def complete(session: Session, job: BulkJob, *, at: datetime) -> None:
    """Look at the complete file of a locked draft: encoding, separator, headings, and what the columns may be.

    A workbook of Excel becomes CSV. Where the encoding is not known, ``parameters["asks_encoding"]`` is true, and a
    usual one is taken until a person chooses.

    :raises InvalidState: the file is not complete
    :raises InvalidInput: it has no rows, or is no workbook
    :raises NotAvailable: it is a workbook, and the extra ``excel`` is not installed
    """
    file = upload_of(session, job)
    if file.size_bytes != job.parameters["size_bytes"]:
        raise InvalidState("The file has not arrived completely.")
    is_excel = excel.is_excel(files.slice_at(session, file.id, 0) or b"")
    if is_excel:
        file = _converted(session, job, file, at=at)
    detected = encodings.detect(parts(session, file, 0))
    layout = Layout(detected.encoding or encodings.USUAL, mark_bytes=detected.mark_bytes)
    sample = (files.slice_at(session, file.id, 0) or b"")[layout.mark_bytes :]
    layout = replace(layout, newline=reading.detect_newline(sample))
    layout = replace(layout, separator=reading.detect_separator(sample, layout))
    job.parameters = {**job.parameters, "asks_encoding": detected.encoding is None}
    _lay_out(session, job, file, layout, is_excel=is_excel)


def lay_out(session: Session, job: BulkJob, *, encoding: str, separator: str) -> None:
    """Read the file of a locked draft in another way. The fields of the columns are guessed again.

    :raises InvalidInput: the encoding or the separator is none of ours, or no row can be read so
    """
    if encoding not in encodings.ENCODINGS or separator not in reading.SEPARATORS:
        raise InvalidInput("Choose one of the list.", field="encoding")
    setup = setup_of(job.parameters)
    layout = replace(setup.layout, encoding=encoding, separator=separator)
    job.parameters = {**job.parameters, "asks_encoding": False}
    _lay_out(session, job, upload_of(session, job), layout, is_excel=setup.is_excel)


def discard(session: Session, job: BulkJob, *, actor: str, at: datetime) -> None:
    """Delete the files of a locked draft and of its dry run, and end it. Nothing was imported."""
    check = session.get(BulkJob, job.parameters.get("check") or 0)
    if check is not None and check.state in jobs.UNFINISHED:
        jobs.request_cancel(session, jobs.lock(session, check.id), actor=actor, at=at)
    for each in (job, check):
        for purpose in FilePurpose:
            for file in files.of_job(session, each.id, purpose) if each else ():
                files.delete_one(session, file)
    jobs.request_cancel(session, job, actor=actor, at=at)


def decide(session: Session, job: BulkJob, columns: Sequence[Column], chosen: Options, *, at: datetime) -> None:
    """Keep what a person decided about a locked draft, once it is consistent.

    :raises InvalidInput: ``field`` is ``columns`` or names the option at fault
    """
    setup = setup_of(job.parameters)
    if len(columns) != len(setup.headings):
        raise InvalidInput("Decide about every column.", field="columns")
    refuse_mistakes(columns)
    options.refuse_mistakes(session, chosen, columns, at=at)
    _refuse_inverted(setup, columns, chosen)
    job.subscription_type_id = chosen.subscription_type_id if chosen.has_consents else None
    _set(job, replace(setup, columns=tuple(columns), options=chosen))


def start_check(session: Session, job: BulkJob, *, actor: str, at: datetime) -> BulkJob:
    """Start a dry run of a locked draft; returns it. An earlier one that still runs is canceled."""
    if (earlier := check_of(session, job)) is not None and earlier.state in jobs.UNFINISHED:
        jobs.request_cancel(session, jobs.lock(session, earlier.id), actor=actor, at=at)
    setup = setup_of(job.parameters)
    parameters = {"import": job.id, "name": job.parameters["name"], "setup": setup.as_json()}
    check = jobs.create(
        session, JobKind.IMPORT_CHECK, parameters, actor=actor, at=at, subscription_type_id=job.subscription_type_id
    )
    jobs.start(session, check, at=at)
    job.parameters = {**job.parameters, "check": check.id}
    return check


def check_of(session: Session, job: BulkJob) -> BulkJob | None:
    """The newest dry run of an import, of what is decided now; null where there is none."""
    check = session.get(BulkJob, job.parameters.get("check") or 0)
    return check if check and check.parameters["setup"] == job.parameters.get("setup") else None


def start(session: Session, job: BulkJob, *, at: datetime) -> None:
    """Hand a locked draft to the worker.

    :raises InvalidState: no dry run of what is decided now has come to its end
    """
    check = check_of(session, job)
    if check is None or check.state != JobState.DONE:
        raise InvalidState("Check the file first.")
    job.total = check.total
    jobs.start(session, job, at=at)


def _converted(session: Session, job: BulkJob, file: JobFile, *, at: datetime) -> JobFile:
    if file.size_bytes > excel.BYTES_MAX:
        raise InvalidInput("This workbook is too large. Save it as CSV.", field="file")
    data = b"".join(files.read(session, file))
    files.delete_one(session, file)
    made = files.create(session, job, FilePurpose.UPLOAD, file.name, "text/csv", at=at)
    receive_all(session, job, excel.as_csv(data))
    return made


def _lay_out(session: Session, job: BulkJob, file: JobFile, layout: Layout, *, is_excel: bool) -> None:
    found = list(islice(rows_from(session, file, layout, layout.mark_bytes, 1), SAMPLED + 1))
    if len(found) < 2:
        raise InvalidInput("This file has no rows below its headings.", field="file")
    head, *samples = found
    if head.problem or len(head.cells) > COLUMNS_MAX:
        raise InvalidInput("The first row must be headings, at most %(most)s.", field="file", most=COLUMNS_MAX)
    columns = headings.guess(head.cells, [row.cells for row in samples])
    chosen = Options(default_country=settings.get(session).default_country)
    if any(headings.is_inverted(each) for each, column in zip(head.cells, columns, strict=True) if _is_consent(column)):
        chosen = replace(chosen, yes_words=(), no_words=options.YES_WORDS)
    setup = Setup(file.id, layout, tuple(head.cells), head.end, head.number + 1, tuple(columns), chosen, is_excel)
    _set(job, setup)


def _refuse_inverted(setup: Setup, columns: Sequence[Column], chosen: Options) -> None:
    """:raises InvalidInput: "yes" in a column such as ``Unsubscribed from SMS`` would opt people in"""
    if chosen.consent != ConsentFrom.COLUMN:
        return
    consent = next(index for index, column in enumerate(columns) if _is_consent(column))
    plain_yes = set(options.YES_WORDS) - {"opted in", "opt in", "subscribed"}
    if headings.is_inverted(setup.headings[consent]) and (wrong := sorted(plain_yes & set(chosen.yes_words))):
        raise InvalidInput(
            "“%(word)s” in the column “%(heading)s” means that a person opted out.",
            field="yes_words",
            word=wrong[0],
            heading=setup.headings[consent],
        )


def _is_consent(column: Column) -> bool:
    return column.code == "consent"


def _set(job: BulkJob, setup: Setup) -> None:
    values: dict[str, Any] = setup.as_json()
    job.parameters = {**job.parameters, "setup": values}
