"""All rules in their order, and what can be done with one: switch it, move it, delete it."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.bots import rules
from app.core.contacts import segments
from app.core.errors import InvalidState
from app.core.forms import publishing
from app.core.subscriptions import subscription_types
from app.core.workspace import settings
from app.web.bots import labels
from app.web.bots.blueprint import blueprint
from app.web.i18n import gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required


@blueprint.get("/bots")
@marketer_required
def list_page() -> str:
    with read_only() as session:
        listed = rules.find_all(session)
        names = {
            "types": {each.id: each.name for each in subscription_types.find_all(session)},
            "segments": {each.id: each.name for each in segments.find_all(session)},
        }
        workspace = settings.get(session)
        return render_template(
            "bots/list.html",
            listed=listed,
            names=names,
            forms=publishing.names(session, [each.rule.form_id for each in listed if each.rule.form_id is not None]),
            problems=labels.PROBLEMS,
            pause_hours=workspace.bot_pause_hours,
        )


@blueprint.post("/bots/<int:rule_id>/<any(on, off):switch>")
@marketer_required
def switch_bot(rule_id: int, switch: str) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            rules.switch(session, rule_id, is_on=switch == "on", actor=current_actor(), at=clock.now())
        flash(gettext("The bot is on.") if switch == "on" else gettext("The bot is off."))
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return _to_list(rule_id)


@blueprint.post("/bots/<int:rule_id>/<any(up, down):direction>")
@marketer_required
def move_bot(rule_id: int, direction: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        rules.move(session, rule_id, is_up=direction == "up", actor=current_actor(), at=clock.now())
    return _to_list(rule_id)


@blueprint.post("/bots/<int:rule_id>/delete")
@marketer_required
def delete_bot(rule_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        rules.remove(session, rule_id, actor=current_actor(), at=clock.now())
    flash(gettext("The bot is deleted."))
    return redirect(url_for("bots.list_page"), 303)


def _to_list(rule_id: int) -> ResponseReturnValue:
    return redirect(url_for("bots.list_page", _anchor=f"bot-{rule_id}"), 303)
