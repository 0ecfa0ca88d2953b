"""A form that is configured for one conversation, with its preview."""

from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock, destinations, email, phone
from app.core.consent import eligibility, reach
from app.core.consent.eligibility import SubscriptionStatus
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.errors import DestinationRefused, InvalidInput, NotFound
from app.core.forms import content as form_content
from app.core.forms.concerns import Concern, concern_of
from app.core.forms.content import BUTTON_MAX, CHECKBOX_MAX, LEGAL_MAX, TITLE_MAX, FormContent, FormText
from app.core.forms.form_view import State
from app.core.signing import keys_of
from app.core.subscriptions import subscription_types
from app.core.wording import DEFAULT_BUTTON_TEXT, DEFAULT_LOCALE, LOCALES
from app.core.workspace import settings
from app.models import Channel, Contact, SubscriptionType, Workspace
from app.web import ids
from app.web.form_page.preview import render_preview
from app.web.formkit import CONCERNS, Form, accepted, choices, text
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, new_client_key
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

_CHANNELS = {Channel.SMS: "SMS", Channel.EMAIL: "email"}
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
    checkbox_text = StringField("Text of the box", _at_most(CHECKBOX_MAX), filters=[text])
    locale = SelectField("Language of these texts", choices=choices(LOCALES.items()), default=DEFAULT_LOCALE)
    client_key = StringField("Key", _at_most(64))

    def offer(self, statuses: list[SubscriptionStatus]) -> None:
        """Fill the choices with the live types, each with what speaks against a form of it for this contact."""
        unchosen = [("", "Choose a subscription type")] if len(statuses) != 1 or self.subscription_type_id.data else []
        self.subscription_type_id.choices = choices([*unchosen, *(_offered(each) for each in statuses)])

    def content(self, workspace: Workspace) -> FormContent:
        """The content as it was sent, in the messenger's color. Core checks it."""
        locale = self.locale.data if self.locale.data in LOCALES else DEFAULT_LOCALE
        texts = FormText(
            title=self.title.data or "",
            button_text=self.button_text.data or "",
            legal_text=self.legal_text.data or "",
            checkbox_text=self.checkbox_text.data or "",
        )
        return FormContent(
            ids.parse_id(self.subscription_type_id.data) or 0,
            {locale: texts},
            locale,
            workspace.messenger_accent_color,
            workspace.default_country,
        )


@blueprint.route("/inbox/<int:conversation_id>/insert", methods=["GET", "POST"])
@agent_required
def configure(conversation_id: int) -> ResponseReturnValue:
    with read_only() as session:
        contact = lifecycle.contact_of(session, lifecycle.find(session, conversation_id))
        form = ConfiguredForm(data={"locale": contact.locale if contact.locale in LOCALES else DEFAULT_LOCALE})
    return accepted(form, partial(_inserted, conversation_id=conversation_id)) or (
        _page(conversation_id, form),
        form.status,
    )


@blueprint.route("/inbox/<int:conversation_id>/insert/preview", methods=["GET", "POST"])
@agent_required
def preview(conversation_id: int) -> Response:
    """The form as this contact will see it, whether or not it can be inserted yet. Only reads."""
    with read_only() as session:
        contact = lifecycle.contact_of(session, lifecycle.find(session, conversation_id))
        workspace = settings.get(session)
        content = _presentable(session, ConfiguredForm().content(workspace))
        chosen = _type_of(session, content)
        saved = _saved_destination(session, contact, chosen.channel if chosen else Channel.SMS, workspace)
        return render_preview(
            content,
            workspace=workspace,
            subscription_type=chosen,
            state=_previewed_state(session, contact, chosen, saved=saved),
            locale=content.locale,
            number=saved,
        )


def _inserted(form: ConfiguredForm, conversation_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        content = form.content(settings.get(session))
        key = form.client_key.data
        conversation_forms.insert_configured(
            session, conversation_id, content, actor=current_actor(), at=clock.now(), client_key=key
        )
    params = ListChoice.from_request().params()
    return redirect(url_for("inbox.conversation_page", conversation_id=conversation_id, _anchor="reply", **params), 303)


def _page(conversation_id: int, form: ConfiguredForm) -> str:
    with read_only() as session:
        conversation = lifecycle.find(session, conversation_id)
        contact = lifecycle.contact_of(session, conversation)
        statuses = eligibility.live_statuses(session, contact)
        form.offer(statuses)
        workspace = settings.get(session)
        return render_template(
            "inbox/insert.html",
            form=form,
            types=statuses,
            conversation=conversation,
            contact=contact,
            saved=_saved_destination(session, contact, Channel.SMS, workspace),
            time_zone=workspace.time_zone,
            choice=ListChoice.from_request(),
            client_key=form.client_key.data or new_client_key(),
            default_button=DEFAULT_BUTTON_TEXT,
        )


def _offered(status: SubscriptionStatus) -> tuple[str, str]:
    offered = status.subscription_type
    label, concern = f"{offered.name} ({_CHANNELS[Channel(offered.channel)]})", concern_of(status)
    return str(offered.id), f"{label}: {CONCERNS[concern]}" if concern else label


def _previewed_state(session: Session, contact: Contact, chosen: SubscriptionType | None, *, saved: str) -> State:
    """The state that the form would have for this contact."""
    if reach.is_out_of_reach(contact):
        return State.UNAVAILABLE
    if chosen and saved and concern_of(eligibility.status(session, contact, chosen)) == Concern.SIGNED_UP:
        return State.SIGNED_UP
    return State.SAVED if saved else State.ASK


def _saved_destination(session: Session, contact: Contact, channel: str, workspace: Workspace) -> str:
    """The saved number or address as the form will show it, masked; empty where the form will ask for one."""
    stored = contact.phone if channel == Channel.SMS else contact.email
    allowed = frozenset(workspace.allowed_countries)
    try:
        found = destinations.read(keys_of(session), stored or "", channel, region=None, allowed_countries=allowed)
    except DestinationRefused:
        return ""
    return phone.masked(found.value) if channel == Channel.SMS else email.masked(found.value)


def _presentable(session: Session, content: FormContent) -> FormContent:
    """The content as it would be frozen. While it is invalid, an empty title becomes a placeholder."""
    try:
        return form_content.checked_content(session, content)
    except InvalidInput:
        texts = content.texts[content.locale]
        return replace(content, texts={content.locale: replace(texts, title=texts.title or _UNTITLED)})


def _type_of(session: Session, content: FormContent) -> SubscriptionType | None:
    try:
        return subscription_types.find(session, content.subscription_type_id)
    except NotFound:
        return None
