"""The pages: a list, and one conversation beside its list."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField
from wtforms.validators import Length

from app.core import clock
from app.core.conversations import changes, lifecycle, views
from app.web import ids
from app.web.formkit import Form, choices
from app.web.i18n import lazy_gettext
from app.web.inbox import reply_picker
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, conversation_context, list_context
from app.web.inbox.message_field import message_field
from app.web.services import read_only
from app.web.sign_in.setup import agent_required


class ReplyForm(Form):
    """A message or a note. ``form_id``: sent after a message. ``client_key``: sending it twice posts it once."""

    kind = RadioField(
        lazy_gettext("Write"),
        choices=choices([("message", lazy_gettext("Reply")), ("note", lazy_gettext("Internal note"))]),
        default="message",
    )
    body = message_field(lazy_gettext("Your message"))
    form_id = StringField(lazy_gettext("Form"), [Length(max=20)])
    client_key = StringField(validators=[Length(max=64)])


@blueprint.get("/inbox")
@agent_required
def list_page() -> str:
    with read_only() as session:
        cursor = changes.changed_since(session, None).cursor
        context = list_context(session, ListChoice.from_request(), at=clock.now())
        return render_template("inbox/list.html", cursor=cursor, **context)


@blueprint.get("/inbox/<int:conversation_id>")
@agent_required
def conversation_page(conversation_id: int) -> ResponseReturnValue:
    return show_conversation(conversation_id)


def show_conversation(conversation_id: int, *, reply: ReplyForm | None = None) -> ResponseReturnValue:
    """One conversation beside its list, with the reply that was just sent and refused, if any."""
    at, before = clock.now(), request.args.get("line", type=ids.whole_number)
    with read_only() as session:
        cursor = changes.changed_since(session, None).cursor
        conversation = lifecycle.find(session, conversation_id)
        view = views.agent_page(session, conversation_id, at=at, before=before)
        context = list_context(session, ListChoice.from_request(), at=at)
        context |= conversation_context(session, conversation, view, at=at, earlier={})
        contact = context["contact"]
        reply = reply or ReplyForm(formdata=None, data=reply_picker.picked_values(session, contact))
        page = render_template(
            "inbox/conversation.html",
            cursor=cursor,
            reply=reply,
            attached=reply_picker.attached_form(session, contact, reply.form_id.data),
            is_newest=before is None,
            has_messenger=lifecycle.has_messenger(session, contact),
            **context,
        )
    return page, reply.status
