"""A bulk change before it is started: the contacts, then the type or tag with a preview, then the note.

A draft is a row of ``bulk_jobs`` in the state ``draft``. Its preview is another job, a dry run of the same change.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from app.core.bulk import changes, jobs, selection
from app.core.bulk.changes import Change
from app.core.bulk.selection import Selection
from app.core.contacts import records
from app.core.errors import NotFound
from app.models import BulkJob, Contact, JobKind, JobState

PREVIEW = "preview"
# So many contacts are counted while the reader waits.
COUNTED_AT_ONCE = 2_000


def begin(session: Session, kind: JobKind, selected: Selection, *, actor: str, at: datetime) -> BulkJob:
    """Create a draft with the contacts of a change. A change that needs no choice gets its preview.

    :raises InvalidInput: the contacts cannot be selected (``selection.check``)
    """
    selection.check(session, selected)
    draft = jobs.create(session, kind, {"selection": dict(selected)}, actor=actor, at=at)
    if kind == JobKind.ARCHIVE:
        choose(session, draft, at=at)
    return draft


def find(session: Session, job_id: int) -> BulkJob:
    """A draft of a bulk change. :raises NotFound: there is none, or it was started already"""
    return _of_draft(jobs.find(session, job_id))


def lock(session: Session, job_id: int) -> BulkJob:
    """As ``find``, locked."""
    return _of_draft(jobs.lock(session, job_id))


def is_draft(job: BulkJob) -> bool:
    """Whether a job is a draft of a bulk change; imports have their own drafts."""
    return job.state == JobState.DRAFT and job.kind in changes.KINDS


def choose(
    session: Session,
    draft: BulkJob,
    *,
    subscription_type_id: int | None = None,
    tag: str | None = None,
    at: datetime,
) -> BulkJob:
    """Set the type or tag of a locked draft, and count what would change. Returns the preview.

    A preview of at most ``COUNTED_AT_ONCE`` contacts is done, a larger one is queued.


    :raises InvalidInput: as ``changes.create``
    """
    change = Change(
        JobKind(draft.kind),
        draft.parameters["selection"],
        subscription_type_id=subscription_type_id,
        tag=tag,
        is_dry_run=True,
    )
    preview = changes.create(session, change, actor=draft.created_by, at=at)
    if len(selection.next_ids(session, change.selection, 0, COUNTED_AT_ONCE + 1)) <= COUNTED_AT_ONCE:
        run_now(session, preview, at=at)
    draft.subscription_type_id = preview.subscription_type_id
    draft.parameters = {**changes.parameters_of(replace(change, is_dry_run=False)), PREVIEW: preview.id}
    session.flush()
    return preview


def preview_of(session: Session, draft: BulkJob) -> BulkJob | None:
    """The newest dry run of a draft; null before anything was chosen."""
    preview_id = draft.parameters.get(PREVIEW)
    return None if preview_id is None else jobs.find(session, preview_id)


def examples(session: Session, preview: BulkJob) -> dict[str, list[Contact]]:
    """Some contacts of each outcome of a dry run that has ended."""
    ids: dict[str, list[int]] = preview.position.get("examples", {})
    found = records.find_by_ids(session, {each for some in ids.values() for each in some})
    return {outcome: [found[each] for each in some if each in found] for outcome, some in ids.items()}


def start(session: Session, draft: BulkJob, note: str, *, actor: str, at: datetime) -> None:
    """Start the change of a locked draft: it becomes the job. The actor is who starts it.

    :raises InvalidInput: as ``changes.create``
    """
    change = Change(
        JobKind(draft.kind),
        draft.parameters["selection"],
        subscription_type_id=draft.subscription_type_id,
        tag=draft.parameters.get("tag"),
        note=note,
    )
    changes.check(session, change)
    draft.parameters = changes.parameters_of(change)
    draft.created_by, draft.created_at = actor, at
    jobs.start(session, draft, at=at)


def run_now(session: Session, job: BulkJob, *, at: datetime) -> None:
    """Run a whole job of few contacts in the transaction that created it, so that no worker sees it."""
    step = changes.STEPS[JobKind(job.kind)].run
    job.started_at = at
    while not step(session, job, at):
        pass
    jobs.finish(job, JobState.DONE, at=at)
    session.flush()


def _of_draft(job: BulkJob) -> BulkJob:
    if not is_draft(job):
        raise NotFound("Resource Not Found")
    return job
