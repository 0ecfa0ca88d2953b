"""The words of an opt-in form as a reader sees them, in their language: for its page, and frozen as evidence."""

from dataclasses import dataclass
from typing import Any

from app.core import phone, wording
from app.core.forms.publishing import FormContent, FormText
from app.core.wording import Words
from app.models import Channel


@dataclass(frozen=True)
class Reading:
    """Everything of a reader and a workspace that the words of a form depend on.

    :param locale: a key of ``wording.LOCALES``
    :param region: the country whose national way of writing a number is understood; null asks for a ``+``
    """

    locale: str
    region: str | None
    channel: str
    brand: str
    privacy_url: str
    terms_url: str
    help_contact: str


def said(reading: Reading, content: FormContent) -> dict[str, Any]:
    """Every word of the form by its place on the page, and the language of each."""
    gettext = wording.speaker(reading.locale)
    is_sms = reading.channel == Channel.SMS
    text, text_locale = text_for(content, reading.locale)
    return {
        "brand": reading.brand,
        "title": text.title,
        "button": text.button_text or gettext("Sign Up Now"),
        "legal_html": wording.legal_html(text.legal_text),
        "success": text.success_text,
        "text_lang": wording.language_tag(text_locale),
        "text_dir": wording.direction(text_locale),
        "button_lang": wording.language_tag(text_locale if text.button_text else reading.locale),
        "label": gettext("Phone number") if is_sms else gettext("E-mail address"),
        "hint": _hint(reading) if is_sms else "",
        "saved_label": gettext("Your saved number") if is_sms else gettext("Your saved address"),
        "not_mine": _not_mine(reading, is_sms=is_sms),
        "withdraw": gettext("You can withdraw your consent at any time."),
        "links": _links(reading),
    }


def shown(reading: Reading, fields: dict[str, Any], *, is_saved: bool) -> Words:
    """What goes into the evidence: what this reader had on the screen, but for the number, which stands beside it.

    :param fields: of ``said``
    """
    own = (
        {"saved_label": fields["saved_label"], "notes": [fields["not_mine"], fields["withdraw"]]}
        if is_saved
        else {"label": fields["label"], "hint": fields["hint"], "notes": [fields["withdraw"]]}
    )
    shared = {name: fields[name] for name in ("brand", "legal_html", "button", "links")}
    return wording.exact(reading.locale, shared | own | {"form_title": fields["title"]})


def details(type_name: str, channel: str) -> dict[str, str]:
    """What the evidence keeps beside the words: what the type was called, and which numbering plans decided."""
    plans = {"numbering_plans": phone.metadata_version()} if channel == Channel.SMS else {}
    return {"subscription_type": type_name} | plans


def text_for(content: FormContent, locale: str) -> tuple[FormText, str]:
    """The form's text in the reader's language, else in its own; and which language that is."""
    known = wording.first_known([locale], content.texts) or content.locale
    return content.texts[known], known


def _hint(reading: Reading) -> str:
    gettext = wording.speaker(reading.locale)
    if reading.region:
        return gettext(
            "For example %(example)s. Without +, the country is %(country)s (%(code)s).",
            example=_isolated(phone.example(reading.region)),
            country=wording.country_name(reading.region, reading.locale),
            code=_isolated(phone.calling_code(reading.region)),
        )
    return gettext("Start with + and the country code, for example %(example)s.", example=_isolated("+44 7400 123456"))


def _not_mine(reading: Reading, *, is_sms: bool) -> str:
    gettext = wording.speaker(reading.locale)
    if reading.help_contact:
        asked = gettext("Not your number? Write to %(contact)s before you sign up.", contact=reading.help_contact)
        return asked if is_sms else gettext("Not your address? Write to %(contact)s.", contact=reading.help_contact)
    if is_sms:
        return gettext("Not your number? Tell us before you sign up, and we will change it.")
    return gettext("Not your address? Tell us before you sign up, and we will change it.")


def _links(reading: Reading) -> list[dict[str, str]]:
    gettext = wording.speaker(reading.locale)
    links = ((gettext("Privacy policy"), reading.privacy_url), (gettext("Terms"), reading.terms_url))
    return [{"text": text, "href": href} for text, href in links if href]


def _isolated(number: str) -> str:
    """A number as it reads from left to right inside a sentence of either direction."""
    return f"\u2066{number}\u2069"
