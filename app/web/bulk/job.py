"""The page of one bulk job: its progress, what it did, and what can be done with it."""

from collections.abc import Callable

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.bulk import drafts, jobs
from app.core.errors import InvalidState, NotFound
from app.core.workspace import settings
from app.models import BulkJob, JobState
from app.web import formatting
from app.web.bulk.blueprint import blueprint
from app.web.bulk.choosing import draft_page
from app.web.bulk.shown import own_page, selection_of, shown
from app.web.i18n import sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required


@blueprint.get("/bulk/<int:job_id>")
@marketer_required
def job_page(job_id: int) -> ResponseReturnValue:
    """A job that was started; of a draft, the step that comes next. Imports and exports have their own pages."""
    with read_only() as session:
        job = jobs.find(session, job_id)
        if address := own_page(job):
            return redirect(address, 303)
        if not drafts.is_draft(job):
            return _page(session, job)
    return draft_page(job_id)


@blueprint.get("/bulk/<int:job_id>/progress")
@marketer_required
def progress(job_id: int) -> str:
    """The part of the page that changes while a job runs. Its attribute ``data-unfinished`` is gone at the end."""
    with read_only() as session:
        return render_template("bulk/_progress.html", job=shown(session, jobs.find(session, job_id), at=clock.now()))


@blueprint.post("/bulk/<int:job_id>/cancel")
@marketer_required
def cancel(job_id: int) -> ResponseReturnValue:
    return _act(job_id, jobs.request_cancel)


@blueprint.post("/bulk/<int:job_id>/undo")
@marketer_required
def undo(job_id: int) -> ResponseReturnValue:
    return _act(job_id, jobs.request_undo)


@blueprint.post("/bulk/<int:job_id>/retry")
@marketer_required
def retry(job_id: int) -> ResponseReturnValue:
    return _act(job_id, jobs.retry)


def _act(job_id: int, act: Callable[..., None]) -> ResponseReturnValue:
    """Do something with a job. What its state does not allow any more is said on the page."""
    try:
        with unit_of_work() as session:
            act(session, jobs.lock(session, job_id), actor=current_actor(), at=clock.now())
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return redirect(url_for("bulk.job_page", job_id=job_id), 303)


def _page(session: Session, job: BulkJob) -> str:
    if job.state == JobState.DRAFT or job.parameters.get("dry_run"):
        raise NotFound("Resource Not Found")
    return render_template(
        "bulk/job.html",
        job=shown(session, job, at=clock.now()),
        selection=selection_of(session, job),
        names=formatting.actor_names(session),
        undo_until=job.finished_at + jobs.UNDO_WITHIN if job.finished_at else None,
        time_zone=settings.get(session).time_zone,
    )
