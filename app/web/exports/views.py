"""The page of exports: start one, see how far it is, stop it, download its file."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField

from app.core import clock
from app.core.bulk import jobs as bulk_jobs
from app.core.contacts import segments
from app.core.errors import InvalidInput
from app.core.exports import jobs
from app.core.exports.parts import Export, Format, What
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import BulkJob, JobFile, JobState
from app.schemas.entry import BadValue, read_json
from app.web import csv_file, formatting, ids
from app.web.formkit import Form, accepted, choices
from app.web.i18n import gettext, lazy_gettext
from app.web.services import database, read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

PAGE_SIZE = 25
WHATS = {
    What.CONTACTS: translatable("Contacts: profile, tags, attributes and the state of each subscription"),
    What.CONSENTS: translatable("Consents: each one, also those for earlier numbers"),
    What.EVENTS: translatable("Events: the ledger with its evidence"),
    What.TEXTS: translatable("Texts: what people saw, as the events refer to it"),
    What.SMS: translatable("SMS messages: each text in and out, with its words, except codes"),
}
NAMES = {
    What.CONTACTS: translatable("Contacts"),
    What.CONSENTS: translatable("Consents"),
    What.EVENTS: translatable("Events"),
    What.TEXTS: translatable("Texts"),
    What.SMS: translatable("SMS messages"),
}
_FORMATS = {
    Format.CSV: translatable("CSV, for spreadsheets and for importing it again"),
    Format.JSONL: translatable("JSON lines, for programs"),
}
blueprint = Blueprint("exports", __name__)


class ExportForm(Form):
    what = RadioField(lazy_gettext("What to export"))
    format = RadioField(lazy_gettext("File format"))
    segment = SelectField(lazy_gettext("Contacts"), validate_choice=False)


@dataclass(frozen=True)
class Chosen:
    """The contacts that the list of contacts sent here, as its fields; empty: all contacts, or those of a segment."""

    contact_ids: tuple[str, ...] = ()
    filter: str = ""
    q: str = ""

    def __bool__(self) -> bool:
        return bool(self.contact_ids or self.filter or self.q)

    def selection(self, segment: str) -> dict[str, Any]:
        """As ``core/bulk/selection.py`` takes it. :raises InvalidInput: the filter is no JSON"""
        if self.contact_ids:
            return {"contact_ids": list(self.contact_ids)}
        if segment and not self:
            return {"query": {"field": "segment_id", "operator": "=", "value": segment}}
        try:
            return {"query": read_json(self.filter.encode()) if self.filter else None, "q": self.q}
        except BadValue:
            raise InvalidInput("This filter is not valid.", field="filter") from None


@dataclass(frozen=True)
class Shown:
    """One export. ``file`` is null until it is complete, and after it was deleted."""

    job: BulkJob
    name: str
    file: JobFile | None

    @property
    def is_unfinished(self) -> bool:
        return self.job.state in bulk_jobs.UNFINISHED


@blueprint.get("/exports")
@marketer_required
def list_page() -> str:
    """The exports, newest first, and the form for another one."""
    return _page(_form(formdata=None, data={"what": What.CONTACTS.value, "format": Format.CSV.value}))


@blueprint.post("/exports")
@marketer_required
def create() -> ResponseReturnValue:
    """Start an export. Without fields it is one of all contacts as CSV."""
    form = _form(data={"what": What.CONTACTS.value, "format": Format.CSV.value})
    return accepted(form, _start) or (_page(form), 422)


@blueprint.post("/exports/<int:job_id>/cancel")
@marketer_required
def cancel(job_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        jobs.find(session, job_id)
        locked = bulk_jobs.lock(session, job_id)
        bulk_jobs.request_cancel(session, locked, actor=current_actor(), at=clock.now())
    return redirect(url_for("exports.list_page"), 303)


@blueprint.post("/exports/<int:job_id>/file")
@marketer_required
def download(job_id: int) -> ResponseReturnValue:
    """The file, sent slice by slice. The download is noted in the audit log, so it is no GET."""
    with unit_of_work() as session:
        file = jobs.download(session, job_id, actor=current_actor(), at=clock.now())
        name, media_type, size = file.name, file.media_type, file.size_bytes
        slices = jobs.read(database(), file.id, file.slices)
    answer = csv_file.streamed(name, media_type, slices)
    answer.content_length = size
    return answer


def _start(form: ExportForm) -> ResponseReturnValue:
    selection = _chosen().selection(form.segment.data or "")
    export = Export(What(form.what.data), Format(form.format.data), selection)
    with unit_of_work() as session:
        jobs.start(session, export, actor=current_actor(), at=clock.now())
    return redirect(url_for("exports.list_page"), 303)


def _form(**values: Any) -> ExportForm:
    form = ExportForm(**values)
    form.what.choices = choices([(each.value, gettext(words)) for each, words in WHATS.items()])
    form.format.choices = choices([(each.value, gettext(words)) for each, words in _FORMATS.items()])
    with read_only() as session:
        found = [(each.public_id, each.name) for each in segments.find_all(session)]
    form.segment.choices = choices([("", gettext("All contacts")), *found])
    return form


def _page(form: ExportForm) -> str:
    before = request.args.get("before", type=ids.whole_number)
    with read_only() as session:
        found = jobs.newest(session, before_id=before, limit=PAGE_SIZE + 1)
        exports = _shown(session, found[:PAGE_SIZE])
        return render_template(
            "exports/list.html",
            form=form,
            chosen=_chosen(),
            exports=exports,
            is_unfinished=any(each.is_unfinished for each in exports),
            is_first=before is None,
            next_before=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
            names=formatting.actor_names(session),
            done_state=JobState.DONE,
            time_zone=settings.get(session).time_zone,
        )


def _shown(session: Session, found: list[BulkJob]) -> list[Shown]:
    files = jobs.finished_files(session, found)
    return [Shown(job, NAMES[jobs.of_job(job).what], files.get(job.id)) for job in found]


def _chosen() -> Chosen:
    """From the fields of the list of contacts, in the form or in the address."""
    values = request.values
    is_all = bool(values.get("all"))
    contact_ids = () if is_all else tuple(values.getlist("contact"))
    return Chosen(contact_ids, values.get("filter", "").strip(), values.get("q", "").strip())
