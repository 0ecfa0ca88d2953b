"""Bulk jobs: many contacts subscribed or unsubscribed, with progress, result by reason, and undo."""

from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.bulk import changes, jobs
from app.core.bulk.changes import Change
from app.core.bulk.selection import Selection
from app.core.contacts import segments
from app.core.errors import InvalidInput, NotFound, named
from app.models import BulkJob, JobKind, JobState
from app.schemas.bulk_job import BulkChangeSchema, BulkJobSchema
from app.web.api import auth, ids
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("bulk jobs", __name__, description="Long changes of many contacts.")


@blueprint.post("/subscriptions/bulk", errors=(404, 409, 422))
@blueprint.arguments(BulkChangeSchema)
@blueprint.commit(BulkJobSchema, creates=True)
def create_bulk_change(session: Session, body: dict[str, Any]) -> BulkJob:
    """Subscribe or unsubscribe many contacts.

    The answer comes immediately; the job runs in the background, after earlier jobs. `subscribe` never reverses an
    opt-out: people who opted out and suppressed numbers are in `skipped`. With `dry_run` nothing changes; once the job
    is done, its counts say what would. A filter is applied while the job runs.
    """
    change = Change(
        JobKind(body["action"]),
        _selection(session, body),
        subscription_type_id=ids.number(body["subscription_type_id"]) or 0,
        note=body["source_note"] or "",
        is_dry_run=body["dry_run"],
    )
    return changes.create(session, change, actor=auth.caller().actor, at=clock.now())


@blueprint.get("/bulk_jobs/<job_id>", errors=(404,))
@blueprint.response(200, BulkJobSchema)
def find_bulk_job(job_id: str) -> BulkJob:
    """Find a bulk job by its id.

    `done` of `total` contacts are through: `changed`, `unchanged`, or `skipped` for a reason. `undo` has the same
    counts once the job is undone.
    """
    use_etag()
    return _started(jobs.find(auth.read_session(), ids.number(job_id) or 0))


@blueprint.post("/bulk_jobs/<job_id>/cancel", errors=(404, 409))
@blueprint.commit(BulkJobSchema)
def cancel_bulk_job(session: Session, job_id: str) -> BulkJob:
    """Cancel a bulk job that waits or runs.

    It stops within a second. What it changed until then stays, and can be undone.
    """
    job = _started(jobs.lock(session, ids.number(job_id) or 0))
    jobs.request_cancel(session, job, actor=auth.caller().actor, at=clock.now())
    return job


@blueprint.post("/bulk_jobs/<job_id>/undo", errors=(404, 409))
@blueprint.commit(BulkJobSchema)
def undo_bulk_job(session: Session, job_id: str) -> BulkJob:
    """Undo a bulk job that ended within 30 days.

    Each contact that the job changed gets its former state back, as a new event. Contacts who have acted since are left
    alone: the reasons are in `undo.skipped`. `invalid_state`: it has not ended, changed nothing, or ended too long ago.
    """
    job = _started(jobs.lock(session, ids.number(job_id) or 0))
    jobs.request_undo(session, job, actor=auth.caller().actor, at=clock.now())
    return job


def _selection(session: Session, body: dict[str, Any]) -> Selection:
    """:raises InvalidInput: the body has none or several of the fields that select contacts"""
    given = [name for name in ("contact_ids", "segment_id", "query") if body[name] is not None]
    if len(given) != 1:
        raise InvalidInput(
            "Give exactly one of contact_ids, segment_id and query.", field=(given or ["contact_ids"])[-1]
        )
    if body["contact_ids"] is not None:
        return {"contact_ids": body["contact_ids"]}
    if body["query"] is not None:
        return {"query": body["query"]}
    with named("segment_id"):
        segment = segments.find(session, body["segment_id"])
    return {"query": {"field": "segment_id", "operator": "=", "value": segment.public_id}}


def _started(job: BulkJob) -> BulkJob:
    """:raises NotFound: it is a draft, which only its page knows"""
    if job.state == JobState.DRAFT:
        raise NotFound("Resource Not Found")
    return job
