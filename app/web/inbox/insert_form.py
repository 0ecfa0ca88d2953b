"""A form that is configured for one conversation, with its preview."""

from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.consent import eligibility
from app.core.consent.eligibility import SubscriptionStatus
from app.core.conversations import forms as conversation_forms
from app.core.conversations import lifecycle
from app.core.errors import InvalidInput
from app.core.forms import content as form_content
from app.core.forms import legal_text, publishing
from app.core.forms import wording as form_wording
from app.core.forms.concerns import concern_of
from app.core.forms.content import BUTTON_MAX, CHECKBOX_MAX, LEGAL_MAX, TITLE_MAX, FormContent, FormText
from app.core.wording import DEFAULT_BUTTON_TEXT, DEFAULT_LOCALE, LOCALES, translatable
from app.core.workspace import settings
from app.models import Channel, VerifyNumber
from app.web import ids
from app.web.formkit import CONCERNS, Form, accepted, choices, text
from app.web.i18n import gettext, lazy_gettext
from app.web.inbox.actions import back_to
from app.web.inbox.blueprint import blueprint
from app.web.inbox.context import ListChoice, new_client_key
from app.web.inbox.form_preview import language_of, render_for, saved_destination
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import agent_required, current_actor

_CHANNELS = {Channel.SMS: "SMS", Channel.EMAIL: translatable("email")}
_UNTITLED = translatable("Title of your form")


def _at_most(length: int) -> Length:
    return Length(max=length, message=lazy_gettext("Use at most %(most)s characters.", most=length))


class ConfiguredForm(Form):
    """One form for one conversation, in one language."""

    subscription_type_id = SelectField(
        lazy_gettext("Subscription type"),
        [DataRequired(lazy_gettext("Choose a live subscription type."))],
        validate_choice=False,
    )
    title = StringField(
        lazy_gettext("Title"),
        [DataRequired(lazy_gettext("Give the form a title.")), _at_most(TITLE_MAX)],
        filters=[text],
    )
    button_text = StringField(lazy_gettext("Button text"), [_at_most(BUTTON_MAX)], filters=[text])
    legal_text = TextAreaField(lazy_gettext("Legal text"), [_at_most(LEGAL_MAX)], filters=[text])
    checkbox_text = StringField(lazy_gettext("Text of the box"), [_at_most(CHECKBOX_MAX)], filters=[text])
    locale = SelectField(
        lazy_gettext("Language of these texts"), choices=choices(LOCALES.items()), default=DEFAULT_LOCALE
    )
    base = StringField(validators=[_at_most(20)])
    client_key = StringField(validators=[_at_most(64)])

    def offer(self, statuses: list[SubscriptionStatus]) -> None:
        """Fill the choices with the live types, each with what speaks against a form of it for this contact."""
        unchosen = (
            [("", gettext("Choose a subscription type"))]
            if len(statuses) != 1 or self.subscription_type_id.data
            else []
        )
        self.subscription_type_id.choices = choices([*unchosen, *(_offered(each) for each in statuses)])

    def content(self, session: Session) -> FormContent:
        """The content as it was sent. Core checks it.

        What has no field here is as in the saved form that it is a copy of, else as in the messenger.
        """
        workspace, base = settings.get(session), _base(session, ids.parse_id(self.base.data))
        locale = self.locale.data if self.locale.data in LOCALES else DEFAULT_LOCALE
        texts = FormText(
            title=self.title.data or "",
            button_text=self.button_text.data or "",
            legal_text=self.legal_text.data or "",
            checkbox_text=self.checkbox_text.data or "",
        )
        color, country = workspace.accent_color, workspace.default_country
        if base is not None:
            texts = replace(texts, success_text=base.texts[locale].success_text if locale in base.texts else "")
            color, country = base.accent_color, base.default_country
        type_id = ids.parse_id(self.subscription_type_id.data) or 0
        # of the same type only: another one may be of emails
        is_same = base is not None and base.subscription_type_id == type_id
        method = base.verify_number if base is not None and is_same else VerifyNumber.OFF
        return FormContent(type_id, {locale: texts}, locale, color, country, method)


@blueprint.route("/inbox/<int:conversation_id>/insert", methods=["GET", "POST"])
@agent_required
def configure(conversation_id: int) -> ResponseReturnValue:
    """A form for this conversation only; with ``?form=3`` it starts as a copy of that saved form."""
    base_id = request.args.get("form", type=ids.whole_number)
    with read_only() as session:
        contact = lifecycle.contact_of(session, lifecycle.find(session, conversation_id))
        form = ConfiguredForm(data=_copied(session, base_id, language_of(contact)))
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
        base_id = request.args.get("form", type=ids.whole_number)
        form = ConfiguredForm(data=_copied(session, base_id, language_of(contact)))
        content = _presentable(session, form.content(session))
        return render_for(session, contact, content, locale=content.locale)


def _inserted(form: ConfiguredForm, conversation_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        content, key = form.content(session), form.client_key.data
        conversation_forms.insert_configured(
            session, conversation_id, content, actor=current_actor(), at=clock.now(), client_key=key
        )
    return back_to(conversation_id)


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
            saved=saved_destination(session, contact, Channel.SMS, workspace),
            may_write=legal_text.may_write(session, current_actor()),
            time_zone=workspace.time_zone,
            choice=ListChoice.from_request(),
            client_key=form.client_key.data or new_client_key(),
            default_button=DEFAULT_BUTTON_TEXT,
        )


def _copied(session: Session, form_id: int | None, locale: str) -> dict[str, Any]:
    """The values of the fields for a copy of this saved form, or of an empty form, in the contact's language."""
    found = _base(session, form_id)
    if found is None:
        return {"locale": locale}
    known = form_wording.page_locale(found, locale)
    texts = found.texts[known]
    return {
        "base": str(form_id),
        "subscription_type_id": str(found.subscription_type_id),
        "locale": known,
        "checkbox_text": texts.checkbox_text or found.texts[found.locale].checkbox_text,
        **{name: getattr(texts, name) for name in ("title", "button_text", "legal_text")},
    }


def _base(session: Session, form_id: int | None) -> FormContent | None:
    """The content of the saved form that a configured one is a copy of."""
    if form_id is None:
        return None
    return form_content.content_of(publishing.newest_version(session, publishing.find(session, form_id)))


def _offered(status: SubscriptionStatus) -> tuple[str, str]:
    offered = status.subscription_type
    label = f"{offered.name} ({gettext(_CHANNELS[Channel(offered.channel)])})"
    if concern := concern_of(status):
        label = gettext("%(choice)s: %(concern)s", choice=label, concern=gettext(CONCERNS[concern]))
    return str(offered.id), label


def _presentable(session: Session, content: FormContent) -> FormContent:
    """The content as it would be frozen. While it is invalid, an empty title becomes a placeholder."""
    try:
        return form_content.checked_content(session, content)
    except InvalidInput:
        texts = content.texts[content.locale]
        return replace(content, texts={content.locale: replace(texts, title=texts.title or gettext(_UNTITLED))})
