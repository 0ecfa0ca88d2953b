"""The texts of an opt-in form in the reader's language: for its page, and frozen as evidence."""

from dataclasses import dataclass
from typing import Any

from app.core import phone, wording
from app.core.forms.content import FormContent, FormText
from app.core.wording import FrozenWording
from app.models import Channel


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


def page_texts(context: WordingContext, content: FormContent) -> dict[str, Any]:
    """Every text of the form by its place on the page, with the language of each."""
    gettext = wording.translator(context.locale)
    is_sms = context.channel == Channel.SMS
    text, text_locale = text_for(content, context.locale)
    return {
        "brand": context.brand,
        "title": text.title,
        "button": text.button_text or gettext("Sign Up Now"),
        "legal_html": wording.legal_html(text.legal_text),
        "success": text.success_text,
        **_checkbox(content, text, text_locale),
        "text_lang": wording.language_tag(text_locale),
        "text_dir": wording.direction(text_locale),
        "button_lang": wording.language_tag(text_locale if text.button_text else context.locale),
        "label": gettext("Phone number") if is_sms else gettext("E-mail address"),
        "hint": _hint(context) if is_sms else "",
        "country_label": gettext("Country"),
        "saved_label": gettext("Your saved number") if is_sms else gettext("Your saved address"),
        "not_mine": _not_mine(context, is_sms=is_sms),
        "withdraw": gettext("You can withdraw your consent at any time."),
        "links": _links(context),
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


def evidence_details(type_name: str, channel: str) -> dict[str, str]:
    """What the evidence keeps beside the wording: the name of the type, and the version of the numbering plans."""
    plans = {"numbering_plans": phone.metadata_version()} if channel == Channel.SMS else {}
    return {"subscription_type": type_name} | plans


def text_for(content: FormContent, locale: str) -> tuple[FormText, str]:
    """The form's text in the reader's language, else in the form's own; and which language that is."""
    known = wording.first_known([locale], content.texts) or content.locale
    return content.texts[known], known


def _checkbox(content: FormContent, text: FormText, locale: str) -> dict[str, str]:
    """The text of the box, and its language: the reader's, else the form's own; empty where the form has no box."""
    if not text.checkbox_text:
        text, locale = content.texts[content.locale], content.locale
    return {
        "checkbox": text.checkbox_text,
        "checkbox_lang": wording.language_tag(locale),
        "checkbox_dir": wording.direction(locale),
    }


def _hint(context: WordingContext) -> str:
    gettext = wording.translator(context.locale)
    if context.region:
        return gettext(
            "For example %(example)s (%(country)s).",
            example=wording.isolated(phone.example(context.region)),
            country=wording.country_name(context.region, context.locale),
        )
    return gettext("Choose the country, or start with + and the country code.")


def _not_mine(context: WordingContext, *, is_sms: bool) -> str:
    gettext = wording.translator(context.locale)
    if context.help_contact:
        sentence = gettext("Not your number? Write to %(contact)s before you sign up.", contact=context.help_contact)
        return sentence if is_sms else gettext("Not your address? Write to %(contact)s.", contact=context.help_contact)
    if is_sms:
        return gettext("Not your number? Tell us before you sign up, and we will change it.")
    return gettext("Not your address? Tell us before you sign up, and we will change it.")


def _links(context: WordingContext) -> list[dict[str, str]]:
    gettext = wording.translator(context.locale)
    links = ((gettext("Privacy policy"), context.privacy_url), (gettext("Terms"), context.terms_url))
    return [{"text": text, "href": href} for text, href in links if href]
