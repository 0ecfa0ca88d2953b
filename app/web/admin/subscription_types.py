"""Subscription types: the list, and the page of one type."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import clock
from app.core.confirmations import texts
from app.core.contacts import filters, search
from app.core.contacts.filters import Query
from app.core.errors import InvalidInput, InvalidState
from app.core.subscriptions import preference_form, subscription_types, welcome_text
from app.core.subscriptions.subscription_types import (
    DESCRIPTION_MAX,
    NAME_MAX,
    NewSubscriptionType,
    Translations,
    TypeChange,
)
from app.core.subscriptions.welcome_text import WELCOME_MAX
from app.core.wording import LOCALES, translatable
from app.models import Channel, ConsentType, OptInForm, SubscriptionType, TypeState
from app.web import ids
from app.web.admin.blueprint import blueprint
from app.web.formkit import Form, accepted, choices, fields_for_each, flash_undo, refuse, text
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.services import read_only, unit_of_work
from app.web.sign_in.setup import current_actor, marketer_required
from app.web.texting import texting

_NAME_LENGTH = Length(max=NAME_MAX, message=lazy_gettext("Use at most %(most)s characters.", most=NAME_MAX))
_DESCRIPTION_LENGTH = Length(
    max=DESCRIPTION_MAX, message=lazy_gettext("Use at most %(most)s characters.", most=DESCRIPTION_MAX)
)
_WELCOME_LENGTH = Length(max=WELCOME_MAX, message=lazy_gettext("Use at most %(most)s characters.", most=WELCOME_MAX))
_CHANNELS = {Channel.SMS.value: translatable("SMS"), Channel.EMAIL.value: translatable("Email")}
_CONSENT_TYPES = {ConsentType.OPT_IN.value: translatable("Opt-in"), ConsentType.OPT_OUT.value: translatable("Opt-out")}


class TypeForm(Form):
    """Name and description; in further languages ``name-es``, ``description-es`` …"""

    name = StringField(
        lazy_gettext("Name"),
        [DataRequired(lazy_gettext("Give the subscription type a name.")), _NAME_LENGTH],
        filters=[text],
    )
    description = TextAreaField(lazy_gettext("Description"), [_DESCRIPTION_LENGTH], filters=[text])

    @property
    def translations(self) -> dict[str, tuple[str, str]]:
        return {
            locale: (self[f"name-{locale}"].data or "", self[f"description-{locale}"].data or "") for locale in LOCALES
        }

    def validate(self, extra_validators: Any = None) -> bool:
        """A description in a further language needs a name in it."""
        is_valid = bool(super().validate(extra_validators))
        for locale, (name, description) in self.translations.items():
            if description and not name:
                refuse(self, InvalidInput("Give it a name in this language too.", field=f"name-{locale}"))
                is_valid = False
        return is_valid


fields_for_each(
    TypeForm,
    tuple(LOCALES),
    name=lambda locale: StringField(
        lazy_gettext("Name in %(language)s", language=LOCALES[locale]), [_NAME_LENGTH], filters=[text]
    ),
    description=lambda locale: TextAreaField(
        lazy_gettext("Description in %(language)s", language=LOCALES[locale]), [_DESCRIPTION_LENGTH], filters=[text]
    ),
)


class SavedTypeForm(TypeForm):
    """A saved type: its texts, and the form by which people opt in on their preference page."""

    preference_form_id = SelectField(lazy_gettext("Form for subscribing"), coerce=str, validate_choice=False)

    welcome = BooleanField(lazy_gettext("Send a welcome text after signing up"))
    welcome_text = TextAreaField(lazy_gettext("Welcome text"), [_WELCOME_LENGTH], filters=[text])

    def offer(self, forms: Iterable[OptInForm]) -> None:
        """Fill the choices."""
        named = ((str(each.id), each.name) for each in forms)
        self.preference_form_id.choices = choices([("", gettext("None: people can only leave there")), *named])


class NewTypeForm(TypeForm):
    """A new type: its texts, and the fields that cannot be changed later."""

    locale = SelectField(lazy_gettext("Language of these texts"), choices=choices(LOCALES.items()))
    channel = RadioField(
        lazy_gettext("Message type"),
        [DataRequired(lazy_gettext("Choose how messages of this type are sent."))],
        choices=choices((value, lazy_gettext(words)) for value, words in _CHANNELS.items()),
    )
    consent_type = RadioField(
        lazy_gettext("Consent type"),
        [DataRequired(lazy_gettext("Choose opt-in or opt-out."))],
        choices=choices((value, lazy_gettext(words)) for value, words in _CONSENT_TYPES.items()),
    )


@blueprint.get("/admin/subscription-types")
@marketer_required
def subscription_types_page() -> str:
    with read_only() as session:
        types = subscription_types.find_all(session)
        return render_template(
            "admin/subscription_types.html",
            types=types,
            subscribed=_subscribed(session, types),
            counted_max=search.COUNTED_MAX,
            channels=_CHANNELS,
            consent_types=_CONSENT_TYPES,
        )


@blueprint.route("/admin/subscription-types/new", methods=["GET", "POST"])
@marketer_required
def new_subscription_type() -> ResponseReturnValue:
    form = NewTypeForm()
    return accepted(form, _created) or (_page(form, None), form.status)


@blueprint.route("/admin/subscription-types/<int:type_id>", methods=["GET", "POST"])
@marketer_required
def subscription_type(type_id: int) -> ResponseReturnValue:
    with read_only() as session:
        found = subscription_types.find(session, type_id)
        opted_in = subscription_types.opted_in_counts(session).get(type_id, 0)
        subscribed = _subscribed(session, [found])[type_id]
        form = SavedTypeForm(data=_values_of(found))
        form.offer(preference_form.usable(session, found))
    return accepted(form, partial(_edited, type_id=type_id)) or (
        _page(form, found, opted_in, subscribed),
        form.status,
    )


@blueprint.post("/admin/subscription-types/<int:type_id>/<any(put_live, archive, unarchive):step>")
@marketer_required
def step_subscription_type(type_id: int, step: str) -> ResponseReturnValue:
    steps = {
        "put_live": (subscription_types.put_live, translatable("“%(name)s” is live: forms can offer it now.")),
        "archive": (subscription_types.archive, translatable("“%(name)s” is archived: forms no longer offer it.")),
        "unarchive": (subscription_types.unarchive, translatable("“%(name)s” is restored.")),
    }
    change, message = steps[step]
    try:
        with unit_of_work() as session:
            found = subscription_types.find(session, type_id)
            change(session, found, actor=current_actor(), at=clock.now())
        if step == "archive":
            undo = url_for("admin.step_subscription_type", type_id=type_id, step="unarchive")
            flash_undo(gettext(message, name=found.name), undo)
        else:
            flash(gettext(message, name=found.name))
    except InvalidState as error:
        flash(sentence_of(error), "warning")
    return redirect(url_for("admin.subscription_type", type_id=type_id), 303)


def _subscribed(session: Session, types: Iterable[SubscriptionType]) -> dict[int, int]:
    """How many contacts are subscribed to each type, by its id; of opt-out types counted up to ``COUNTED_MAX``."""
    opted_in = subscription_types.opted_in_counts(session)
    return {
        each.id: search.count(session, _subscribed_to(each))
        if each.consent_type == ConsentType.OPT_OUT and each.state != TypeState.DRAFT
        else opted_in.get(each.id, 0)
        for each in types
    }


def _subscribed_to(found: SubscriptionType) -> Query:
    return filters.read({"field": f"subscription_types.{found.id}", "operator": "=", "value": "subscribed"})


def _created(form: NewTypeForm) -> ResponseReturnValue:
    with unit_of_work() as session:
        new = NewSubscriptionType(
            name=form.name.data or "",
            channel=Channel(form.channel.data),
            consent_type=ConsentType(form.consent_type.data),
            description=form.description.data or "",
            locale=form.locale.data,
            translations=_further(form.translations, form.locale.data),
        )
        created = subscription_types.create(session, new, actor=current_actor(), at=clock.now())
        has_namesake = subscription_types.has_namesake(session, created)
    flash(gettext("“%(name)s” is saved as a draft. Publish it when forms may offer it.", name=created.name))
    _warn(created.name, has_namesake=has_namesake)
    return redirect(url_for("admin.subscription_type", type_id=created.id), 303)


def _edited(form: SavedTypeForm, type_id: int) -> ResponseReturnValue:
    with unit_of_work() as session:
        found = subscription_types.find(session, type_id)
        change = TypeChange(
            name=form.name.data,
            description=form.description.data or "",
            translations=_further(form.translations, found.locale),
            channel=request.form.get("channel"),
            consent_type=request.form.get("consent_type"),
        )
        subscription_types.edit(session, found, change, actor=current_actor(), at=clock.now())
        form_id = form.preference_form_id.data
        chosen = (ids.parse_id(form_id) or 0) if form_id else None
        preference_form.choose(session, found, chosen, actor=current_actor(), at=clock.now())
        if found.channel == Channel.SMS:
            _change_welcome(session, found, form)
        has_namesake = subscription_types.has_namesake(session, found)
    flash(gettext("“%(name)s” is saved.", name=found.name))
    _warn(found.name, has_namesake=has_namesake)
    return redirect(url_for("admin.subscription_type", type_id=type_id), 303)


def _warn(name: str, *, has_namesake: bool) -> None:
    if has_namesake:
        words = translatable("Another subscription type is called “%(name)s”, too. People cannot tell them apart.")
        flash(gettext(words, name=name), "warning")


def _change_welcome(session: Session, found: SubscriptionType, form: SavedTypeForm) -> None:
    welcome_text.change(
        session,
        found,
        welcome=bool(form.welcome.data),
        text=form.welcome_text.data or "",
        actor=current_actor(),
        at=clock.now(),
    )


def _page(form: Form, found: SubscriptionType | None, opted_in: int = 0, subscribed: int = 0) -> str:
    locale = found.locale if found else form["locale"].data or "en"
    return render_template(
        "admin/subscription_type.html",
        form=form,
        type=found,
        opted_in=opted_in,
        subscribed=subscribed,
        counted_max=search.COUNTED_MAX,
        own_locale=locale,
        locales=LOCALES,
        channels=_CHANNELS,
        consent_types=_CONSENT_TYPES,
        default_welcome=texts.default_welcome(locale, receives=texting().receives),
    )


def _values_of(found: SubscriptionType) -> dict[str, Any]:
    values: dict[str, Any] = {"welcome": found.welcome, "welcome_text": found.welcome_text} | {
        "name": found.name,
        "description": found.description,
    }
    values["preference_form_id"] = str(found.preference_form_id or "")
    for each in found.translations:
        values |= {f"name-{each.locale}": each.name, f"description-{each.locale}": each.description}
    return values


def _further(translations: Translations, own_locale: str) -> Translations:
    return {locale: texts for locale, texts in translations.items() if locale != own_locale}
