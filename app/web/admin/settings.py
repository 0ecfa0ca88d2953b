"""Settings: name, logo and policy of the workspace."""

from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from wtforms import BooleanField, IntegerField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from app.core import audit, clock, origins, phone, public_urls
from app.core.accounts.rights import Right
from app.core.errors import InvalidInput
from app.core.subscriptions import subscription_types
from app.core.workspace import confirmation_limits, logo, settings
from app.models import Channel, TypeState, Workspace
from app.web import errors, formatting
from app.web.admin import office_hours
from app.web.admin.blueprint import blueprint
from app.web.admin.office_hours import OfficeHoursForm
from app.web.formkit import Form, accepted, choices, refuse, rule, text
from app.web.i18n import gettext, lazy_gettext
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor, current_agent

_NONE = ("", lazy_gettext("None"))
_A_NUMBER = InputRequired(lazy_gettext("Enter a whole number."))


def _rule(name: str) -> Any:
    return rule(partial(settings.check, name))


_CONTROLLER = (
    "controller_name",
    "controller_address",
    "controller_contact",
    "jurisdiction",
    "storage_location",
    "purpose",
)
_PLAIN = ("name", "time_zone", "privacy_url", "terms_url", "help_contact", "accent_color", *_CONTROLLER)
_LIMITS = ("submissions_per_address", "submissions_per_number", "api_calls_per_minute")
_ERASURE = ("erasure_requests", "erasure_due_days")
_OTHER = (
    "default_country",
    "allowed_countries",
    "agents_write_legal_text",
    "evidence_retention_years",
    "site_subscription_type_id",
    *_ERASURE,
    *_LIMITS,
)


def _confirm_limit(name: str, label: Any) -> Any:
    """A field of a limit on confirmation texts."""
    check = rule(lambda value: confirmation_limits.checked({name: value}))
    return IntegerField(label, [_A_NUMBER, check])


class SettingsForm(OfficeHoursForm):
    """The fields in the order of the page, in which the summary names what is wrong."""

    name = StringField(
        lazy_gettext("Workspace name"),
        [DataRequired(lazy_gettext("Enter a name for the workspace.")), _rule("name")],
        filters=[text],
    )
    time_zone = StringField(
        lazy_gettext("Time zone"),
        [DataRequired(lazy_gettext("Choose a time zone such as Europe/Berlin.")), _rule("time_zone")],
        filters=[text],
    )
    accent_color = StringField(lazy_gettext("Accent color"), [_rule("accent_color")], filters=[text])
    default_country = SelectField(
        lazy_gettext("Default country"), [_rule("default_country")], filters=[text], validate_choice=False
    )
    allowed_countries = SelectMultipleField(
        lazy_gettext("Allowed countries"),
        [_rule("allowed_countries")],
        widget=ListWidget(),
        option_widget=CheckboxInput(),
        validate_choice=False,
    )
    allowed_origins = TextAreaField(lazy_gettext("Allowed origins"), [rule(origins.read_many)], filters=[text])
    site_subscription_type_id = SelectField(
        lazy_gettext("Subscription type of the user object"),
        [_rule("site_subscription_type_id")],
        filters=[text],
        validate_choice=False,
    )
    privacy_url = StringField(lazy_gettext("Privacy policy"), [_rule("privacy_url")], filters=[text])
    terms_url = StringField(lazy_gettext("Terms"), [_rule("terms_url")], filters=[text])
    help_contact = StringField(lazy_gettext("Help contact"), [_rule("help_contact")], filters=[text])
    controller_name = StringField(lazy_gettext("Name of the controller"), [_rule("controller_name")], filters=[text])
    controller_address = TextAreaField(lazy_gettext("Postal address"), [_rule("controller_address")], filters=[text])
    controller_contact = StringField(
        lazy_gettext("Contact for questions about data"), [_rule("controller_contact")], filters=[text]
    )
    jurisdiction = StringField(lazy_gettext("Jurisdiction"), [_rule("jurisdiction")], filters=[text])
    storage_location = StringField(
        lazy_gettext("Where the data is stored"), [_rule("storage_location")], filters=[text]
    )
    recipients = TextAreaField(
        lazy_gettext("Recipients of the data"),
        [rule(lambda typed: settings.check("recipients", (typed or "").splitlines()))],
        filters=[text],
    )
    purpose = TextAreaField(lazy_gettext("Purpose"), [_rule("purpose")], filters=[text])
    erasure_requests = BooleanField(lazy_gettext("People may request the deletion of their data"))
    erasure_due_days = IntegerField(lazy_gettext("Days until a request is due"), [_A_NUMBER, _rule("erasure_due_days")])
    evidence_retention_years = IntegerField(
        lazy_gettext("Years to keep evidence after an opt-out"), [_A_NUMBER, _rule("evidence_retention_years")]
    )
    agents_write_legal_text = BooleanField(lazy_gettext("Agents may write a legal text of their own"))
    submissions_per_address = IntegerField(
        lazy_gettext("Submissions per hour from one IP address"), [_A_NUMBER, _rule("submissions_per_address")]
    )
    submissions_per_number = IntegerField(
        lazy_gettext("Submissions per hour for one number"), [_A_NUMBER, _rule("submissions_per_number")]
    )
    api_calls_per_minute = IntegerField(
        lazy_gettext("API calls per minute with one token"), [_A_NUMBER, _rule("api_calls_per_minute")]
    )

    confirm_address_hour = _confirm_limit("address_hour", lazy_gettext("Per hour from one IP address"))
    confirm_number_hour = _confirm_limit("number_hour", lazy_gettext("Per hour to one number"))
    confirm_prefix_hour = _confirm_limit("prefix_hour", lazy_gettext("Per hour to similar numbers"))
    confirm_country_hour = _confirm_limit("country_hour", lazy_gettext("Per hour to one country"))
    confirm_total_day = _confirm_limit("total_day", lazy_gettext("Per day in all"))
    confirm_spend_day = _confirm_limit("spend_day", lazy_gettext("Estimated cost per day"))

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        for name in (*office_hours.FIELDS, *_LIMITS, *(f"confirm_{each}" for each in confirmation_limits.NAMES)):
            self._fields[name] = self._fields.pop(name)  # those of the part come first: they were made before
        self.default_country.choices = choices([_NONE, *formatting.countries()])
        chosen = set(self.allowed_countries.data or [])
        self.allowed_countries.choices = choices(sorted(formatting.countries(), key=lambda pair: pair[0] not in chosen))

    @property
    def values(self) -> dict[str, Any]:
        """As ``settings.change`` takes them. :raises InvalidInput: an origin"""
        return {
            **{name: self[name].data or "" for name in _PLAIN},
            **{name: self[name].data for name in _OTHER},
            **self.office_values,
            "allowed_origins": origins.read_many(self.allowed_origins.data or ""),
            "recipients": (self.recipients.data or "").splitlines(),
            "confirmation_limits": {name: self[f"confirm_{name}"].data for name in confirmation_limits.NAMES},
        }


class LogoForm(Form):
    logo = FileField(lazy_gettext("Picture"), [FileRequired(lazy_gettext("Choose a picture first."))])


@blueprint.route("/admin/settings", methods=["GET", "POST"])
@admin_required
def settings_page() -> ResponseReturnValue:
    with read_only() as session:
        workspace = settings.get(session)
    form = SettingsForm(data=_values_of(workspace))
    return accepted(form, _saved) or (_page(form, LogoForm(formdata=None)), form.status)


@blueprint.post("/admin/settings/logo")
@admin_required
def change_logo() -> ResponseReturnValue:
    with read_only() as session:
        workspace = settings.get(session)
    form = LogoForm()
    return accepted(form, _logo_saved) or (_page(SettingsForm(formdata=None, data=_values_of(workspace)), form), 422)


@blueprint.errorhandler(413)
def too_large(error: HTTPException) -> ResponseReturnValue:
    """Name the limit of the logo beside its field: the body of a larger one was not read."""
    agent = current_agent()
    if request.endpoint != "admin.change_logo" or agent is None or not agent.may(Right.ADMINISTRATION):
        return errors.respond(error)
    with read_only() as session:
        values = _values_of(settings.get(session))
    form = LogoForm(formdata=None)
    try:
        logo.refuse_large(request.max_content_length or 0)
    except InvalidInput as refused:
        refuse(form, refused)
    return _page(SettingsForm(formdata=None, data=values), form), 413


@blueprint.post("/admin/settings/logo/remove")
@admin_required
def remove_logo() -> ResponseReturnValue:
    with unit_of_work() as session:
        logo.change(session, None, actor=current_actor(), at=clock.now())
    flash(gettext("The logo is removed."))
    return redirect(url_for("admin.settings_page"), 303)


def _saved(form: SettingsForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        settings.change(session, form.values, actor=current_actor(), at=clock.now())
    flash(gettext("The settings are saved."))
    return redirect(url_for("admin.settings_page"), 303)


def _logo_saved(form: LogoForm) -> ResponseReturnValue:
    content = form.logo.data.read(logo.MAX_BYTES + 1)
    with unit_of_work() as session:
        logo.change(session, content, actor=current_actor(), at=clock.now())
    flash(gettext("The new logo is in place."))
    return redirect(url_for("admin.settings_page"), 303)


def _values_of(workspace: Workspace) -> dict[str, Any]:
    values = {name: getattr(workspace, name) for name in (*_PLAIN, *_OTHER)}
    values |= {f"confirm_{name}": value for name, value in vars(confirmation_limits.of(workspace)).items()}
    values |= office_hours.values_of(workspace)
    return values | {name: "\n".join(getattr(workspace, name)) for name in ("allowed_origins", "recipients")}


def _site_types(session: Session, workspace: Workspace) -> list[Any]:
    """The live types for texts, and the one that is chosen where it is not live any more."""
    chosen = workspace.site_subscription_type_id
    types = [each for each in subscription_types.find_all(session) if each.channel == Channel.SMS]
    offered = [each for each in types if each.state == TypeState.LIVE or each.id == chosen]
    return choices([_NONE, *((str(each.id), each.name) for each in offered)])


def _page(form: SettingsForm, logo_form: LogoForm) -> str:
    with read_only() as session:
        workspace = settings.get(session)
        form.site_subscription_type_id.choices = _site_types(session, workspace)
        return render_template(
            "admin/settings.html",
            form=form,
            logo_form=logo_form,
            workspace=workspace,
            logo_url=public_urls.logo(workspace.logo_hash) if workspace.logo_hash else "",
            logo_max_kb=logo.MAX_BYTES // 1000,
            time_zones=formatting.time_zones(),
            likely_country=None if workspace.default_country else phone.country_of_time_zone(workspace.time_zone),
            entries=audit.find(session, audit.Filter(actions=["settings."]), limit=6),
            agents=formatting.actor_names(session),
        )
