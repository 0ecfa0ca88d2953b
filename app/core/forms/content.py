"""The content of an opt-in form: what a version freezes, and the checks before it is frozen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core.errors import InvalidInput
from app.core.wording import DEFAULT_LOCALE, LOCALES
from app.core.workspace import settings
from app.models import Channel, OptInFormVersion, SubscriptionType, TypeState, VerifyNumber

TITLE_MAX, BUTTON_MAX, LEGAL_MAX, SUCCESS_MAX, CHECKBOX_MAX = 200, 60, 5000, 500, 500
_COLOR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class FormText:
    """The texts in one language.

    Empty means: button "Sign Up Now", no legal text, no success text, no box. A translation without a legal text or a
    box that the form has in its own language is not used.
    """

    title: str
    button_text: str = ""
    legal_text: str = ""
    success_text: str = ""
    checkbox_text: str = ""


@dataclass(frozen=True)
class FormContent:
    """Everything that a version freezes. ``texts`` by locale; the one of ``locale`` must be among them.

    ``accent_color``: empty, until it is checked: the workspace's. ``verify_number``: how an opt-in is confirmed.
    """

    subscription_type_id: int
    texts: Mapping[str, FormText]
    locale: str = DEFAULT_LOCALE
    accent_color: str = ""
    default_country: str | None = None
    verify_number: str = VerifyNumber.OFF


def content_of(version: OptInFormVersion) -> FormContent:
    """The content of a frozen version."""
    return FormContent(
        subscription_type_id=version.subscription_type_id,
        texts={
            text.locale: FormText(text.title, text.button_text, text.legal_text, text.success_text, text.checkbox_text)
            for text in version.texts
        },
        locale=version.locale,
        accent_color=version.accent_color,
        default_country=version.default_country,
        verify_number=version.verify_number,
    )


def find_content(session: Session, version_id: int) -> FormContent:
    """The content of the version with this id, which must exist."""
    return content_of(session.get_one(OptInFormVersion, version_id))


def checked_content(session: Session, content: FormContent) -> FormContent:
    """Returns the content as it would be frozen: trimmed, normalized, without empty translations.

    :raises InvalidInput: with the field at fault; in a translation ``title-es`` and so on
    """
    subscription_type = session.get(SubscriptionType, content.subscription_type_id)
    if subscription_type is None or subscription_type.state != TypeState.LIVE:
        raise InvalidInput("Choose a subscription type that is live.", field="subscription_type_id")
    if content.locale not in LOCALES:
        raise InvalidInput("Choose one of the languages offered.", field="locale")
    color = read_color(content.accent_color) or settings.get(session).accent_color
    texts = {
        locale: _checked_text(text, "" if locale == content.locale else f"-{locale}")
        for locale, text in sorted(content.texts.items())
        if locale == content.locale or any(vars(text).values())
    }
    if unknown := set(texts) - set(LOCALES):
        raise InvalidInput("The language %(locale)s is not offered.", field="texts", locale=min(unknown)[:8])
    if content.locale not in texts:
        raise InvalidInput("Give the form a title.", field="title")
    if any(text.checkbox_text for text in texts.values()) and not texts[content.locale].checkbox_text:
        raise InvalidInput("Write the text of the box in the language of the form, too.", field="checkbox_text")
    return FormContent(
        content.subscription_type_id,
        texts,
        content.locale,
        color,
        settings.country(content.default_country),
        _checked_method(content.verify_number, subscription_type.channel),
    )


def read_color(typed: str | None) -> str:
    """The accent color in lower case; empty when it is not given. :raises InvalidInput: it is not a color"""
    color = (typed or "").strip().lower()
    if color and not _COLOR.fullmatch(color):
        raise InvalidInput(
            "Write the color as # and six hexadecimal digits, for example #0b6e4f.", field="accent_color"
        )
    return color


def _checked_method(method: str, channel: str) -> str:
    if method not in set(VerifyNumber):
        raise InvalidInput("Choose one of the ways to confirm a number.", field="verify_number")
    if method != VerifyNumber.OFF and channel != Channel.SMS:
        raise InvalidInput("Only forms for texts can confirm a number.", field="verify_number")
    return str(method)


def _checked_text(text: FormText, suffix: str) -> FormText:
    title = " ".join(text.title.split())
    button_text, checkbox_text = (" ".join(part.split()) for part in (text.button_text, text.checkbox_text))
    legal_text, success_text = (part.replace("\r\n", "\n").strip() for part in (text.legal_text, text.success_text))
    if not title:
        raise InvalidInput("Give the form a title.", field=f"title{suffix}")
    for name, value, most in (
        ("title", title, TITLE_MAX),
        ("button_text", button_text, BUTTON_MAX),
        ("legal_text", legal_text, LEGAL_MAX),
        ("success_text", success_text, SUCCESS_MAX),
        ("checkbox_text", checkbox_text, CHECKBOX_MAX),
    ):
        if len(value) > most:
            raise InvalidInput("This text is longer than %(most)s characters.", field=f"{name}{suffix}", most=str(most))
    return FormText(title, button_text, legal_text, success_text, checkbox_text)
