"""Pages about the account of the agent who is signed in. Flask-Security has the sign-in pages themselves."""

import re

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField

from app.core import clock
from app.core.accounts import agents, language, sessions
from app.core.accounts import waiting_mail as accounts_waiting_mail
from app.core.accounts.rights import Right
from app.core.wording import LOCALES
from app.core.workspace import settings
from app.web.auth import devices, waiting_mail
from app.web.auth.waiting_mail import WaitingMailForm
from app.web.formkit import Form, NameForm, accepted, choices
from app.web.i18n import gettext, lazy_gettext, ngettext, use_locale
from app.web.services import read_only, unit_of_work
from app.web.sign_in import language as sign_in_language
from app.web.sign_in.datastore import SignIn
from app.web.sign_in.sessions import current_session
from app.web.sign_in.setup import agent_required, current_actor, current_agent

blueprint = Blueprint("auth", __name__)
_CODE = re.compile(r"[0-9a-f]{4}(-[0-9a-f]{4}){2}")


class LanguageForm(Form):
    """The language of staff pages; empty: that of the browser."""

    locale = SelectField(
        lazy_gettext("Language"),
        choices=choices([("", lazy_gettext("As in my browser")), *LOCALES.items()]),
        validate_choice=False,
    )


@blueprint.get("/start")
@agent_required
def start() -> ResponseReturnValue:
    """Redirect to the first page after signing in."""
    is_marketing = _signed_in_agent().may(Right.MARKETING)
    return redirect(url_for("admin.overview_page" if is_marketing else "inbox.list_page"))


@blueprint.get("/account")
@agent_required
def account() -> ResponseReturnValue:
    return _account_page()


@blueprint.post("/account/name")
@agent_required
def rename() -> ResponseReturnValue:
    form = NameForm()
    return accepted(form, _renamed) or (_account_page(name_form=form), form.status)


@blueprint.post("/account/language")
@agent_required
def choose_language() -> ResponseReturnValue:
    form = LanguageForm()
    return accepted(form, _language_chosen) or (_account_page(language_form=form), form.status)


@blueprint.post("/account/waiting-mail")
@agent_required
def change_waiting_mail() -> ResponseReturnValue:
    """Choose which waiting conversations the agent is mailed about."""
    form = WaitingMailForm()
    return accepted(form, _waiting_mail_changed) or (_account_page(mail_form=form), form.status)


@blueprint.post("/account/recovery-codes.txt")
@agent_required
def recovery_codes_file() -> ResponseReturnValue:
    """The recovery codes as a file. The page sends them, because only their hashes are stored."""
    codes = request.form.getlist("code")
    if not 0 < len(codes) <= 20 or not all(_CODE.fullmatch(code) for code in codes):
        abort(400)
    text = render_template("auth/recovery_codes.txt", agent=_signed_in_agent(), codes=codes)
    response = Response(text, mimetype="text/plain")
    response.headers["Content-Disposition"] = 'attachment; filename="assent-recovery-codes.txt"'
    return response


@blueprint.post("/account/sessions/<int:session_id>/end")
@agent_required
def end_session(session_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        sessions.end_one(session, _signed_in_agent().id, session_id, at=clock.now())
    flash(gettext("The device is signed out."))
    return redirect(url_for("auth.account"), 303)


@blueprint.post("/account/sessions/end-others")
@agent_required
def end_other_sessions() -> ResponseReturnValue:
    with unit_of_work() as session:
        keep = current_session().id
        ended = sessions.end_others(session, _signed_in_agent().id, keep=keep, at=clock.now())
    flash(ngettext("%(num)s other device is signed out.", "%(num)s other devices are signed out.", ended))
    return redirect(url_for("auth.account"), 303)


def _account_page(
    *,
    name_form: NameForm | None = None,
    language_form: LanguageForm | None = None,
    mail_form: WaitingMailForm | None = None,
) -> str:
    """The page with the form that was just sent, and new ones for the rest."""
    agent = _signed_in_agent()
    mail_form = mail_form or waiting_mail.stored(agent)
    mail_form.offer()
    with read_only() as session:
        return render_template(
            "auth/account.html",
            agent=agent,
            name_form=name_form or NameForm(formdata=None, data={"name": agent.name}),
            language_form=language_form or LanguageForm(formdata=None, data={"locale": agent.locale or ""}),
            mail_form=mail_form,
            is_mail_sent=waiting_mail.is_sent(),
            codes_left=len(agent.mf_recovery_codes or []),
            sessions=sessions.newest(session, agent.id, at=clock.now()),
            this_session=current_session().id,
            device=devices.words,
            time_zone=settings.get(session).time_zone,
        )


def _renamed(form: NameForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        agents.rename(session, _signed_in_agent().id, form.name.data or "", actor=current_actor(), at=clock.now())
    flash(gettext("Your name is changed."))
    return redirect(url_for("auth.account"), 303)


def _language_chosen(form: LanguageForm) -> ResponseReturnValue:
    """The message on the next page is in the language that was chosen, as that page is."""
    locale = form.locale.data or None
    with unit_of_work() as session:
        language.choose(session, _signed_in_agent().id, locale, actor=current_actor(), at=clock.now())
    with use_locale(sign_in_language.of(locale)):
        flash(gettext("Your language is changed."))
    return redirect(url_for("auth.account"), 303)


def _waiting_mail_changed(form: WaitingMailForm) -> ResponseReturnValue:
    about, after_minutes = form.about.data or "", form.after_minutes.data or 0
    with unit_of_work() as session:
        agent_id = _signed_in_agent().id
        accounts_waiting_mail.change(session, agent_id, about, after_minutes, actor=current_actor(), at=clock.now())
    flash(gettext("Your notifications are changed."))
    return redirect(url_for("auth.account"), 303)


def _signed_in_agent() -> SignIn:
    agent = current_agent()
    assert agent is not None  # noqa: S101 - agent_required ensures it
    return agent
