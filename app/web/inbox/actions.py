"""What agents do in a conversation: write, close, open again, assign."""

from functools import partial

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.core import clock
from app.core.conversations import messages as conversations
from app.core.errors import InvalidInput
from app.core.inbox import lists as inbox
from app.models import MessageKind
from app.web import ids as numbers
from app.web.formkit import accepted
from app.web.inbox import blueprint
from app.web.inbox import context as reading
from app.web.inbox.context import Choice
from app.web.inbox.pages import ReplyForm, show
from app.web.services import unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


@blueprint.post("/inbox/<int:conversation_id>/messages")
@agent_required
def write(conversation_id: int) -> ResponseReturnValue:
    form = ReplyForm()
    return accepted(form, partial(_written, conversation_id=conversation_id)) or show(conversation_id, form)


@blueprint.post("/inbox/<int:conversation_id>/<any(close, reopen):step>")
@agent_required
def step(conversation_id: int, step: str) -> ResponseReturnValue:
    change = conversations.close if step == "close" else conversations.reopen
    with unit_of_work() as session:
        change(session, conversation_id, actor=current_actor(), at=clock.now())
        _read_by_me(session, conversation_id)
    if not is_from_script():
        flash("The conversation is closed." if step == "close" else "The conversation is open again.")
    return back_to(conversation_id)


@blueprint.post("/inbox/<int:conversation_id>/assignee")
@agent_required
def assign(conversation_id: int) -> ResponseReturnValue:
    chosen = request.form.get("assignee", "")
    with unit_of_work() as session:
        conversations.assign(session, conversation_id, _agent(chosen), actor=current_actor(), at=clock.now())
    return back_to(conversation_id)


@blueprint.post("/inbox/<int:conversation_id>/read")
@agent_required
def read(conversation_id: int) -> ResponseReturnValue:
    """For pages without scripts, which cannot tell by themselves."""
    with unit_of_work() as session:
        _read_by_me(session, conversation_id)
    return back_to(conversation_id)


def back_to(conversation_id: int) -> ResponseReturnValue:
    """The page again; a script is told that it worked and asks for what is new."""
    if is_from_script():
        return "", 204
    here = url_for("inbox.conversation_page", conversation_id=conversation_id)
    return redirect(f"{here}{Choice.of_request().query}#reply", 303)


def is_from_script() -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _written(form: ReplyForm, conversation_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        conversations.say(
            session,
            conversation_id,
            author=current_actor(),
            body=form.body.data or "",
            kind=MessageKind.NOTE if form.kind.data == "note" else MessageKind.MESSAGE,
            client_key=form.client_key.data or None,
            at=clock.now(),
        )
        _read_by_me(session, conversation_id)
    return back_to(conversation_id)


def _read_by_me(session: Session, conversation_id: int) -> None:
    """Up to what the page showed that was sent, not to what came meanwhile."""
    found = conversations.find(session, conversation_id)
    shown = request.form.get("revision", 0, type=numbers.whole)
    inbox.mark_read(session, conversation_id, reading.my_id(), max(0, min(shown, found.revision)))


def _agent(chosen: str) -> int | None:
    if chosen == "":
        return None
    if not chosen.isascii() or not chosen.isdigit() or len(chosen) > 9:
        raise InvalidInput("Choose somebody who works here.", field="assignee")
    return int(chosen)
