"""Opt-in forms: the list, and the page of one form with its live preview and snippets."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock, phone
from app.core.errors import InvalidInput, NotFound
from app.core.forms import content as form_content
from app.core.forms import daily_counts, publishing, templates
from app.core.forms.content import FormContent
from app.core.subscriptions import subscription_types
from app.core.wording import DEFAULT_BUTTON_TEXT, LOCALES, translatable, translator
from app.core.workspace import settings
from app.models import Channel, OptInForm, OptInFormVersion, SubscriptionType, Workspace
from app.web import formatting, ids
from app.web.admin import form_disclosure, form_publish
from app.web.admin.blueprint import blueprint
from app.web.admin.form_fields import TEXTS, OptInFormForm
from app.web.form_page.preview import PreviewOptions, render_preview
from app.web.formkit import accepted, flash_undo
from app.web.i18n import gettext
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

PREVIEW_STATES = {
    "ask": translatable("Asks for a number"),
    "saved": translatable("Saved number"),
    "confirm": translatable("Confirm the number"),
    "done": translatable("Just signed up"),
    "signed_up": translatable("Already signed up"),
    "expired": translatable("Expired"),
    "unavailable": translatable("Closed"),
}
_UNTITLED = translatable("Title of your form")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@blueprint.get("/admin/forms")
@marketer_required
def forms_page() -> str:
    with read_only() as session:
        return render_template(
            "admin/forms.html",
            forms=publishing.find_all(session),
            last_answers=publishing.last_answers(session),
            time_zone=settings.get(session).time_zone,
            has_live_types=bool(subscription_types.find_live(session)),
        )


@blueprint.route("/admin/forms/new", methods=["GET", "POST"])
@marketer_required
def new_form() -> ResponseReturnValue:
    with read_only() as session:
        workspace = settings.get(session)
        values = {"default_country": workspace.default_country or "", "accent_color": workspace.accent_color}
        form = OptInFormForm(data=values | _from_template(workspace) | _from_form(session))
    return accepted(form, _created) or (_page(form, None), form.status)


@blueprint.route("/admin/forms/<int:form_id>", methods=["GET", "POST"])
@marketer_required
def form_page(form_id: int) -> ResponseReturnValue:
    with read_only() as session:
        found = publishing.find(session, form_id)
        form = OptInFormForm(data=_values_of(found, publishing.newest_version(session, found)))
    return accepted(form, partial(_published, form_id=form_id)) or (_page(form, found), form.status)


@blueprint.post("/admin/forms/<int:form_id>/<any(archive, unarchive):step>")
@marketer_required
def step_form(form_id: int, step: str) -> ResponseReturnValue:
    change = publishing.archive if step == "archive" else publishing.unarchive
    with unit_of_work() as session:
        found = publishing.find(session, form_id)
        change(session, found, actor=current_actor(), at=clock.now())
    if step == "archive":
        undo = url_for("admin.step_form", form_id=form_id, step="unarchive")
        flash_undo(gettext("“%(name)s” is archived.", name=found.name), undo)
    else:
        flash(gettext("“%(name)s” is restored.", name=found.name))
    return redirect(url_for("admin.form_page", form_id=form_id), 303)


@blueprint.get("/admin/forms/preview")
@marketer_required
def preview_saved() -> Response:
    """The preview when the page is loaded: the form as it is saved, or an empty one."""
    return _preview_saved()


@blueprint.post("/admin/forms/preview")
@marketer_required
def preview_unsaved() -> Response:
    """The preview of the fields as they are typed, whether or not they can be saved.

    The fields of an archived form are disabled, so the browser sends none. The saved form is then shown.
    """
    if "title" not in request.form:
        return _preview_saved()
    with read_only() as session:
        return _preview(session, OptInFormForm().content)


def _preview_saved() -> Response:
    form_id = request.values.get("form", type=ids.whole_number)
    with read_only() as session:
        found = publishing.find(session, form_id) if form_id else None
        values = _values_of(found, publishing.newest_version(session, found)) if found else None
        return _preview(session, OptInFormForm(formdata=None, data=values).content)


def _preview(session: Session, content: FormContent) -> Response:
    content = _presentable(session, content)
    options = PreviewOptions(
        state=request.values.get("preview_state", "ask"),
        locale=request.values.get("preview_locale", content.locale),
        theme=request.values.get("preview_theme", ""),
    )
    workspace, chosen = settings.get(session), _type_of(session, content)
    return render_preview(content, options, workspace=workspace, subscription_type=chosen)


def _presentable(session: Session, content: FormContent) -> FormContent:
    """The content as it would be frozen. While it is invalid, invalid values become placeholders or defaults."""
    try:
        return form_content.checked_content(session, content)
    except InvalidInput:
        pass
    texts = {
        locale: replace(form_text, title=form_text.title or translator(locale)(_UNTITLED))
        for locale, form_text in content.texts.items()
        if locale == content.locale or any(vars(form_text).values())
    }
    return replace(
        content,
        texts=texts,
        accent_color=content.accent_color
        if _COLOR.fullmatch(content.accent_color)
        else settings.get(session).accent_color,
        default_country=content.default_country if content.default_country in phone.countries() else None,
    )


def _type_of(session: Session, content: FormContent) -> SubscriptionType | None:
    try:
        return subscription_types.find(session, content.subscription_type_id)
    except NotFound:
        return None


def _created(form: OptInFormForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        created = publishing.create(session, form.content, form.form_settings, actor=current_actor(), at=clock.now())
        lacks_legal_text = _lacks_legal_text(session, form)
        disclosure = form_disclosure.of(session, created, form.content)
    flash(gettext("“%(name)s” is saved. Add it to a page with the snippet below.", name=created.name))
    _warn(form, lacks_legal_text=lacks_legal_text)
    form_disclosure.warn(disclosure)
    return redirect(url_for("admin.form_page", form_id=created.id, _anchor="use"), 303)


def _published(form: OptInFormForm, form_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        found = publishing.find(session, form_id)
        version_before = found.version
        publishing.publish(session, found, form.content, form.form_settings, actor=current_actor(), at=clock.now())
        lacks_legal_text = _lacks_legal_text(session, form)
        disclosure = form_disclosure.of(session, found, form.content)
    saved = translatable("“%(name)s” is saved.")
    if found.version != version_before:
        saved = translatable("“%(name)s” is saved. Version %(version)s is what people see from now on.")
    flash(gettext(saved, name=found.name, version=found.version))
    _warn(form, lacks_legal_text=lacks_legal_text)
    form_disclosure.warn(disclosure)
    return redirect(url_for("admin.form_page", form_id=form_id), 303)


def _page(form: OptInFormForm, found: OptInForm | None) -> str:
    with read_only() as session:
        workspace = settings.get(session)
        types = subscription_types.find_live(session)
        form.offer(types)
        return render_template(
            "admin/form.html",
            form=form,
            optin_form=found,
            types=types,
            type_names={each.id: each.name for each in subscription_types.find_all(session)},
            versions=publishing.versions(session, found) if found else [],
            numbers=daily_counts.totals(session).get(found.id) if found else None,
            agents=formatting.actor_names(session),
            workspace=workspace,
            locales=LOCALES,
            templates=[] if found else templates.all_templates(),
            states=PREVIEW_STATES,
            default_button=translator(form.content.locale)(DEFAULT_BUTTON_TEXT),
            disclosure=form_disclosure.of(session, found, _presentable(session, form.content)),
            **(form_publish.values(session, found) if found else {}),
        )


def _from_template(workspace: Workspace) -> dict[str, Any]:
    """The values of the template that ``?template=`` names, filled in for the workspace."""
    found = next((each for each in templates.all_templates() if each.key == request.args.get("template")), None)
    if found is None:
        return {}
    filled = templates.filled(found, workspace)
    values = {name: getattr(filled, name) for name in ("locale", "title", "legal_text", "checkbox_text")}
    return values | {"default_country": filled.country}


def _lacks_legal_text(session: Session, form: OptInFormForm) -> bool:
    """Whether people would sign up for texts without reading what for."""
    content = form.content
    is_for_texts = subscription_types.find(session, content.subscription_type_id).channel == Channel.SMS
    return is_for_texts and not content.texts[content.locale].legal_text


def _warn(form: OptInFormForm, *, lacks_legal_text: bool) -> None:
    """Say that a template was not filled in, or that the form says too little."""
    if lacks_legal_text:
        flash(
            gettext("This form has no legal text. Say who writes, what, how often, and how to stop; a template helps."),
            "warning",
        )
    names = [str(each.label.text) for each in form if isinstance(each.data, str) and templates.is_unfinished(each.data)]
    if names:
        flash(gettext("Replace what is in square brackets: %(fields)s.", fields=formatting.listed(names)), "warning")


def _from_form(session: Session) -> dict[str, Any]:
    """The values of the form that ``?copy=`` names, except its name, because two forms with one name look alike."""
    form_id = ids.parse_id(request.args.get("copy"))
    if form_id is None:
        return {}
    found = publishing.find(session, form_id)
    return _values_of(found, publishing.newest_version(session, found)) | {"name": ""}


def _values_of(found: OptInForm, version: OptInFormVersion) -> dict[str, Any]:
    content = form_content.content_of(version)
    values = {
        "name": found.name,
        "subscription_type_id": str(content.subscription_type_id),
        "locale": content.locale,
        "accent_color": content.accent_color,
        "default_country": content.default_country or "",
        "verify_number": content.verify_number,
        "allowed_origins": "\n".join(found.allowed_origins),
    }
    for locale, form_text in content.texts.items():
        suffix = "" if locale == content.locale else f"-{locale}"
        values |= {f"{name}{suffix}": getattr(form_text, name) for name in TEXTS}
    return values
