"""The editor of a rule: what it says and when, beside how the chat shows it and whom it would greet now."""

from contextlib import suppress

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.bots import greeting, preview, rules, working_rules
from app.core.bots.greeting import OfferedForm
from app.core.bots.preview import Matching
from app.core.errors import AssentError
from app.core.workspace import settings
from app.models import BotRule
from app.web.bots import labels
from app.web.bots.blueprint import blueprint
from app.web.bots.fields import BotForm, values_of
from app.web.formkit import accepted
from app.web.i18n import current_locale, gettext
from app.web.ids import parse_id, whole_number
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required


@blueprint.route("/bots/new", methods=["GET", "POST"])
@marketer_required
def new_bot() -> ResponseReturnValue:
    return _editor(None)


@blueprint.route("/bots/<int:rule_id>", methods=["GET", "POST"])
@marketer_required
def bot(rule_id: int) -> ResponseReturnValue:
    return _editor(rule_id)


@blueprint.post("/bots/check")
@marketer_required
def check_bot() -> str:
    """The preview of what is typed. Nothing is saved."""
    rule_id = request.args.get("id", type=whole_number)
    with read_only() as session:
        form = BotForm(session, rules.find(session, rule_id) if rule_id else None)
        return render_template("bots/_preview.html", **_preview(session, form, rule_id))


def _editor(rule_id: int | None) -> ResponseReturnValue:
    with read_only() as session:
        saved = rules.find(session, rule_id) if rule_id is not None else None
        form = BotForm(session, saved, data=values_of(saved) if saved else {})
        if request.method == "GET" or request.form.get("do") == "check":
            return _page(session, form, saved)

    def save(form: BotForm) -> ResponseReturnValue:
        with unit_of_work() as session:
            if rule_id is None:
                made = rules.create(session, form.values, actor=current_actor(), at=clock.now())
            else:
                revision = parse_id(form.revision.data)
                made = rules.change(
                    session, rule_id, form.values, revision=revision, actor=current_actor(), at=clock.now()
                )
            address = url_for("bots.list_page", _anchor=f"bot-{made.id}")
        flash(
            gettext("The bot is saved. It is off until you switch it on.")
            if rule_id is None
            else gettext("The bot is saved.")
        )
        return redirect(address, 303)

    if (response := accepted(form, save)) is not None:
        return response
    with read_only() as session:
        return _page(session, form, rules.find(session, rule_id) if rule_id is not None else None), 422


def _page(session: Session, form: BotForm, saved: BotRule | None) -> str:
    problem = working_rules.problem_of(session, saved) if saved else None
    return render_template(
        "bots/edit.html",
        form=form,
        bot=saved,
        problem=labels.PROBLEMS[problem] if problem else "",
        **_preview(session, form, saved.id if saved else None),
    )


def _preview(session: Session, form: BotForm, rule_id: int | None) -> dict[str, object]:
    values = form.values
    workspace = settings.get(session)
    who: Matching | None = None
    offered: OfferedForm | None = None
    with suppress(AssentError):
        who = preview.who(session, values, rule_id, at=clock.now())
        offered = greeting.offered(session, values.form_id, current_locale()) if values.form_id else None
    return {
        "values": values,
        "who": who,
        "offered": offered,
        "office": workspace.messenger_office_name or workspace.name,
        "time_zone": workspace.time_zone,
    }
