"""Bulk jobs: many contacts subscribed or unsubscribed, with progress, result by reason, and undo."""

from sqlalchemy.orm import Session

from app.core import clock
from app.core.bulk import jobs
from app.core.errors import NotFound
from app.models import BulkJob, JobState
from app.schemas.bulk_job import BulkJobSchema
from app.web.api import auth, ids
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("bulk jobs", __name__, description="Long changes of many contacts.")


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


def _started(job: BulkJob) -> BulkJob:
    """:raises NotFound: it is a draft, which only its page knows"""
    if job.state == JobState.DRAFT:
        raise NotFound("Resource Not Found")
    return job
