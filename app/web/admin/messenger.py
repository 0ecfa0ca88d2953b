"""Settings of the messenger: its snippet, texts and color, and the secret that sites sign identities with."""

from datetime import datetime
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from wtforms import StringField, TextAreaField

from app.core import audit, clock, public_urls
from app.core.messenger import identity
from app.core.site import counts
from app.core.wording import LOCALES
from app.core.workspace import identity_secret, settings
from app.models import SiteCountKind, Workspace
from app.web import formatting
from app.web.admin.blueprint import blueprint
from app.web.admin.website_words import words_for
from app.web.formkit import Form, accepted, fields_for_each, rule, text
from app.web.i18n import gettext, lazy_gettext
from app.web.security import public_url
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor


class MessengerForm(Form):
    messenger_office_name = StringField(
        lazy_gettext("Name shown in the chat"), [rule(partial(settings.check, "messenger_office_name"))], filters=[text]
    )
    messenger_accent_color = StringField(
        lazy_gettext("Accent color"), [rule(partial(settings.check, "messenger_accent_color"))], filters=[text]
    )

    @property
    def values(self) -> dict[str, Any]:
        """As ``settings.change`` takes them."""
        greeting = {locale: self[f"messenger_greeting-{locale}"].data or "" for locale in LOCALES}
        return {
            "messenger_office_name": self.messenger_office_name.data or "",
            "messenger_accent_color": self.messenger_accent_color.data or "",
            "messenger_greeting": greeting,
        }


fields_for_each(
    MessengerForm,
    list(LOCALES),
    messenger_greeting=lambda locale: TextAreaField(
        LOCALES[locale],
        [rule(lambda greeting: settings.check("messenger_greeting", {locale: greeting}))],
        filters=[text],
    ),
)


@blueprint.route("/admin/messenger", methods=["GET", "POST"])
@admin_required
def messenger_page() -> ResponseReturnValue:
    with read_only() as session:
        workspace = settings.get(session)
    form = MessengerForm(data=_values_of(workspace))
    return accepted(form, _saved) or (_page(form, workspace), form.status)


@blueprint.post("/admin/messenger/secret")
@admin_required
def show_messenger_secret() -> ResponseReturnValue:
    """The secret, on a page that no cache stores. Showing it is audited."""
    with unit_of_work() as session:
        workspace = settings.get(session)
        audit.record(session, current_actor(), "settings.messenger_secret_shown", "workspace", {}, at=clock.now())
    return _page(MessengerForm(formdata=None, data=_values_of(workspace)), workspace, secret=workspace.messenger_secret)


@blueprint.post("/admin/messenger/secret/renew")
@admin_required
def renew_messenger_secret() -> ResponseReturnValue:
    with unit_of_work() as session:
        identity_secret.renew(session, actor=current_actor(), at=clock.now())
    flash(gettext("The new secret is ready. Add it to your site within 24 hours; until then the old one works, too."))
    return redirect(url_for("admin.messenger_page"), 303)


@blueprint.post("/admin/messenger/secret/end-old")
@admin_required
def end_old_messenger_secret() -> ResponseReturnValue:
    with unit_of_work() as session:
        identity_secret.end_previous(session, actor=current_actor(), at=clock.now())
    flash(gettext("The old secret is ended."))
    return redirect(url_for("admin.messenger_page"), 303)


def _saved(form: MessengerForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        settings.change(session, form.values, actor=current_actor(), at=clock.now())
    flash(gettext("The messenger is saved."))
    return redirect(url_for("admin.messenger_page"), 303)


def _values_of(workspace: Workspace) -> dict[str, str]:
    values = {name: getattr(workspace, name) for name in ("messenger_office_name", "messenger_accent_color")}
    greeting = workspace.messenger_greeting
    return values | {f"messenger_greeting-{locale}": greeting.get(locale, "") for locale in LOCALES}


def _page(form: MessengerForm, workspace: Workspace, secret: str = "") -> str:
    with read_only() as session:
        problems = counts.recent(session, SiteCountKind.IDENTITY, at=clock.now())
    origins = [Markup("<code>{}</code>").format(origin) for origin in workspace.allowed_origins]
    return render_template(
        "admin/messenger.html",
        origins=Markup(formatting.listed(origins)),  # noqa: S704 - escaped above
        form=form,
        workspace=workspace,
        secret=secret,
        identity_problems=[(words_for(f"identity:{each.reason}"), each.week) for each in problems if each.week],
        old_secret_ends_at=_old_secret_ends_at(workspace),
        locales=LOCALES,
        script_url=f"{public_url()}{public_urls.MESSENGER_SCRIPT}",
    )


def _old_secret_ends_at(workspace: Workspace) -> datetime | None:
    """Until when the secret before the last renewal is accepted; null: it is not."""
    has_old = len(identity.accepted_secrets(workspace, at=clock.now())) > 1
    return workspace.previous_secret_ends_at if has_old else None
