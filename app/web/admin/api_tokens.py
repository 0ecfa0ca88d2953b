"""API tokens: create and show once, list with their last use, revoke."""

from datetime import timedelta

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired

from app.core import clock, public_urls
from app.core.accounts import api_tokens
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import ApiToken
from app.web import formatting
from app.web.admin.blueprint import blueprint
from app.web.formkit import Form, accepted, choices, text
from app.web.i18n import gettext, lazy_gettext
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import admin_required, current_actor

_SCOPES = {
    "read": lazy_gettext("Read: see everything"),
    "write": lazy_gettext("Write: read, and change contacts, consents, forms and conversations"),
    "admin": lazy_gettext("Admin: write, and make the calls that need an admin’s token"),
}
_ACCESS = {"read": translatable("read"), "write": translatable("write"), "admin": translatable("admin")}
_LASTS = {
    "": lazy_gettext("Never"),
    "30": lazy_gettext("In 30 days"),
    "90": lazy_gettext("In 90 days"),
    "365": lazy_gettext("In one year"),
}


class TokenForm(Form):
    name = StringField(
        lazy_gettext("Name"), [InputRequired(lazy_gettext("Enter what the token is for."))], filters=[text]
    )
    scope = RadioField(lazy_gettext("Access"), choices=choices(_SCOPES.items()), default="read")
    lasts = SelectField(lazy_gettext("Expires"), choices=choices(_LASTS.items()))


@blueprint.get("/admin/tokens")
@admin_required
def tokens_page() -> str:
    return _page(TokenForm(formdata=None))


@blueprint.post("/admin/tokens")
@admin_required
def create_token() -> ResponseReturnValue:
    form = TokenForm()
    return accepted(form, _created) or (_page(form), 422)


@blueprint.post("/admin/tokens/<int:token_id>/revoke")
@admin_required
def revoke_token(token_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        token = api_tokens.revoke(session, token_id, actor=current_actor(), at=clock.now())
    flash(gettext("“%(name)s” is revoked: it no longer works.", name=token.name))
    return redirect(url_for("admin.tokens_page"), 303)


def _created(form: TokenForm) -> ResponseReturnValue:
    at = clock.now()
    expires_at = at + timedelta(days=int(form.lasts.data)) if form.lasts.data else None
    with unit_of_work() as session:
        token, secret = api_tokens.create(
            session, form.name.data or "", [form.scope.data], at=at, expires_at=expires_at, actor=current_actor()
        )
    return render_template("admin/token_made.html", token=token, secret=secret, access=_access(token))


def _access(token: ApiToken) -> str:
    return formatting.listed(gettext(_ACCESS[scope]) if scope in _ACCESS else scope for scope in token.scopes)


def _page(form: TokenForm) -> str:
    with read_only() as session:
        tokens = api_tokens.find_all(session)
        return render_template(
            "admin/tokens.html",
            form=form,
            tokens=tokens,
            access={each.id: _access(each) for each in tokens},
            now=clock.now(),
            api_docs=public_urls.API_DOCS,
            agents=formatting.agent_names(session),
            time_zone=settings.get(session).time_zone,
        )
