"""The chunks of an import and of its dry run.

Both run the same code. A dry run writes each chunk in a savepoint and rolls it back, so that what it reports is what
the import would do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import files, jobs, outcomes
from app.core.bulk.outcomes import Item
from app.core.errors import NotFound
from app.core.imports import consents, matching, numbers_ahead, planning, report, seen_files, writing
from app.core.imports.consents import Recorded
from app.core.imports.matching import Contacts
from app.core.imports.planning import Plan
from app.core.imports.reading import FileRow
from app.core.imports.reasons import Reason, Refusal
from app.core.imports.report import Report
from app.core.imports.rows import Row
from app.core.imports.rows_ahead import Chunks, ReadRow
from app.core.imports.seen import Seen
from app.core.imports.setup import Setup, setup_of
from app.db import overlapping_inserts
from app.models import BulkJob, ContactRole, JobFile, JobKind


def run(session: Session, job: BulkJob, at: datetime) -> bool:
    """Do the next chunk of an import, or of its dry run; true when no row is left.

    :raises NotFound: the file was deleted
    """
    setup = setup_of(job.parameters)
    file = session.get(JobFile, setup.file_id)
    if file is None:
        raise NotFound("The uploaded file was deleted.")
    found, chunks = report.of_job(job), Chunks(session, job, file, setup, at)
    chunk = chunks.current()
    if chunk.rows:
        following = chunks.begin_next(chunk)
        seen = seen_files.load(session, job) if _is_dry_run(job) else Seen()
        _do(_Chunk(session, job, setup, found, seen, at), chunk.read, lambda: chunks.read_ahead(following))
        last = chunk.rows[-1]
        job.position = {"offset": last.end, "number": last.number + 1, "report": found.as_json()}
    if chunk.is_last:
        _finish(session, job, file, found)
    return chunk.is_last


def _is_dry_run(job: BulkJob) -> bool:
    return job.kind == JobKind.IMPORT_CHECK


def _do(chunk: "_Chunk", read: list[ReadRow], meanwhile: Callable[[], None]) -> None:
    """:param meanwhile: called while the database writes"""
    session, job = chunk.session, chunk.job
    chunk.take(read)
    with _rolled_back(session) if _is_dry_run(job) else _kept(session):
        chunk.plan()
        counts = chunk.write(meanwhile)
    if _is_dry_run(job):
        seen_files.save(session, job, chunk.seen, at=chunk.at)
    report.append_refused(session, job, chunk.setup.headings, chunk.refused, at=chunk.at)
    for row, refusal in chunk.refused:
        chunk.report.add_refused(row, refusal)
        counts[refusal.reason] = counts.get(refusal.reason, 0) + 1
    jobs.add_outcomes(job, counts)


@dataclass
class _Chunk:
    """The rows of one chunk on their way: read, planned, written."""

    session: Session
    job: BulkJob
    setup: Setup
    report: Report
    seen: Seen
    at: datetime

    def __post_init__(self) -> None:
        self.refused: list[tuple[FileRow, Refusal]] = []
        self._read: list[tuple[FileRow, Row]] = []
        self._plans: list[Plan] = []

    def take(self, read: Sequence[ReadRow]) -> None:
        for row, found in read:
            if isinstance(found, Refusal):
                self.refused.append((row, found))
            else:
                self._read.append((row, found))

    def plan(self) -> None:
        found = matching.find(self.session, [row for _, row in self._read], self.job.id)
        tags = writing.Tags(self.session, actor=self.job.created_by, at=self.at)
        for each, row in self._read:
            try:
                self._plans.append(self._plan(row, found, tags))
            except Refusal as refusal:
                self.refused.append((each, refusal))
        writing.leave_out_present(self.session, self._plans)
        self.refused.sort(key=lambda refused: refused[0].number)

    def _plan(self, row: Row, found: Contacts, tags: writing.Tags) -> Plan:
        if self.seen.has(row):
            raise Refusal(Reason.DUPLICATE_IN_FILE)
        contact = found.match(row)
        plan = Plan(row, contact)
        if contact is None:
            if row.phone is None and not (row.values.get("external_id") or row.values.get("email")):
                raise Refusal(Reason.NO_IDENTITY)
            is_user = row.role == ContactRole.USER
            if is_user and not (row.values.get("external_id") or row.values.get("email")):
                raise Refusal(Reason.ROLE_INVALID)
            address = row.values.get("email") if is_user else None
            found.refuse_conflict({"external_id": row.values.get("external_id"), "email": address}, None)
        else:
            if self.seen.has_contact(contact.id):
                raise Refusal(Reason.DUPLICATE_IN_FILE)
            plan.changes = planning.changes_of(row, contact, self.setup.options.existing)
            found.refuse_conflict(plan.changes, contact.id)
        plan.tags = tags.ids(row.tags) if plan.takes_tags(self.setup.options.existing) else []
        self.seen.add(row, contact.id if contact else None)
        return plan

    def write(self, meanwhile: Callable[[], None]) -> dict[str, int]:
        """Write everything. Returns how many rows were changed or unchanged."""
        job, at = self.job, self.at
        evidence = consents.evidence_of(job, self.setup.options)
        writing.write_changed(self.session, self._plans, evidence, at=at)
        new = writing.number_new(self.session, self._plans)
        decided = consents.decide(self.session, job, self.setup.options, self._plans, new)
        with overlapping_inserts(self.session):  # nothing is read from here on
            writing.insert_new(self.session, self._plans, new, at=at)
            writing.tag(self.session, self._plans, actor=evidence.actor, at=at)
            recorded = consents.write(self.session, decided, at=at)
            counts = self._report(recorded)
            meanwhile()
        return counts

    def _report(self, recorded: Mapping[int, Recorded]) -> dict[str, int]:
        items: list[Item] = []
        counts = {jobs.CHANGED: 0, jobs.UNCHANGED: 0}
        for plan in self._plans:
            consent = recorded.get(plan.contact_id)
            is_changed = plan.is_new or plan.is_changed or bool(consent and consent.event_id)
            outcome = jobs.CHANGED if is_changed else jobs.UNCHANGED
            counts[outcome] += 1
            self.report.add_plan(plan)
            if consent is not None:
                self.report.add_consent(consent.outcome, consent.state)
            details = planning.details_of(plan) if is_changed else None
            items.append(Item(plan.contact_id, outcome, consent.event_id if consent else None, details))
        if not _is_dry_run(self.job):
            outcomes.keep(self.session, self.job, items)
        return counts


def _finish(session: Session, job: BulkJob, file: JobFile, found: Report) -> None:
    """Keep the report, and delete the files that are no longer needed, because they hold personal data."""
    numbers_ahead.close(job.id)
    job.total = job.done
    job.parameters = {**job.parameters, "report": found.as_json()}
    if job.kind == JobKind.IMPORT_CHECK:
        seen_files.delete(session, job)
    else:
        files.delete_one(session, file)


@contextmanager
def _rolled_back(session: Session) -> Iterator[None]:
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


@contextmanager
def _kept(_session: Session) -> Iterator[None]:
    yield
