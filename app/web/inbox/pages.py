"""The pages: a list, and one conversation beside its list."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.conversations import changes, lifecycle, views
from app.core.conversations.messages import BODY_MAX
from app.web import ids
from app.web.formkit import Form, choices, offered_forms, text
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, conversation_context, list_context, new_client_key
from app.web.services import read_only
from app.web.sign_in.setup import agent_required, current_actor


class ReplyForm(Form):
    """A message or a note. ``client_key``: sending it twice posts it once."""

    kind = RadioField("Write", choices=choices([("message", "Reply"), ("note", "Internal note")]), default="message")
    body = TextAreaField(
        "Your message",
        [DataRequired("Write something first."), Length(max=BODY_MAX, message=f"Use at most {BODY_MAX} characters.")],
        filters=[text],
    )
    client_key = StringField("Key", [Length(max=64)])


class InsertSavedForm(Form):
    """A saved form to insert. ``client_key``: sending it twice inserts it once."""

    form_id = SelectField("Insert a saved form", [DataRequired("Choose a form first.")], validate_choice=False)
    client_key = StringField("Key", [Length(max=64)])


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


def show_conversation(
    conversation_id: int, *, reply: ReplyForm | None = None, insert: InsertSavedForm | None = None
) -> ResponseReturnValue:
    """One conversation beside its list, with the form that was just sent and refused, if any."""
    reply, insert = reply or ReplyForm(formdata=None), insert or InsertSavedForm(formdata=None)
    at, before = clock.now(), request.args.get("line", type=ids.whole_number)
    with read_only() as session:
        cursor = changes.changed_since(session, None).cursor
        conversation = lifecycle.find(session, conversation_id)
        view = views.agent_page(session, conversation_id, at=at, before=before)
        context = list_context(session, ListChoice.from_request(), at=at)
        context |= conversation_context(session, conversation, view, at=at)
        saved_forms = offered_forms(session, context["subscriptions"], actor=current_actor())
        insert.form_id.choices = choices([("", "Choose a form"), *saved_forms])
        page = render_template(
            "inbox/conversation.html",
            cursor=cursor,
            reply=reply,
            insert=insert,
            is_newest=before is None,
            saved_forms=saved_forms,
            insert_key=insert.client_key.data or new_client_key(),
            **context,
        )
    return page, max(reply.status, insert.status)
