"""People who asked that their data be deleted: marketers erase the contact, or refuse with a note."""

from functools import partial

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import TextAreaField

from app.core import clock, phone
from app.core.errors import InvalidState
from app.core.preferences import erasure_requests
from app.core.workspace import settings
from app.web.contacts.blueprint import blueprint
from app.web.formkit import Form, accepted, text
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor, marketer_required


class RefusalForm(Form):
    note = TextAreaField(lazy_gettext("Why is it refused?"), filters=[text])


@blueprint.get("/deletion-requests")
@agent_required
def deletion_requests() -> str:
    return _page()


@blueprint.post("/deletion-requests/<int:request_id>/erase")
@marketer_required
def erase_on_request(request_id: int) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            erasure_requests.erase(session, request_id, actor=current_actor(), at=clock.now())
        flash(gettext("The contact is erased."))
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return redirect(url_for("contacts.deletion_requests"), 303)


@blueprint.post("/deletion-requests/<int:request_id>/refuse")
@marketer_required
def refuse_deletion(request_id: int) -> ResponseReturnValue:
    form = RefusalForm(prefix=_prefix(request_id))
    return accepted(form, partial(_refused, request_id=request_id)) or (_page(request_id, form), 422)


@blueprint.app_template_global()
def deletion_request_count() -> int:
    """How many requests the navigation announces; read once a request, however often it is shown."""
    if "deletion_request_count" not in g:
        with read_only() as session:
            g.deletion_request_count = erasure_requests.count_open(session)
    return int(g.deletion_request_count)


def _refused(form: RefusalForm, request_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        erasure_requests.refuse(session, request_id, form.note.data or "", actor=current_actor(), at=clock.now())
    flash(gettext("The request is refused. Tell the person why: Assent does not write to them."))
    return redirect(url_for("contacts.deletion_requests"), 303)


def _page(refused_id: int | None = None, refused: RefusalForm | None = None) -> str:
    """The list; one of its forms may have been sent and have mistakes."""
    at = clock.now()
    with read_only() as session:
        found = erasure_requests.open_requests(session)
        forms = {each.request.id: RefusalForm(formdata=None, prefix=_prefix(each.request.id)) for each in found}
        if refused_id in forms and refused is not None:
            forms[refused_id] = refused
        workspace = settings.get(session)
        return render_template(
            "contacts/deletion_requests.html",
            found=found,
            forms=forms,
            at=at,
            is_taken=workspace.erasure_requests,
            due_days=workspace.erasure_due_days,
            note_max=erasure_requests.NOTE_MAX,
            time_zone=workspace.time_zone,
            formatted=phone.formatted,
        )


def _prefix(request_id: int) -> str:
    return f"request-{request_id}-"
