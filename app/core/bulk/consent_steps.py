"""The chunks of the jobs that subscribe and unsubscribe contacts, and of their undo."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import outcomes, selection
from app.core.bulk.outcomes import Item
from app.core.consent import set_changes, set_undo
from app.core.consent.set_changes import Result, SetChange, Statement
from app.core.consent.set_undo import Done
from app.core.ledger.evidence import Evidence
from app.models import BulkJob, ConsentState, EvidenceLevel, JobKind, Source, SubscriptionType

# So many contacts take about 0.2 seconds, for which other writers wait on SQLite.
CHUNK = 4_000
_STATES = {JobKind.SUBSCRIBE: ConsentState.OPTED_IN, JobKind.UNSUBSCRIBE: ConsentState.OPTED_OUT}


def change(session: Session, job: BulkJob, at: datetime) -> bool:
    """Opt the next contacts in or out, or preview that in a dry run. True: nothing is left."""
    ids = selection.next_chunk(session, job, CHUNK)
    if ids:
        asked = SetChange(
            _STATES[JobKind(job.kind)],
            _type_of(session, job),
            _evidence(job, job.created_by, job.parameters.get("note")),
        )
        statements = [Statement(each) for each in ids]
        if job.is_reading:
            results = set_changes.preview(session, asked, statements)
        else:
            results = set_changes.apply(session, asked, statements, at=at)
        outcomes.record(session, job, [_item(each) for each in results])
    return len(ids) < CHUNK


def undo(session: Session, job: BulkJob, at: datetime) -> bool:
    """Restore the consents of the next contacts that the job changed. True: nothing is left."""
    rows = outcomes.next_changed(session, job, CHUNK)
    if rows:
        results = restore(
            session, job, _type_of(session, job), [Done(row.contact_id, row.event_id) for row in rows], at=at
        )
        outcomes.record_undo(session, job, [Item(each.contact_id, each.outcome, each.event_id) for each in results])
    return len(rows) < CHUNK


def restore(
    session: Session, job: BulkJob, subscription_type: SubscriptionType, done: Sequence[Done], *, at: datetime
) -> list[Result]:
    """Undo what a job did with the consents of some contacts, in the name of who asked for the undo."""
    evidence = _evidence(job, str((job.undo or {})["by"]), None)
    return set_undo.undo(session, subscription_type, done, evidence, at=at)


def _type_of(session: Session, job: BulkJob) -> SubscriptionType:
    return session.get_one(SubscriptionType, job.subscription_type_id, populate_existing=True)


def _evidence(job: BulkJob, actor: str, note: str | None) -> Evidence:
    details = {"bulk_job": job.id}
    return Evidence(Source.BULK, actor, EvidenceLevel.REPORTED, note=note or None, details=details)


def _item(result: Result) -> Item:
    return Item(result.contact_id, result.outcome, result.event_id)
