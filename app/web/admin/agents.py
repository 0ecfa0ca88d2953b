"""Agents: invite, send a new link, change the role, disable and enable."""

from collections.abc import Callable
from functools import partial

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired

from app.core import audit, clock, email
from app.core.accounts import agents
from app.core.errors import InvalidInput, InvalidState
from app.core.inbox import leaving
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import Agent, Role
from app.web.admin.blueprint import blueprint
from app.web.formkit import Form, NameForm, accepted, choices, flash_undo, rule, text
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.services import has_mail, read_only, unit_of_work
from app.web.sign_in import password_links
from app.web.sign_in.setup import admin_required, current_actor

_ROLES = {
    Role.AGENT.value: translatable("Agent: conversations and contacts"),
    Role.MARKETER.value: translatable("Marketer: also forms and subscription types"),
    Role.ADMIN.value: translatable("Admin: full access"),
}


class InviteForm(Form):
    email = StringField(
        lazy_gettext("Email address"),
        [InputRequired(lazy_gettext("Enter their email address.")), rule(email.read)],
        filters=[text],
    )
    name = StringField(lazy_gettext("Name"), [rule(agents.read_name)], filters=[text])
    role = RadioField(
        lazy_gettext("Role"),
        choices=choices((role, lazy_gettext(words)) for role, words in _ROLES.items()),
        default=Role.AGENT.value,
    )


@blueprint.get("/admin/agents")
@admin_required
def agents_page() -> str:
    with read_only() as session:
        return render_template(
            "admin/agents.html", agents=agents.find_all(session), time_zone=settings.get(session).time_zone
        )


@blueprint.route("/admin/agents/invite", methods=["GET", "POST"])
@admin_required
def invite_agent() -> ResponseReturnValue:
    form = InviteForm()
    if (response := accepted(form, _invited)) is not None:
        return response
    return render_template("admin/agents_invite.html", form=form, has_mail=has_mail()), form.status


@blueprint.get("/admin/agents/<int:agent_id>")
@admin_required
def agent_page(agent_id: int) -> str:
    return _page(agent_id)


@blueprint.post("/admin/agents/<int:agent_id>/link")
@admin_required
def renew_link(agent_id: int) -> ResponseReturnValue:
    """Create a new one-time link; earlier ones stop working."""
    try:
        with unit_of_work() as session:
            agent = agents.renew_link(session, agent_id, actor=current_actor(), at=clock.now())
    except InvalidState as refused:
        return _back(agent_id, sentence_of(refused), "error")
    return _deliver_link(agent)


@blueprint.post("/admin/agents/<int:agent_id>/role")
@admin_required
def change_role(agent_id: int) -> ResponseReturnValue:
    role = request.form.get("role", "")

    def change(session: Session) -> Agent:
        return agents.change_role(session, agent_id, role, actor=current_actor(), at=clock.now())

    return _apply(agent_id, change, gettext("The role is changed."))


@blueprint.post("/admin/agents/<int:agent_id>/name")
@admin_required
def rename_agent(agent_id: int) -> ResponseReturnValue:
    form = NameForm()
    return accepted(form, partial(_renamed, agent_id=agent_id)) or (_page(agent_id, form), form.status)


@blueprint.post("/admin/agents/<int:agent_id>/disable")
@admin_required
def disable_agent(agent_id: int) -> ResponseReturnValue:
    def change(session: Session) -> Agent:
        return leaving.disable(session, agent_id, actor=current_actor(), at=clock.now())

    undo = url_for("admin.enable_agent", agent_id=agent_id)
    return _apply(agent_id, change, gettext("The account is disabled and signed out everywhere."), undo=undo)


@blueprint.post("/admin/agents/<int:agent_id>/enable")
@admin_required
def enable_agent(agent_id: int) -> ResponseReturnValue:
    def change(session: Session) -> Agent:
        return leaving.enable(session, agent_id, actor=current_actor(), at=clock.now())

    return _apply(agent_id, change, gettext("The account is enabled."))


@blueprint.post("/admin/agents/<int:agent_id>/reset-second-factor")
@admin_required
def reset_second_factor(agent_id: int) -> ResponseReturnValue:
    def change(session: Session) -> Agent:
        return agents.reset_second_factor(session, agent_id, actor=current_actor(), at=clock.now())

    return _apply(agent_id, change, gettext("The second factor is off. They sign in with the password alone now."))


def _page(agent_id: int, form: NameForm | None = None) -> str:
    with read_only() as session:
        agent = agents.find(session, agent_id)
        return render_template(
            "admin/agents_one.html",
            agent=agent,
            form=form or NameForm(formdata=None, data={"name": agent.name}),
            label=agents.label(agent),
            is_me=agents.subject_of(agent) == current_actor(),
            roles=_ROLES,
            has_mail=has_mail(),
            history=audit.newest(session, subject=agents.subject_of(agent), limit=20),
            names={each.id: agents.label(each) for each in agents.find_all(session)},
            time_zone=settings.get(session).time_zone,
        )


def _renamed(form: NameForm, agent_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        agents.rename(session, agent_id, form.name.data or "", actor=current_actor(), at=clock.now())
    return _back(agent_id, gettext("The name is changed."))


def _invited(form: InviteForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        agent = agents.invite(
            session,
            email=form.email.data or "",
            name=form.name.data or "",
            role=Role(form.role.data),
            actor=current_actor(),
            at=clock.now(),
        )
    return _deliver_link(agent)


def _deliver_link(agent: Agent) -> ResponseReturnValue:
    """Email the link if that was chosen and works; otherwise show it once."""
    link = password_links.link_for(agent)
    wants_mail = has_mail() and request.form.get("deliver") == "mail"
    if wants_mail and password_links.send_link(agent, link, workspace=_workspace_name()):
        return _back(agent.id, gettext("A link is on its way to %(email)s.", email=agent.email))
    lasts = password_links.lasts(agent)
    return render_template("admin/agents_link.html", agent=agent, link=link, lasts=lasts, failed=wants_mail)


def _apply(agent_id: int, change: Callable[[Session], Agent], success: str, *, undo: str = "") -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            change(session)
    except (InvalidInput, InvalidState) as refused:
        return _back(agent_id, sentence_of(refused), "error")
    if undo:
        flash_undo(success, undo)
        return redirect(url_for("admin.agent_page", agent_id=agent_id))
    return _back(agent_id, success)


def _back(agent_id: int, message: str, category: str = "info") -> ResponseReturnValue:
    flash(message, category)
    return redirect(url_for("admin.agent_page", agent_id=agent_id))


def _workspace_name() -> str:
    with read_only() as session:
        return settings.get(session).name
