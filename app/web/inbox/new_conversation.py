"""A new conversation with a contact: a text, and perhaps a form in it."""

from functools import partial

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.contacts import records as contacts
from app.core.conversations import forms as conversation_forms
from app.core.conversations import views as conversation_views
from app.core.conversations.messages import BODY_MAX
from app.web.formkit import Form, accepted, choices, text
from app.web.inbox import blueprint
from app.web.inbox import context as reading
from app.web.inbox.context import number_of, offered_forms
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required

CONFIGURE = "configure"


class StartForm(Form):
    body = TextAreaField(
        "Message",
        [DataRequired("Write something first."), Length(max=BODY_MAX, message=f"Use at most {BODY_MAX} characters.")],
        filters=[text],
    )
    form_id = SelectField("Form", validate_choice=False)
    client_key = StringField("Key", [Length(max=64)])


@blueprint.route("/inbox/new/<public_id>", methods=["GET", "POST"])
@agent_required
def start_page(public_id: str) -> ResponseReturnValue:
    form = StartForm()
    return accepted(form, partial(_started, public_id=public_id)) or (_page(public_id, form), form.status)


def _started(form: StartForm, public_id: str) -> ResponseReturnValue:
    with unit_of_work() as session:
        made = conversation_forms.begin(
            session,
            contacts.find(session, public_id),
            form.body.data or "",
            number_of(form.form_id.data),
            agent_id=reading.my_id(),
            at=clock.now(),
            client_key=form.client_key.data,
        )
    view = "inbox.configure" if form.form_id.data == CONFIGURE else "inbox.conversation_page"
    return redirect(url_for(view, conversation_id=made.id), 303)


def _page(public_id: str, form: StartForm) -> str:
    with read_only() as session:
        contact = contacts.find(session, public_id)
        form.form_id.choices = choices(
            [("", "No form"), *offered_forms(session), (CONFIGURE, "Configure one in the next step")]
        )
        running = [each for each in conversation_views.for_contact(session, contact.id) if each.state == "open"]
        return render_template(
            "inbox/start.html",
            form=form,
            contact=contact,
            running=running,
            client_key=form.client_key.data or reading.new_key(),
        )
