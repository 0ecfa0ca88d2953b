"""The steps before a bulk change: the contacts, the type or tag, the preview, and where the consent comes from."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, StringField, TextAreaField

from app.core import clock
from app.core.bulk import changes, drafts
from app.core.contacts import tags
from app.core.errors import InvalidInput
from app.core.workspace import settings
from app.models import BulkJob, JobKind
from app.schemas.entry import BadValue, read_json
from app.web import ids
from app.web.bulk.blueprint import blueprint
from app.web.bulk.shown import selection_of, shown
from app.web.formkit import Form, accepted, choices, text
from app.web.i18n import lazy_gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required


class ChoiceForm(Form):
    """The type of a change of consents, or the tag."""

    subscription_type_id = RadioField(lazy_gettext("Subscription type"), choices=[], validate_choice=False)
    tag = StringField(lazy_gettext("Tag"), filters=[text])


class NoteForm(Form):
    source_note = TextAreaField(lazy_gettext("Where does this consent come from?"), filters=[text])


@dataclass(frozen=True)
class DraftForms:
    """The forms of a draft's page; one of them may have been sent and have mistakes."""

    choice: ChoiceForm | None = None
    note: NoteForm | None = None


@blueprint.post("/contacts/bulk")
@marketer_required
def choose() -> ResponseReturnValue:
    """Keep the contacts that were selected in the list, and go on to the first step."""
    try:
        kind, selected = _kind(), _selection()
        with unit_of_work() as session:
            job_id = drafts.begin(session, kind, selected, actor=current_actor(), at=clock.now()).id
    except InvalidInput as error:
        flash(sentence_of(error), "warning")
        filters = request.form.get("filter") or None
        return redirect(url_for("contacts.list_page", filter=filters, q=request.form.get("q") or None), 303)
    return redirect(url_for("bulk.job_page", job_id=job_id), 303)


@blueprint.post("/bulk/<int:job_id>/choice")
@marketer_required
def choose_subject(job_id: int) -> ResponseReturnValue:
    """Set the type or tag, and count what would change."""
    form = ChoiceForm()
    return accepted(form, partial(_chosen, job_id=job_id)) or (draft_page(job_id, DraftForms(choice=form)), 422)


@blueprint.post("/bulk/<int:job_id>/start")
@marketer_required
def start(job_id: int) -> ResponseReturnValue:
    form = NoteForm()
    return accepted(form, partial(_started, job_id=job_id)) or (draft_page(job_id, DraftForms(note=form)), 422)


def draft_page(job_id: int, forms: DraftForms | None = None) -> str:
    """The page of a draft: the choice of a type or tag, else the preview.

    :param forms: those that were sent
    """
    forms = forms or DraftForms()
    with read_only() as session:
        draft = drafts.find(session, job_id)
        preview = drafts.preview_of(session, draft)
        is_choosing = forms.choice is not None or request.args.get("step") == "choose"
        if preview is None or (is_choosing and draft.kind != JobKind.ARCHIVE):
            return _choice_page(session, draft, forms.choice)
        return _preview_page(session, draft, preview, forms.note)


def _choice_page(session: Session, draft: BulkJob, form: ChoiceForm | None) -> str:
    kind = JobKind(draft.kind)
    types = changes.types_for(session, kind) if kind in changes.OF_CONSENT else []
    form = form or ChoiceForm(formdata=None, data=_chosen_before(draft))
    form.subscription_type_id.choices = choices([(str(each.id), each.name) for each in types])
    return render_template(
        "bulk/choose.html",
        draft=draft,
        selection=selection_of(session, draft),
        form=form,
        types={str(each.id): each for each in types},
        tags=tags.find_all(session) if kind in {JobKind.TAG, JobKind.UNTAG} else [],
    )


def _preview_page(session: Session, draft: BulkJob, preview: BulkJob, form: NoteForm | None) -> str:
    at = clock.now()
    return render_template(
        "bulk/preview.html",
        draft=draft,
        job=shown(session, draft, at=at),
        selection=selection_of(session, draft),
        preview=shown(session, preview, at=at),
        examples=drafts.examples(session, preview),
        form=form or NoteForm(formdata=None),
        needs_note=draft.kind in changes.OF_CONSENT,
        note_max=changes.NOTE_MAX,
        time_zone=settings.get(session).time_zone,
    )


def _chosen(form: ChoiceForm, job_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        drafts.choose(
            session,
            drafts.lock(session, job_id),
            subscription_type_id=ids.parse_id(form.subscription_type_id.data),
            tag=form.tag.data or None,
            at=clock.now(),
        )
    return redirect(url_for("bulk.job_page", job_id=job_id), 303)


def _started(form: NoteForm, job_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        draft = drafts.lock(session, job_id)
        drafts.start(session, draft, form.source_note.data or "", actor=current_actor(), at=clock.now())
    return redirect(url_for("bulk.job_page", job_id=job_id), 303)


def _kind() -> JobKind:
    action = request.form.get("action", "")
    if action not in changes.KINDS:
        raise InvalidInput("Choose what to do with the contacts.", field="action")
    return JobKind(action)


def _selection() -> dict[str, Any]:
    """The contacts that were selected: by their ids, or all that match the list's filter and search.

    :raises InvalidInput: none is selected, or the filter is not valid
    """
    if request.form.get("all"):
        return {"query": _filter(), "q": request.form.get("q", "")}
    contact_ids = request.form.getlist("contact")
    if not contact_ids:
        raise InvalidInput("Select at least one contact.", field="contact")
    return {"contact_ids": contact_ids}


def _filter() -> Any:
    typed = request.form.get("filter", "").strip()
    if not typed:
        return None
    try:
        return read_json(typed.encode())
    except BadValue:
        raise InvalidInput("This filter is not valid.", field="filter") from None


def _chosen_before(draft: BulkJob) -> dict[str, Any]:
    return {"subscription_type_id": str(draft.subscription_type_id or ""), "tag": draft.parameters.get("tag")}
