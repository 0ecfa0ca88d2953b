"""The fields of the form editor."""

from typing import Any

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core import origins
from app.core.errors import InvalidInput
from app.core.forms import content as form_content
from app.core.forms.content import BUTTON_MAX, CHECKBOX_MAX, LEGAL_MAX, SUCCESS_MAX, TITLE_MAX, FormContent, FormText
from app.core.forms.publishing import NAME_MAX, FormSettings
from app.core.wording import DEFAULT_LOCALE, LOCALES, translatable
from app.core.workspace import settings
from app.models import SubscriptionType, VerifyNumber
from app.web import formatting, ids, texting
from app.web.formkit import Form, choices, fields_for_each, refuse, rule, text
from app.web.i18n import gettext, lazy_gettext

TEXTS = ("title", "button_text", "legal_text", "success_text", "checkbox_text")
METHODS = {
    VerifyNumber.OFF.value: translatable("No: signing up is enough"),
    VerifyNumber.CODE.value: translatable("By a code that we text"),
    VerifyNumber.REPLY.value: translatable("By replying YES to our text"),
    VerifyNumber.SMS_LINK.value: translatable("By a text that they send us (two taps)"),
}
_CHANNELS = {"sms": translatable("SMS"), "email": translatable("email")}


def _at_most(length: int) -> list[Any]:
    return [Length(max=length, message=lazy_gettext("Use at most %(most)s characters.", most=length))]


class OptInFormForm(Form):
    """The whole configuration; texts in further languages are ``title-es``, ``legal_text-es`` …"""

    name = StringField(lazy_gettext("Form name"), _at_most(NAME_MAX), filters=[text])
    subscription_type_id = SelectField(
        lazy_gettext("Subscription type"),
        [DataRequired(lazy_gettext("Choose a live subscription type."))],
        validate_choice=False,
    )
    locale = SelectField(
        lazy_gettext("Language of these texts"), choices=choices(LOCALES.items()), default=DEFAULT_LOCALE
    )
    title = StringField(
        lazy_gettext("Title"),
        [DataRequired(lazy_gettext("Give the form a title.")), *_at_most(TITLE_MAX)],
        filters=[text],
    )
    button_text = StringField(lazy_gettext("Button text"), _at_most(BUTTON_MAX), filters=[text])
    legal_text = TextAreaField(lazy_gettext("Legal text"), _at_most(LEGAL_MAX), filters=[text])
    success_text = StringField(lazy_gettext("Success text"), _at_most(SUCCESS_MAX), filters=[text])
    checkbox_text = StringField(lazy_gettext("Checkbox text"), _at_most(CHECKBOX_MAX), filters=[text])
    accent_color = StringField(lazy_gettext("Accent color"), [rule(form_content.read_color)], filters=[text])
    default_country = SelectField(lazy_gettext("Default country"), [rule(settings.country)], validate_choice=False)
    verify_number = SelectField(
        lazy_gettext("Confirm the number"),
        [rule(texting.refuse_method)],
        choices=choices((value, lazy_gettext(words)) for value, words in METHODS.items()),
        default=VerifyNumber.OFF,
    )
    allowed_origins = TextAreaField(lazy_gettext("Allowed origins"), [rule(origins.read_many)], filters=[text])

    def validate(self, extra_validators: Any = None) -> bool:
        """The texts in a further language need a title in it."""
        is_valid = bool(super().validate(extra_validators))
        for locale in LOCALES:
            texts = self._text(f"-{locale}")
            if locale != self.locale.data and any(vars(texts).values()) and not texts.title:
                refuse(self, InvalidInput("Give the form a title in this language, too.", field=f"title-{locale}"))
                is_valid = False
        return is_valid

    def offer(self, types: list[SubscriptionType]) -> None:
        """Fill the choices: live types and countries."""
        unchosen = (
            [("", gettext("Choose a subscription type"))] if len(types) != 1 or self.subscription_type_id.data else []
        )
        offered = [(str(each.id), f"{each.name} ({gettext(_CHANNELS[each.channel])})") for each in types]
        self.subscription_type_id.choices = choices([*unchosen, *offered])
        offered_methods = texting.methods()
        self.verify_number.choices = choices(
            (value, gettext(words))
            for value, words in METHODS.items()
            if value in offered_methods or value == self.verify_number.data
        )
        self.default_country.choices = choices(
            [("", gettext("None: people choose their country")), *formatting.countries()]
        )

    @property
    def content(self) -> FormContent:
        """The content as it was sent. Core checks it."""
        locale = self.locale.data if self.locale.data in LOCALES else DEFAULT_LOCALE
        further = {each: self._text(f"-{each}") for each in LOCALES if each != locale}
        return FormContent(
            subscription_type_id=ids.parse_id(self.subscription_type_id.data) or 0,
            texts={locale: self._text("")} | further,
            locale=locale,
            accent_color=self.accent_color.data or "",
            default_country=self.default_country.data or None,
            verify_number=self.verify_number.data or VerifyNumber.OFF,
        )

    @property
    def form_settings(self) -> FormSettings:
        return FormSettings(self.name.data or "", origins.read_many(self.allowed_origins.data or ""))

    def _text(self, suffix: str) -> FormText:
        return FormText(**{name: self[f"{name}{suffix}"].data or "" for name in TEXTS})


fields_for_each(
    OptInFormForm,
    tuple(LOCALES),
    title=lambda locale: StringField(
        lazy_gettext("Title in %(language)s", language=LOCALES[locale]), _at_most(TITLE_MAX), filters=[text]
    ),
    button_text=lambda locale: StringField(
        lazy_gettext("Button text in %(language)s", language=LOCALES[locale]), _at_most(BUTTON_MAX), filters=[text]
    ),
    legal_text=lambda locale: TextAreaField(
        lazy_gettext("Legal text in %(language)s", language=LOCALES[locale]), _at_most(LEGAL_MAX), filters=[text]
    ),
    success_text=lambda locale: StringField(
        lazy_gettext("Success text in %(language)s", language=LOCALES[locale]), _at_most(SUCCESS_MAX), filters=[text]
    ),
    checkbox_text=lambda locale: StringField(
        lazy_gettext("Checkbox text in %(language)s", language=LOCALES[locale]), _at_most(CHECKBOX_MAX), filters=[text]
    ),
)
