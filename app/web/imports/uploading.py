"""The upload of a file to import: in slices by a script, which goes on after an interruption; else by a plain form."""

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.core import clock
from app.core.accounts.rights import Right
from app.core.bulk import files, jobs
from app.core.errors import AssentError, InvalidInput, InvalidState, NotAvailable
from app.core.imports import drafts
from app.models import BulkJob
from app.web import errors, ids
from app.web.i18n import gettext, sentence_of
from app.web.imports import labels
from app.web.imports.blueprint import blueprint
from app.web.services import unit_of_work
from app.web.sign_in.setup import current_actor, current_agent, marketer_required

# Without scripts a file is one request (``MAX_REQUEST_BYTES`` in ``app/__init__.py``), with some room for its frame.
PLAIN_BYTES_MAX = 900_000
_REFUSED = (InvalidInput, InvalidState, NotAvailable)


@blueprint.get("/imports/new")
@marketer_required
def new() -> str:
    return _page()


@blueprint.post("/imports/new")
@marketer_required
def upload() -> ResponseReturnValue:
    """Take a whole file of at most ``PLAIN_BYTES_MAX``."""
    sent = request.files.get("file")
    data = sent.read() if sent else b""
    if not data:
        return _page(gettext("Choose a file.")), 422
    try:
        with unit_of_work() as session:
            actor, at = current_actor(), clock.now()
            job = drafts.create(session, (sent.filename if sent else "") or "", len(data), actor=actor, at=at)
            drafts.receive_all(session, job, [data])
            drafts.complete(session, job, at=at)
            job_id = job.id
    except _REFUSED as error:
        return _page(sentence_of(error)), 422
    return redirect(url_for("imports.columns_page", job_id=job_id), 303)


@blueprint.errorhandler(413)
def too_large(error: HTTPException) -> ResponseReturnValue:
    """Name the limit beside the field: the body of a larger file was not read."""
    agent = current_agent()
    if request.endpoint != "imports.upload" or agent is None or not agent.may(Right.MARKETING):
        return errors.respond(error)
    most = labels.file_size(PLAIN_BYTES_MAX)
    return _page(gettext("Without scripts a file of up to %(size)s can be sent.", size=most)), 413


@blueprint.post("/imports/uploads")
@marketer_required
def begin() -> ResponseReturnValue:
    """Begin an upload in slices. Answers its address, and the size of a slice."""
    size_bytes = request.form.get("size", type=ids.whole_number) or 0
    try:
        drafts.refuse_large(size_bytes)
        with unit_of_work() as session:
            actor, at = current_actor(), clock.now()
            job = drafts.create(session, request.form.get("name", ""), size_bytes, actor=actor, at=at)
            return jsonify(_addresses(job) | {"slice_bytes": files.SLICE_BYTES_MAX, "received": 0})
    except InvalidInput as error:
        return _refused(error)


@blueprint.post("/imports/<int:job_id>/slices")
@marketer_required
def receive(job_id: int) -> ResponseReturnValue:
    """Take one slice, the bytes of the body, that begins at ``?offset=``. Answers how many bytes have arrived."""
    offset = request.args.get("offset", type=ids.whole_number) or 0
    try:
        with unit_of_work() as session:
            received = drafts.receive(session, drafts.lock(session, job_id), offset, request.get_data())
    except _REFUSED as error:
        return _refused(error)
    return jsonify({"received": received})


@blueprint.post("/imports/<int:job_id>/complete")
@marketer_required
def complete(job_id: int) -> ResponseReturnValue:
    """Look at the file once all of it has arrived. Answers the address of the next page."""
    try:
        with unit_of_work() as session:
            job = drafts.lock(session, job_id)
            if not drafts.is_uploaded(job):
                drafts.complete(session, job, at=clock.now())
    except _REFUSED as error:
        return _refused(error)
    return jsonify({"next": url_for("imports.columns_page", job_id=job_id)})


@blueprint.post("/imports/<int:job_id>/discard")
@marketer_required
def discard(job_id: int) -> ResponseReturnValue:
    """Delete a draft's file, and end it."""
    try:
        with unit_of_work() as session:
            drafts.discard(session, drafts.lock(session, job_id), actor=current_actor(), at=clock.now())
        flash(gettext("The file is deleted. Nothing was imported."))
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return redirect(url_for("imports.list_page"), 303)


def _page(problem: str = "") -> str:
    return render_template(
        "imports/new.html",
        problem=problem,
        plain_bytes_max=PLAIN_BYTES_MAX,
        bytes_max=drafts.UPLOAD_BYTES_MAX,
        undo_days=jobs.UNDO_WITHIN.days,
    )


def _addresses(job: BulkJob) -> dict[str, str]:
    return {
        "slices": url_for("imports.receive", job_id=job.id),
        "complete": url_for("imports.complete", job_id=job.id),
    }


def _refused(error: AssentError) -> ResponseReturnValue:
    return jsonify({"problem": sentence_of(error)}), 422
