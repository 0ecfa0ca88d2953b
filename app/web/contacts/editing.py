"""Creating a contact and editing its details. A new number is saved once the agent has seen what it does."""

from typing import Any

from flask import flash, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock, phone, wording
from app.core.accounts import agents
from app.core.consent import locking
from app.core.contacts import attributes, number_change, profile
from app.core.contacts import records as contacts
from app.core.contacts.number_change import Effect, NumberChange
from app.core.errors import Duplicate, InvalidInput
from app.core.workspace import settings
from app.models import Contact, Workspace
from app.web import formatting
from app.web.contacts import labels
from app.web.contacts.blueprint import blueprint
from app.web.contacts.editing_form import EditForm
from app.web.contacts.profile import back_to, current_id
from app.web.form_page import countries
from app.web.formkit import choices, refuse
from app.web.i18n import current_locale, gettext
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


@blueprint.route("/contacts/new", methods=["GET", "POST"])
@agent_required
def new_contact() -> ResponseReturnValue:
    form = _form(None)
    if form.is_submitted() and form.validate():
        try:
            with unit_of_work() as session:
                created = profile.create(session, form.values, actor=current_actor(), at=clock.now())
                public_id = created.public_id
        except (Duplicate, InvalidInput) as refused:
            return _refused(None, form, refused)
        flash(gettext("The contact is created."))
        return back_to(public_id)
    return _page(None, form)


@blueprint.route("/contacts/<public_id>/edit", methods=["GET", "POST"])
@agent_required
def edit_contact(public_id: str) -> ResponseReturnValue:
    """The details of a contact. A number that changes something is shown with what it does before it is saved."""
    with read_only() as session:
        contact = contacts.find_current(session, public_id)
    form = _form(contact)
    if not (form.is_submitted() and form.validate()):
        return _page(contact, form)
    if form.number != contact.phone and form.confirmed.data != (form.number or "-"):
        with read_only() as session:
            change = number_change.preview(session, contact, form.number)
            if _needs_a_look(change):
                return _number_page(session, contact, form, change)
    try:
        with unit_of_work() as session:
            locked = locking.lock_contact_by_public_id(session, current_id(session, public_id))
            if form.changed:
                profile.change(session, locked, form.changed, actor=current_actor(), at=clock.now())
            public_id = locked.public_id
    except (Duplicate, InvalidInput) as refused:
        return _refused(contact, form, refused)
    flash(gettext("The details are saved."))
    return back_to(public_id)


def _form(contact: Contact | None) -> EditForm:
    with read_only() as session:
        workspace, team = settings.get(session), agents.find_all(session)
        form = EditForm(contact, attributes.custom_types(session), frozenset(workspace.allowed_countries))
    form.owner_id.choices = choices([("", gettext("No owner")), *((str(each.id), agents.label(each)) for each in team)])
    languages = dict(wording.LOCALES)
    if contact and contact.locale:
        languages.setdefault(contact.locale, contact.locale)
    form.locale.choices = choices([("", gettext("Not known")), *languages.items()])
    if not form.is_submitted() and form.country.data is None:
        form.country.data = phone.preselected(
            None, workspace.default_country, frozenset(workspace.allowed_countries), None, None
        )
    return form


def _needs_a_look(change: NumberChange) -> bool:
    is_plain = all(each.effect == Effect.SAME for each in change.types)
    return not is_plain or change.suppression is not None or bool(change.holders)


def _refused(contact: Contact | None, form: EditForm, refused: Duplicate | InvalidInput) -> ResponseReturnValue:
    if isinstance(refused, Duplicate):
        with read_only() as session:
            return _page(contact, form, other=contacts.find(session, refused.public_id))
    refuse(form, refused)
    return _page(contact, form)


def _page(contact: Contact | None, form: EditForm, *, other: Contact | None = None) -> ResponseReturnValue:
    """:param other: the contact that has the address or external id already"""
    with read_only() as session:
        page = render_template(
            "contacts/edit.html", form=form, other=other, **_context(contact, form, settings.get(session))
        )
    return page, 422 if other or form.errors else 200


def _number_page(session: Session, contact: Contact, form: EditForm, change: NumberChange) -> ResponseReturnValue:
    return render_template(
        "contacts/number_preview.html",
        form=form,
        change=change,
        effects=Effect,
        sent=_sent(form),
        **_context(contact, form, settings.get(session)),
    )


def _context(contact: Contact | None, form: EditForm, workspace: Workspace) -> dict[str, Any]:
    return {
        "contact": contact,
        "country_options": countries.options_html(
            current_locale(), frozenset(workspace.allowed_countries), form.country.data or None
        ),
        "time_zones": formatting.time_zones(),
        "time_zone": workspace.time_zone,
        "labels": labels,
        "formatted": phone.formatted,
    }


def _sent(form: EditForm) -> dict[str, str]:
    """What was typed, to be sent again with the confirmation."""
    fields = {each.name: each.data or "" for each in form if each.name != "confirmed"}
    return fields | {f"attribute-{name}": typed for name, typed in form.attributes.items()}
