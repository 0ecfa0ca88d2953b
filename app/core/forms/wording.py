"""The texts of an opt-in form in the reader's language: for its page, and frozen as evidence."""

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from app.core import phone, wording
from app.core.forms.content import FormContent
from app.core.wording import FrozenWording, translatable
from app.models import Channel

UNDO = translatable("Undo")
UNDO_HINT = translatable("Not what you wanted? You can undo this for ten minutes.")
WITHDRAW = translatable("Withdraw consent")
WITHDRAW_HINT = translatable("You can withdraw your consent here at any time. It takes effect immediately.")
_EMAIL = re.compile(r"[^\s@<>\"?&]+@[^\s@<>\"?&]+")


@dataclass(frozen=True)
class WordingContext:
    """Everything about a reader and a workspace that the texts of a form depend on.

    :param locale: a key of ``wording.LOCALES``
    :param region: the country that the page preselects; null: the person chooses one
    """

    locale: str
    region: str | None
    channel: str
    brand: str
    privacy_url: str
    terms_url: str
    help_contact: str


def page_locale(content: FormContent, locale: str) -> str:
    """The one language of the page: the reader's, where the form is translated into it; else the form's own.

    A translation counts if it has everything that a person agrees to: legal text and checkbox, where the form has them.
    """
    own, text = content.texts[content.locale], content.texts.get(locale)
    if text is None or (own.legal_text and not text.legal_text) or (own.checkbox_text and not text.checkbox_text):
        return content.locale
    return locale


def page_texts(context: WordingContext, content: FormContent) -> dict[str, Any]:
    """Every text of the form by its place on the page.

    :param context: its locale is one that ``page_locale`` returned
    """
    gettext = wording.translator(context.locale)
    is_sms = context.channel == Channel.SMS
    text = content.texts[context.locale]
    legal_html = wording.legal_html(text.legal_text)
    return {
        "brand": context.brand,
        "title": text.title,
        "button": text.button_text or gettext("Sign Up Now"),
        "legal_html": legal_html,
        "success": text.success_text,
        "checkbox": text.checkbox_text,
        "label": gettext("Phone number") if is_sms else gettext("Email address"),
        "hint": _hint(context) if is_sms else "",
        "country_label": gettext("Country"),
        "saved_label": gettext("Your saved number") if is_sms else gettext("Your saved address"),
        "not_mine": _not_mine(context, context.help_contact, is_sms=is_sms),
        "not_mine_html": escape(_not_mine(context, "\0", is_sms=is_sms)).replace("\0", _linked(context.help_contact)),
        "help_html": help_html(context.help_contact, context.locale),
        "withdraw": gettext("You can withdraw your consent at any time."),
        "links": _links(context, legal_html),
    }


def evidence_wording(context: WordingContext, texts: dict[str, Any], *, is_saved: bool) -> FrozenWording:
    """The wording for the evidence: what this reader saw, without the number, which the evidence keeps separately.

    :param texts: from ``page_texts``
    :param is_saved: the page showed a saved number or address instead of asking for one
    """
    own = (
        {"saved_label": texts["saved_label"], "notes": [texts["not_mine"], texts["withdraw"]]}
        if is_saved
        else {"label": texts["label"], "hint": texts["hint"], "notes": [texts["withdraw"]]}
    )
    shared = {name: texts[name] for name in ("brand", "legal_html", "button", "links")}
    if texts["checkbox"]:
        own["checkbox"] = texts["checkbox"]
    return wording.freeze(context.locale, shared | own | {"form_title": texts["title"]})


def undo_wording(context: WordingContext, texts: dict[str, Any]) -> FrozenWording:
    """The wording for the evidence of an undo: what was beside its button.

    :param texts: from ``page_texts``
    """
    return _button_wording(context, texts, UNDO, UNDO_HINT)


def withdraw_wording(context: WordingContext, texts: dict[str, Any]) -> FrozenWording:
    """The wording for the evidence of a withdrawal: what was beside its button.

    :param texts: from ``page_texts``
    """
    return _button_wording(context, texts, WITHDRAW, WITHDRAW_HINT)


def withdrawn_sentence(channel: str, locale: str) -> str:
    """What a known user's withdrawal did."""
    gettext = wording.translator(locale)
    if channel == Channel.SMS:
        return gettext("You have withdrawn your consent. You will not receive these texts any more.")
    return gettext("You have withdrawn your consent. You will not receive these emails any more.")


def undone_sentence(channel: str, locale: str, *, is_subscribed: bool) -> str:
    """What an undo did.

    :param is_subscribed: the type goes to this person all the same, as before the answer
    """
    gettext = wording.translator(locale)
    if is_subscribed:
        return gettext("Undone. Your choice is as it was before.")
    if channel == Channel.SMS:
        return gettext("Undone. You will not receive texts from this sign-up.")
    return gettext("Undone. You will not receive emails from this sign-up.")


def help_html(help_contact: str, locale: str) -> str:
    """Whom to ask, as safe HTML, with a link where the contact is an address; empty when there is none."""
    if not help_contact:
        return ""
    gettext = wording.translator(locale)
    return escape(gettext("Need help? Contact %(contact)s.", contact="\0")).replace("\0", _linked(help_contact))


def _linked(help_contact: str) -> str:
    """The contact as safe HTML."""
    shown = f"<bdi>{escape(help_contact)}</bdi>"
    if _EMAIL.fullmatch(help_contact):
        return f'<a href="mailto:{escape(help_contact)}">{shown}</a>'
    if help_contact.startswith("https://"):
        return f'<a href="{escape(help_contact)}" target="_blank" rel="noopener noreferrer">{shown}</a>'
    return shown


def _button_wording(context: WordingContext, texts: dict[str, Any], button: str, hint: str) -> FrozenWording:
    gettext = wording.translator(context.locale)
    shown = {"brand": texts["brand"], "form_title": texts["title"], "button": gettext(button)}
    return wording.freeze(context.locale, shown | {"notes": [gettext(hint)]})


def _hint(context: WordingContext) -> str:
    gettext = wording.translator(context.locale)
    if context.region:
        return gettext(
            "For example %(example)s (%(country)s).",
            example=wording.isolated(phone.example(context.region)),
            country=wording.country_name(context.region, context.locale),
        )
    return gettext("Choose the country, or start with + and the country code.")


def _not_mine(context: WordingContext, contact: str, *, is_sms: bool) -> str:
    gettext = wording.translator(context.locale)
    if context.help_contact:
        sentence = gettext("Not your number? Write to %(contact)s before you sign up.", contact=contact)
        return sentence if is_sms else gettext("Not your address? Write to %(contact)s.", contact=contact)
    if is_sms:
        return gettext("Not your number? Tell us before you sign up, and we will change it.")
    return gettext("Not your address? Tell us before you sign up, and we will change it.")


def _links(context: WordingContext, legal_html: str) -> list[dict[str, str]]:
    """Privacy policy and terms, without those that the legal text links to."""
    gettext = wording.translator(context.locale)
    links = ((gettext("Privacy policy"), context.privacy_url), (gettext("Terms"), context.terms_url))
    return [{"text": text, "href": href} for text, href in links if href and f'href="{escape(href)}"' not in legal_html]
