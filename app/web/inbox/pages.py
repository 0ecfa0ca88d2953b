"""The list, and one conversation."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.conversations import changes as inbox_changes
from app.core.conversations import messages as conversations
from app.core.conversations import views as conversation_views
from app.core.conversations.messages import BODY_MAX
from app.web import ids as numbers
from app.web.formkit import Form, choices, text
from app.web.inbox import blueprint
from app.web.inbox import context as reading
from app.web.inbox.context import Choice, offered_forms
from app.web.services import read_only
from app.web.sign_in.setup import agent_required


class ReplyForm(Form):
    """What is written, as a message or as a note. ``client_key``: sent twice, it arrives once."""

    kind = RadioField("Write", choices=choices([("message", "Reply"), ("note", "Internal note")]), default="message")
    body = TextAreaField(
        "Your message",
        [DataRequired("Write something first."), Length(max=BODY_MAX, message=f"Use at most {BODY_MAX} characters.")],
        filters=[text],
    )
    client_key = StringField("Key", [Length(max=64)])


@blueprint.get("/inbox")
@agent_required
def list_page() -> str:
    with read_only() as session:
        cursor = inbox_changes.changed_since(session, None).cursor
        return render_template(
            "inbox/list.html", cursor=cursor, **reading.list_of(session, Choice.of_request(), at=clock.now())
        )


@blueprint.get("/inbox/<int:conversation_id>")
@agent_required
def conversation_page(conversation_id: int) -> ResponseReturnValue:
    return show(conversation_id, ReplyForm(formdata=None))


def show(conversation_id: int, reply: ReplyForm) -> ResponseReturnValue:
    """One conversation beside the list, with the reply as it stands."""
    at, before = clock.now(), request.args.get("line", type=numbers.whole)
    with read_only() as session:
        cursor = inbox_changes.changed_since(session, None).cursor
        found = conversations.find(session, conversation_id)
        view = conversation_views.page(session, conversation_id, at=at, before=before)
        page = render_template(
            "inbox/conversation.html",
            cursor=cursor,
            reply=reply,
            is_newest=before is None,
            saved_forms=offered_forms(session),
            insert_key=reading.new_key(),
            **reading.list_of(session, Choice.of_request(), at=at)
            | reading.conversation_of(session, found, view, at=at),
        )
    return page, reply.status
