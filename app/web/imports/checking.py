"""The page of one import: its dry run with what would change, then its progress and what it did."""

from collections.abc import Callable

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.bulk import jobs
from app.core.errors import InvalidState, NotFound
from app.core.imports import drafts, report
from app.core.imports.setup import setup_of
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.models import BulkJob, JobState
from app.web import formatting
from app.web.i18n import sentence_of
from app.web.imports.blueprint import blueprint
from app.web.imports.shown import examples_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required


@blueprint.get("/imports/<int:job_id>")
@marketer_required
def import_page(job_id: int) -> ResponseReturnValue:
    """The dry run of a draft, or the import itself once it was started."""
    with read_only() as session:
        job = drafts.find(session, job_id)
        if job.state == JobState.DRAFT and not drafts.is_uploaded(job):
            return redirect(url_for("imports.new"), 303)
        check = drafts.check_of(session, job) if job.state == JobState.DRAFT else None
        if job.state == JobState.DRAFT and check is None:
            return redirect(url_for("imports.columns_page", job_id=job_id), 303)
        return _page(session, job, check)


@blueprint.post("/imports/<int:job_id>/start")
@marketer_required
def start(job_id: int) -> ResponseReturnValue:
    """Start the import that was checked."""

    def act(session: Session) -> None:
        drafts.start(session, drafts.lock(session, job_id), at=clock.now())

    return _act(act, job_id)


@blueprint.post("/imports/<int:job_id>/cancel")
@marketer_required
def cancel(job_id: int) -> ResponseReturnValue:
    """Stop the import after its chunk."""

    def act(session: Session) -> None:
        job = jobs.lock(session, drafts.find(session, job_id).id)
        jobs.request_cancel(session, job, actor=current_actor(), at=clock.now())

    return _act(act, job_id)


@blueprint.post("/imports/<int:job_id>/undo")
@marketer_required
def undo(job_id: int) -> ResponseReturnValue:
    """Undo what the import did."""

    def act(session: Session) -> None:
        job = jobs.lock(session, drafts.find(session, job_id).id)
        jobs.request_undo(session, job, actor=current_actor(), at=clock.now())

    return _act(act, job_id)


@blueprint.get("/imports/<int:job_id>/refused-rows")
@marketer_required
def refused_rows(job_id: int) -> Response:
    """The refused rows of an import, or of its dry run, as a file."""
    with read_only() as session:
        job = drafts.find(session, job_id)
        of = drafts.check_of(session, job) if job.state == JobState.DRAFT else job
        file = report.refused_file(session, of) if of else None
        if file is None:
            raise NotFound("Resource Not Found")
        answer = Response(report.refused_data(session, file), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{report.REFUSED_NAME}"'
    return answer


def _act(act: Callable[[Session], None], job_id: int) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            act(session)
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return redirect(url_for("imports.import_page", job_id=job_id), 303)


def _page(session: Session, job: BulkJob, check: BulkJob | None) -> str:
    of = check or job
    found, setup = report.of_job(of), setup_of(of.parameters)
    types = {each.id: each for each in subscription_types.find_all(session)}
    at = clock.now()
    return render_template(
        "imports/import.html",
        job=job,
        of=of,
        is_check=check is not None,
        is_unfinished=of.state in jobs.UNFINISHED,
        may_undo=jobs.may_undo(job, at=at),
        undo_until=job.finished_at + jobs.UNDO_WITHIN if job.finished_at else None,
        report=found,
        examples=examples_of(session, setup, found),
        setup=setup,
        has_refused_file=report.refused_file(session, of) is not None,
        subscription_type=types.get(setup.options.subscription_type_id or 0),
        names=formatting.agent_names(session),
        time_zone=settings.get(session).time_zone,
    )
