"""What can be done with an outbound chat: schedule, send, stop, delete."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.errors import InvalidInput, InvalidState
from app.core.outbound_chats import drafts, lifecycle
from app.core.wording import translatable
from app.core.workspace import settings
from app.models import OutboundChat
from app.web.composing import ScheduleForm
from app.web.formkit import accepted
from app.web.i18n import gettext, sentence_of
from app.web.outbound_chats import page
from app.web.outbound_chats.blueprint import blueprint
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required

STEPS: dict[str, tuple[Callable[..., OutboundChat], str]] = {
    "send": (lifecycle.send, translatable("The outbound chat begins. Each person gets it at the next visit.")),
    "unschedule": (lifecycle.unschedule, translatable("The outbound chat is a draft again. Nothing will be sent.")),
}


@blueprint.post("/outbound-chats/<int:chat_id>/<any(send, unschedule):step>")
@marketer_required
def step_chat(chat_id: int, step: str) -> ResponseReturnValue:
    """What the state of the outbound chat does not allow is said on its page."""
    act, done = STEPS[step]
    try:
        with unit_of_work() as session:
            act(session, chat_id, actor=current_actor(), at=clock.now())
        flash(gettext(done))
    except (InvalidState, InvalidInput) as error:
        flash(sentence_of(error), "warning")
    return _to_page(chat_id)


@blueprint.post("/outbound-chats/<int:chat_id>/stop")
@marketer_required
def stop_chat(chat_id: int) -> ResponseReturnValue:
    withdraws = request.form.get("withdraw") == "yes"
    try:
        with unit_of_work() as session:
            lifecycle.stop(session, chat_id, withdraws_forms=withdraws, actor=current_actor(), at=clock.now())
        flash(gettext("The outbound chat is stopped. No one else gets it."))
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return _to_page(chat_id)


@blueprint.post("/outbound-chats/<int:chat_id>/delete")
@marketer_required
def delete_chat(chat_id: int) -> ResponseReturnValue:
    try:
        with unit_of_work() as session:
            drafts.delete_draft(session, chat_id, actor=current_actor(), at=clock.now())
    except InvalidState as error:
        flash(sentence_of(error), "warning")
        return _to_page(chat_id)
    flash(gettext("The draft is deleted."))
    return redirect(url_for("outbound_chats.list_page"), 303)


@blueprint.post("/outbound-chats/<int:chat_id>/schedule")
@marketer_required
def schedule_chat(chat_id: int) -> ResponseReturnValue:
    def save(form: ScheduleForm) -> ResponseReturnValue:
        with unit_of_work() as session:
            send_at = form.moment(ZoneInfo(settings.get(session).time_zone))
            lifecycle.schedule(session, chat_id, send_at, actor=current_actor(), at=clock.now())
        flash(gettext("The outbound chat is scheduled."))
        return _to_page(chat_id)

    form = ScheduleForm()
    if answer := accepted(form, save):
        return answer
    for sentence in form.form_errors:
        flash(sentence, "warning")
    with read_only() as session:
        return page.shown(session, drafts.get(session, chat_id), schedule=form), 422


def _to_page(chat_id: int) -> ResponseReturnValue:
    return redirect(url_for("outbound_chats.chat_page", chat_id=chat_id), 303)
