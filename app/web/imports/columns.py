"""What the columns of an uploaded file are, and what the import does with consents and existing contacts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import wtforms
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock, phone, wording
from app.core.errors import AssentError, InvalidInput
from app.core.imports import drafts, encodings, previews
from app.core.imports.dates import DateOrder
from app.core.imports.fields import ATTRIBUTE_TYPES, FIELD_NAMES, Column, Field, column_of
from app.core.imports.options import NOTE_MAX, ConsentFrom, Existing, Options, words_of
from app.core.imports.setup import Setup, setup_of
from app.core.subscriptions import subscription_types
from app.models import BulkJob, ConsentState
from app.web import ids
from app.web.formkit import Form, accepted, choices, text
from app.web.i18n import current_locale, gettext, lazy_gettext, sentence_of
from app.web.imports.blueprint import blueprint
from app.web.imports.labels import SEPARATOR_NAMES
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

SAMPLES_SHOWN = 3


class OptionsForm(Form):
    default_country = wtforms.SelectField(lazy_gettext("Country of numbers without a country code"), choices=[])
    existing = wtforms.RadioField(
        lazy_gettext("Contacts that exist already"),
        choices=choices(
            [
                (Existing.FILL, lazy_gettext("Fill in what is empty")),
                (Existing.OVERWRITE, lazy_gettext("Overwrite with the file")),
                (Existing.LEAVE, lazy_gettext("Leave them as they are")),
            ]
        ),
    )
    date_order = wtforms.SelectField(
        lazy_gettext("Dates like 03/04/2025"),
        choices=choices(
            [
                (DateOrder.UNKNOWN, lazy_gettext("Refuse rows where it is not clear")),
                (DateOrder.DAY_FIRST, lazy_gettext("The day comes first")),
                (DateOrder.MONTH_FIRST, lazy_gettext("The month comes first")),
            ]
        ),
    )
    consent = wtforms.RadioField(
        lazy_gettext("Consents to import"),
        choices=choices(
            [
                (ConsentFrom.NOWHERE, lazy_gettext("Import no consents")),
                (ConsentFrom.ALL, lazy_gettext("The same for all rows")),
                (ConsentFrom.COLUMN, lazy_gettext("As a column says")),
            ]
        ),
    )
    subscription_type_id = wtforms.SelectField(lazy_gettext("Subscription type"), choices=[], validate_choice=False)
    state = wtforms.SelectField(
        lazy_gettext("State for all rows"),
        choices=choices(
            [
                (ConsentState.OPTED_IN, lazy_gettext("Opted in")),
                (ConsentState.OPTED_OUT, lazy_gettext("Opted out")),
            ]
        ),
    )
    yes_words = wtforms.TextAreaField(lazy_gettext("Words that mean opted in"), filters=[text])
    no_words = wtforms.TextAreaField(lazy_gettext("Words that mean opted out"), filters=[text])
    consent_at = wtforms.StringField(lazy_gettext("Given on, where no column says so"), filters=[text])
    note = wtforms.TextAreaField(
        lazy_gettext("Where do these consents come from, and how were they given?"), filters=[text]
    )


@dataclass(frozen=True)
class _Sent:
    """What was chosen for the columns, and the mistakes by column."""

    codes: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    mistakes: dict[int, str] = field(default_factory=dict)


@blueprint.route("/imports/<int:job_id>/columns", methods=["GET", "POST"])
@marketer_required
def columns_page(job_id: int) -> ResponseReturnValue:
    with read_only() as session:
        job = drafts.find_draft(session, job_id)
        if not drafts.is_uploaded(job):
            return redirect(url_for("imports.new"), 303)
        setup = setup_of(job.parameters)
        form = _form(session, setup.options)
    sent = _sent(len(setup.headings)) if request.method == "POST" else _Sent([each.code for each in setup.columns])
    answer = None if sent.mistakes else accepted(form, partial(_decided, job_id=job_id, columns=sent.columns))
    if answer is not None:
        return answer
    with read_only() as session:
        return _page(session, job, form, sent), 422 if form.errors or sent.mistakes else 200


@blueprint.post("/imports/<int:job_id>/layout")
@marketer_required
def lay_out(job_id: int) -> ResponseReturnValue:
    """Read the file with another encoding or separator."""
    encoding, separator = request.form.get("encoding", ""), request.form.get("separator", "")
    problem = None
    try:
        with unit_of_work() as session:
            drafts.lay_out(session, drafts.lock(session, job_id), encoding=encoding, separator=separator)
    except AssentError as error:
        problem = sentence_of(error)
    if problem is None:
        return redirect(url_for("imports.columns_page", job_id=job_id), 303)
    with read_only() as session:
        job = drafts.find_draft(session, job_id)
        setup = setup_of(job.parameters)
        sent = _Sent([each.code for each in setup.columns])
        return _page(session, job, _form(session, setup.options), sent, problem), 422


def _decided(form: OptionsForm, job_id: int, columns: Sequence[Column]) -> ResponseReturnValue:
    at = clock.now()
    with unit_of_work() as session:
        job = drafts.lock(session, job_id)
        drafts.decide(session, job, columns, _options(form), at=at)
        drafts.start_check(session, job, actor=current_actor(), at=at)
    return redirect(url_for("imports.import_page", job_id=job_id), 303)


def _options(form: OptionsForm) -> Options:
    return Options(
        default_country=form.default_country.data or None,
        subscription_type_id=ids.parse_id(form.subscription_type_id.data),
        consent=ConsentFrom(form.consent.data),
        state=ConsentState(form.state.data),
        yes_words=words_of(form.yes_words.data or ""),
        no_words=words_of(form.no_words.data or ""),
        note=form.note.data or "",
        consent_at=form.consent_at.data or "",
        date_order=DateOrder(form.date_order.data),
        existing=Existing(form.existing.data),
    )


def _form(session: Session, options: Options) -> OptionsForm:
    stored: dict[str, Any] = {
        **options.as_json(),
        "yes_words": ", ".join(options.yes_words),
        "no_words": ", ".join(options.no_words),
        "default_country": options.default_country or "",
        "subscription_type_id": str(options.subscription_type_id or ""),
        "state": options.state if options.has_consents else ConsentState.OPTED_IN,
    }
    form = OptionsForm(data=stored)
    countries = phone.country_options(current_locale(), frozenset())
    form.default_country.choices = choices(
        [
            ("", gettext("No country: refuse such numbers")),
            *((each.code, f"{each.name} {wording.isolated(each.calling_code)}") for each in countries),
        ]
    )
    types = subscription_types.find_all(session)
    form.subscription_type_id.choices = choices([("", "–"), *((str(each.id), each.name) for each in types)])
    return form


def _sent(width: int) -> _Sent:
    sent = _Sent()
    for index in range(width):
        code = request.form.get(f"column-{index}", Field.IGNORE)
        if code.startswith(Field.ATTRIBUTE):
            code = f"{code}:{request.form.get(f'attribute-{index}', '')}"
        sent.codes.append(code)
        try:
            column = column_of(code)
        except InvalidInput as error:
            sent.mistakes[index] = sentence_of(error)
            continue
        if column in sent.columns and column.field not in {Field.IGNORE, Field.TAGS}:
            sent.mistakes[index] = gettext("Another column is imported as this field already.")
        sent.columns.append(column)
    return sent


def _page(session: Session, job: BulkJob, form: OptionsForm, sent: _Sent, problem: str = "") -> str:
    setup: Setup = setup_of(job.parameters)
    found = previews.preview(session, job)
    asks_encoding = job.parameters.get("asks_encoding", False)
    return render_template(
        "imports/columns.html",
        job=job,
        form=form,
        setup=setup,
        columns=_shown_columns(setup, sent, found),
        fields=[(each.value, gettext(name)) for each, name in FIELD_NAMES.items()],
        attribute_types=[(f"attribute:{each}", gettext(name)) for each, name in ATTRIBUTE_TYPES.items()],
        encodings=encodings.ENCODINGS,
        separators=SEPARATOR_NAMES,
        asks_encoding=asks_encoding,
        encoding_previews=previews.encoding_previews(session, job) if asks_encoding else {},
        note_max=NOTE_MAX,
        problem=problem,
        size_bytes=job.parameters["size_bytes"],
    )


def _shown_columns(setup: Setup, sent: _Sent, found: previews.Preview) -> list[dict[str, Any]]:
    """Each column with its heading, what it is, samples, and its mistake."""
    shown = []
    for index, heading in enumerate(setup.headings):
        code, _, name = sent.codes[index].partition(":") if index < len(sent.codes) else ("ignore", "", "")
        if code == Field.ATTRIBUTE:
            kind, _, name = name.partition(":")
            code = f"attribute:{kind}"
        cells = (row.cells[index] for row in found.rows if index < len(row.cells))
        samples = [cell for cell in cells if cell.strip()][:SAMPLES_SHOWN]
        shown.append(
            {
                "heading": heading,
                "code": code,
                "attribute": name or heading,
                "samples": samples,
                "mistake": sent.mistakes.get(index, ""),
            }
        )
    return shown
