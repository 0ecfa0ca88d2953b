"""The picker: the saved forms that can be sent in a conversation. Scripts show the same page in a dialog."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, flash, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.consent import eligibility
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.errors import InvalidInput, InvalidState
from app.core.forms import legal_text, publishing
from app.core.forms import wording as form_wording
from app.core.forms.concerns import Concern
from app.core.forms.content import content_of
from app.core.forms.publishing import PublishedForm
from app.core.workspace import settings
from app.models import Message
from app.web import ids
from app.web.formkit import CONCERNS, Form, accepted, forms_with_concerns
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.inbox.actions import back_to, is_from_script
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, new_client_key
from app.web.inbox.form_preview import language_of, render_for
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor


class PickedForm(Form):
    """A saved form to send. ``client_key``: sending it twice inserts it once."""

    form_id = StringField(lazy_gettext("Form"), [DataRequired(lazy_gettext("Choose a form first."))])
    client_key = StringField(validators=[Length(max=64)])


@dataclass(frozen=True)
class Pick:
    """One saved form in the picker, with its title as the contact reads it (in ``locale``) and what is against it."""

    id: int
    name: str
    title: str
    locale: str
    type_name: str
    channel: str
    warning: str
    is_refused: bool


@blueprint.route("/inbox/<int:conversation_id>/forms", methods=["GET", "POST"])
@agent_required
def picker(conversation_id: int) -> ResponseReturnValue:
    """The picker; a POST sends the chosen form. A refusal is shown in the picker."""
    form = PickedForm()
    return accepted(form, partial(_inserted, conversation_id=conversation_id)) or (
        _page(conversation_id, form),
        form.status,
    )


@blueprint.post("/inbox/<int:conversation_id>/forms/<int:inserted_form_id>/again")
@agent_required
def send_again(conversation_id: int, inserted_form_id: int) -> ResponseReturnValue:
    """Send the form of a card again. A refusal is shown on the page of the conversation."""
    key = request.form.get("client_key") or None
    try:
        with unit_of_work() as session:
            sent = conversation_forms.send_again(
                session, conversation_id, inserted_form_id, actor=current_actor(), at=clock.now(), client_key=key
            )
    except InvalidState as error:
        if is_from_script():
            raise
        flash(sentence_of(error), "error")
        return back_to(conversation_id)
    return _sent(conversation_id, sent)


@blueprint.get("/inbox/<int:conversation_id>/forms/<int:form_id>/preview")
@agent_required
def preview_saved(conversation_id: int, form_id: int) -> Response:
    """A saved form as this contact will see it, in the contact's language."""
    with read_only() as session:
        contact = lifecycle.contact_of(session, lifecycle.find(session, conversation_id))
        content = content_of(publishing.newest_version(session, publishing.find(session, form_id)))
        return render_for(session, contact, content, locale=language_of(contact))


def _inserted(form: PickedForm, conversation_id: int) -> ResponseReturnValue:
    form_id = ids.parse_id(form.form_id.data)
    if form_id is None:
        raise InvalidInput("Choose a form first.", field="form_id")
    key = form.client_key.data or None
    with unit_of_work() as session:
        sent = conversation_forms.insert_saved(
            session, conversation_id, form_id, actor=current_actor(), at=clock.now(), client_key=key
        )
    return _sent(conversation_id, sent)


def _sent(conversation_id: int, sent: Message) -> ResponseReturnValue:
    """Redirect to the conversation. A script gets ``{text, undo}``, with the address that withdraws the form."""
    if not is_from_script():
        return back_to(conversation_id)
    undo = url_for("inbox.withdraw_form", conversation_id=conversation_id, inserted_form_id=sent.inserted_form_id)
    return jsonify(text=gettext("Form sent."), undo=undo)


def _page(conversation_id: int, form: PickedForm) -> str:
    with read_only() as session:
        conversation = lifecycle.find(session, conversation_id)
        contact = lifecycle.contact_of(session, conversation)
        return render_template(
            "inbox/forms.html",
            form=form,
            picks=_picks(session, eligibility.live_statuses(session, contact), locale=language_of(contact)),
            conversation=conversation,
            contact=contact,
            may_write=legal_text.may_write(session, current_actor()),
            time_zone=settings.get(session).time_zone,
            choice=ListChoice.from_request(),
            client_key=form.client_key.data or new_client_key(),
        )


def _picks(session: Session, statuses: list[Any], *, locale: str) -> list[Pick]:
    found = forms_with_concerns(session, statuses, actor=current_actor())
    return [_pick(offered, concern, locale) for offered, concern in found]


def _pick(offered: PublishedForm, concern: Concern | None, locale: str) -> Pick:
    content = content_of(offered.version)
    shown_in = form_wording.page_locale(content, locale)
    return Pick(
        id=offered.form.id,
        name=offered.form.name,
        title=content.texts[shown_in].title,
        locale=shown_in,
        type_name=offered.subscription_type.name,
        channel=offered.subscription_type.channel,
        warning=_sentence(gettext(CONCERNS[concern])) if concern else "",
        is_refused=bool(concern and concern.is_refused),
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
