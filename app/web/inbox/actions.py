"""What agents do in a conversation: reply, insert or withdraw a form, close, reopen, assign, mark as read."""

from functools import partial

from flask import flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.conversations.appending import NewMessage
from app.core.errors import InvalidInput, InvalidState
from app.core.inbox import presence, replying
from app.models import MessageKind
from app.web import ids
from app.web.formkit import accepted
from app.web.i18n import gettext, sentence_of
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, my_id
from app.web.inbox.pages import ReplyForm, show_conversation
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


@blueprint.post("/inbox/<int:conversation_id>/messages")
@agent_required
def reply(conversation_id: int) -> ResponseReturnValue:
    form = ReplyForm()
    return accepted(form, partial(_posted, conversation_id=conversation_id)) or show_conversation(
        conversation_id, reply=form
    )


@blueprint.post("/inbox/<int:conversation_id>/forms/<int:inserted_form_id>/withdraw")
@agent_required
def withdraw_form(conversation_id: int, inserted_form_id: int) -> ResponseReturnValue:
    """Take an inserted form back. A refusal is shown on the page of the conversation."""
    try:
        with unit_of_work() as session:
            conversation_forms.withdraw_from(
                session, conversation_id, inserted_form_id, actor=current_actor(), at=clock.now()
            )
    except InvalidState as error:
        if is_from_script():
            raise
        flash(sentence_of(error), "error")
    return back_to(conversation_id)


@blueprint.post("/inbox/<int:conversation_id>/<any(close, reopen):action>")
@agent_required
def close_or_reopen(conversation_id: int, action: str) -> ResponseReturnValue:
    change = lifecycle.close if action == "close" else lifecycle.reopen
    with unit_of_work() as session:
        change(session, conversation_id, actor=current_actor(), at=clock.now())
        _mark_shown_read(session, conversation_id)
    text = gettext("Conversation closed.") if action == "close" else gettext("Conversation reopened.")
    if is_from_script():
        undo = url_for("inbox.close_or_reopen", conversation_id=conversation_id, action="reopen")
        return jsonify(text=text, undo=undo) if action == "close" else ("", 204)
    flash(text)
    return back_to(conversation_id)


@blueprint.post("/inbox/<int:conversation_id>/assignee")
@agent_required
def assign(conversation_id: int) -> ResponseReturnValue:
    chosen = request.form.get("assignee", "")
    agent_id = ids.parse_id(chosen)
    if chosen and agent_id is None:
        raise InvalidInput("Choose a teammate.", field="assignee")
    with unit_of_work() as session:
        lifecycle.assign(session, conversation_id, agent_id, actor=current_actor(), at=clock.now())
    return back_to(conversation_id)


@blueprint.post("/inbox/<int:conversation_id>/read")
@agent_required
def mark_read(conversation_id: int) -> ResponseReturnValue:
    """Mark as read, for pages without scripts. Scripts report by themselves what was read."""
    with unit_of_work() as session:
        _mark_shown_read(session, conversation_id)
    return back_to(conversation_id)


def _posted(form: ReplyForm, conversation_id: int) -> ResponseReturnValue:
    kind = MessageKind.NOTE if form.kind.data == "note" else MessageKind.MESSAGE
    new = NewMessage(current_actor(), form.body.data or "", kind, form.client_key.data or None)
    with unit_of_work() as session:
        form_id = ids.parse_id(form.form_id.data)
        replying.reply(session, conversation_id, new, form_id, at=clock.now())
        _mark_shown_read(session, conversation_id)
    return back_to(conversation_id)


def _mark_shown_read(session: Session, conversation_id: int) -> None:
    """Mark as read what the page showed when it was sent, not what arrived since then."""
    shown = request.form.get("revision", 0, type=ids.whole_number)
    presence.mark_read_up_to(session, conversation_id, my_id(), shown)


def back_to(conversation_id: int) -> ResponseReturnValue:
    """Redirect to the conversation. A script gets 204, and polls for what changed."""
    if is_from_script():
        return "", 204
    params = ListChoice.from_request().params()
    page = url_for("inbox.conversation_page", conversation_id=conversation_id, _anchor="reply", **params)
    return redirect(page, 303)


def is_from_script() -> bool:
    return request.headers.get("X-Requested-With") == "fetch"
