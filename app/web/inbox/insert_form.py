"""Insert form: pick a saved one, or configure one in place, with its preview."""

from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock, destinations
from app.core import email as addresses
from app.core import phone as numbers
from app.core.conversations import forms as conversation_forms
from app.core.conversations import messages as conversations
from app.core.errors import AssentError, DestinationRefused, InvalidInput, NotFound
from app.core.forms import publishing as optin_forms
from app.core.forms.publishing import BUTTON_MAX, LEGAL_MAX, TITLE_MAX, FormContent, FormText
from app.core.signing import keys_of
from app.core.subscriptions import subscription_types
from app.core.wording import DEFAULT_BUTTON_TEXT, DEFAULT_LOCALE, LOCALES
from app.core.workspace import settings
from app.models import Channel, Contact, SubscriptionType, Workspace
from app.web.form_page.preview import render_preview
from app.web.formkit import Form, accepted, choices, text
from app.web.inbox import actions as acts
from app.web.inbox import blueprint
from app.web.inbox import context as reading
from app.web.inbox.context import Choice, number_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

_CHANNELS = {Channel.SMS: "SMS", Channel.EMAIL: "e-mail"}
_UNTITLED = "Title of your form"


def _at_most(length: int) -> list[Any]:
    return [Length(max=length, message=f"Use at most {length} characters.")]


class ConfiguredForm(Form):
    """One form for one conversation, in one language."""

    subscription_type_id = SelectField(
        "Subscription type", [DataRequired("Choose a subscription type that is live.")], validate_choice=False
    )
    title = StringField("Title", [DataRequired("Give the form a title."), *_at_most(TITLE_MAX)], filters=[text])
    button_text = StringField("Button text", _at_most(BUTTON_MAX), filters=[text])
    legal_text = TextAreaField("Legal text", _at_most(LEGAL_MAX), filters=[text])
    locale = SelectField("Language of these texts", choices=choices(LOCALES.items()), default=DEFAULT_LOCALE)
    client_key = StringField("Key", _at_most(64))

    def offer(self, types: list[SubscriptionType]) -> None:
        unchosen = [("", "Choose a subscription type")] if len(types) != 1 or self.subscription_type_id.data else []
        offered = [(str(each.id), f"{each.name} ({_CHANNELS[Channel(each.channel)]})") for each in types]
        self.subscription_type_id.choices = choices([*unchosen, *offered])

    def content(self, workspace: Workspace) -> FormContent:
        """As it was sent, with the messenger's colour; ``optin_forms`` checks it."""
        locale = self.locale.data if self.locale.data in LOCALES else DEFAULT_LOCALE
        words = FormText(self.title.data or "", self.button_text.data or "", self.legal_text.data or "")
        return FormContent(
            number_of(self.subscription_type_id.data) or 0,
            {locale: words},
            locale,
            workspace.messenger_accent_color,
            workspace.default_country,
        )


@blueprint.post("/inbox/<int:conversation_id>/forms")
@agent_required
def insert_saved(conversation_id: int) -> ResponseReturnValue:
    """Place a saved form. Refusals go back to the conversation, where the list is."""
    try:
        with unit_of_work() as session:
            form_id = number_of(request.form.get("form_id"))
            if form_id is None:
                raise InvalidInput("Choose a form.", field="form_id")
            conversation_forms.insert_saved(
                session,
                conversation_id,
                form_id,
                actor=current_actor(),
                at=clock.now(),
                client_key=request.form.get("client_key"),
            )
    except AssentError as error:
        if isinstance(error, NotFound) or acts.is_from_script():
            raise
        flash(error.message, "error")
    return acts.back_to(conversation_id)


@blueprint.route("/inbox/<int:conversation_id>/insert", methods=["GET", "POST"])
@agent_required
def configure(conversation_id: int) -> ResponseReturnValue:
    with read_only() as session:
        contact = conversations.contact_of(session, conversations.find(session, conversation_id))
        form = ConfiguredForm(data={"locale": contact.locale if contact.locale in LOCALES else DEFAULT_LOCALE})
    return accepted(form, partial(_inserted, conversation_id=conversation_id)) or (
        _page(conversation_id, form),
        form.status,
    )


@blueprint.route("/inbox/<int:conversation_id>/insert/preview", methods=["GET", "POST"])
@agent_required
def preview(conversation_id: int) -> Response:
    """The form as this contact will see it, whether or not it could be inserted yet. Writes nothing."""
    with read_only() as session:
        contact = conversations.contact_of(session, conversations.find(session, conversation_id))
        workspace = settings.get(session)
        content = _presentable(session, ConfiguredForm().content(workspace))
        chosen = _type_of(session, content)
        saved = saved_of(session, contact, chosen.channel if chosen else Channel.SMS, workspace)
        return render_preview(
            content,
            workspace=workspace,
            subscription_type=chosen,
            state="saved" if saved else "ask",
            locale=content.locale,
            number=saved,
        )


def saved_of(session: Session, contact: Contact, channel: str, workspace: Workspace) -> str:
    """The saved number or address as the form will show it, masked; empty where it will ask for one."""
    stored = contact.phone if channel == Channel.SMS else contact.email
    allowed = frozenset(workspace.allowed_countries)
    try:
        read = destinations.read(keys_of(session), stored or "", channel, region=None, allowed_countries=allowed)
    except DestinationRefused:
        return ""
    return numbers.masked(read.value) if channel == Channel.SMS else addresses.masked(read.value)


def _inserted(form: ConfiguredForm, conversation_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        content = form.content(settings.get(session))
        conversation_forms.insert_configured(
            session,
            conversation_id,
            content,
            actor=current_actor(),
            at=clock.now(),
            client_key=form.client_key.data,
        )
    here = url_for("inbox.conversation_page", conversation_id=conversation_id)
    return redirect(f"{here}{Choice.of_request().query}#reply", 303)


def _page(conversation_id: int, form: ConfiguredForm) -> str:
    with read_only() as session:
        found = conversations.find(session, conversation_id)
        contact = conversations.contact_of(session, found)
        types = subscription_types.find_live(session)
        form.offer(types)
        return render_template(
            "inbox/insert.html",
            form=form,
            types=types,
            conversation=found,
            contact=contact,
            saved=saved_of(session, contact, Channel.SMS, settings.get(session)),
            choice=Choice.of_request(),
            client_key=form.client_key.data or reading.new_key(),
            default_button=DEFAULT_BUTTON_TEXT,
        )


def _presentable(session: Session, content: FormContent) -> FormContent:
    """The content as it would be frozen; while it cannot be, with a title in its place."""
    try:
        return optin_forms.checked_content(session, content)
    except InvalidInput:
        words = content.texts[content.locale]
        return replace(content, texts={content.locale: replace(words, title=words.title or _UNTITLED)})


def _type_of(session: Session, content: FormContent) -> SubscriptionType | None:
    try:
        return subscription_types.find(session, content.subscription_type_id)
    except NotFound:
        return None
