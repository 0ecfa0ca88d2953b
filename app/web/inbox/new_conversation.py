"""A new conversation with a contact: a text, and perhaps a form."""

from functools import partial

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import Length

from app.core import clock
from app.core.consent import eligibility, reach
from app.core.contacts import records as contacts
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle, views
from app.core.conversations.forms import FirstMessage
from app.core.workspace import settings
from app.web import ids
from app.web.formkit import Form, accepted, choices, offered_forms
from app.web.i18n import gettext, lazy_gettext
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import my_id, new_client_key
from app.web.inbox.message_field import message_field
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

CONFIGURE = "configure"


class StartForm(Form):
    body = message_field(lazy_gettext("Message"))
    form_id = SelectField(lazy_gettext("Form"), validate_choice=False)
    client_key = StringField(validators=[Length(max=64)])


@blueprint.route("/inbox/new/<public_id>", methods=["GET", "POST"])
@agent_required
def start_page(public_id: str) -> ResponseReturnValue:
    form = StartForm()
    return accepted(form, partial(_started, public_id=public_id)) or (_page(public_id, form), form.status)


def _started(form: StartForm, public_id: str) -> ResponseReturnValue:
    first = FirstMessage(form.body.data or "", ids.parse_id(form.form_id.data), form.client_key.data)
    conversation_id = _begun(public_id, first)
    view = "inbox.configure" if form.form_id.data == CONFIGURE else "inbox.conversation_page"
    return redirect(url_for(view, conversation_id=conversation_id), 303)


def _begun(public_id: str, first: FirstMessage) -> int:
    with unit_of_work() as session:
        contact = contacts.find_current(session, public_id)
        return conversation_forms.begin(session, contact, first, agent_id=my_id(), at=clock.now()).conversation_id


def _page(public_id: str, form: StartForm) -> str:
    with read_only() as session:
        contact = contacts.find_current(session, public_id)
        reach.refuse_gone(session, merged_into_id=contact.merged_into_id, erased_at=contact.erased_at)
        statuses = eligibility.statuses(session, contact)
        form.form_id.choices = choices(
            [
                ("", gettext("No form")),
                *offered_forms(session, statuses, actor=current_actor()),
                (CONFIGURE, gettext("Configure one in the next step")),
            ]
        )
        return render_template(
            "inbox/start.html",
            form=form,
            contact=contact,
            running=[each for each in views.for_contact(session, contact.id) if each.state != "closed"],
            has_messenger=lifecycle.has_messenger(session, contact),
            client_key=form.client_key.data or new_client_key(),
            time_zone=settings.get(session).time_zone,
        )
