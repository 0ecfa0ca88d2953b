"""The record in words that need no manual: how sure, by which way, why not, and the page as it was shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nh3
from markupsafe import Markup

from app.core.consent.eligibility import Reason
from app.models import Channel, EvidenceLevel, Source

LEVELS = {
    EvidenceLevel.REPORTED: "Reported: somebody who works here wrote it down",
    EvidenceLevel.IMPORT: "Imported from another list",
    EvidenceLevel.WEB_UNVERIFIED: "Public form: who typed the number was not checked",
    EvidenceLevel.PERSONAL_LINK: "Personal link: opened by a link that only this person was given",
    EvidenceLevel.SIGNED_IDENTITY: "Signed identity: the site vouched for who it was",
    EvidenceLevel.OTP: "Code: typed from a text sent to the number",
    EvidenceLevel.MO_REPLY: "Text: sent from the number itself",
}
SOURCES = {
    Source.FORM: "Opt-in form",
    Source.PREFERENCE_CENTER: "Preference centre",
    Source.KEYWORD: "Keyword in a text",
    Source.AGENT: "Recorded by an agent",
    Source.API: "API",
    Source.IMPORT: "Import",
    Source.BULK: "Bulk change",
    Source.SITE: "Website",
    Source.CONNECTOR: "Connector",
    Source.CARRIER: "Carrier",
    Source.VERIFICATION: "Verification of the number",
}
REASONS = {
    Reason.TYPE_NOT_LIVE: "The subscription type is not live.",
    Reason.ARCHIVED: "The contact is archived.",
    Reason.BLOCKED: "The contact is blocked.",
    Reason.GDPR_OPTOUT: "The person wants no messages on any channel.",
    Reason.NO_PHONE: "There is no phone number.",
    Reason.PHONE_INVALID: "The phone number is not valid.",
    Reason.PHONE_NOT_SMS_CAPABLE: "This kind of number cannot receive texts.",
    Reason.COUNTRY_NOT_ALLOWED: "The number’s country is not among the allowed ones.",
    Reason.NO_EMAIL: "There is no e-mail address.",
    Reason.EMAIL_INVALID: "The e-mail address is not valid.",
    Reason.SUPPRESSED: "The number must not be texted.",
    Reason.OPTED_OUT: "They opted out, or somebody else did with the same number or address.",
    Reason.NUMBER_CHANGED: "They said yes with another number or address than they have now.",
    Reason.NOT_OPTED_IN: "They have not opted in.",
}
CHANNELS = {Channel.SMS: "SMS", Channel.EMAIL: "E-mail"}
# Kept with the words, though nobody saw it: the language, and in earlier versions the type and the kind of form.
UNSEEN = {"locale": "Language", "type": "Subscription type", "mode": "Kind of form"}
_REPRODUCED = ("form_title", "label", "saved_label", "hint", "legal_html", "button", "links", "notes", "brand")
_LEGAL_TAGS = {"p", "br", "em", "strong", "a"}


@dataclass(frozen=True)
class Reproduction:
    """The words as they were shown. ``shown`` holds what the page draws by name, ``rest`` everything else, so that
    nothing of the record is hidden; ``legal`` is safe HTML."""

    locale: str
    shown: Mapping[str, Any]
    legal: Markup
    rest: tuple[tuple[str, str], ...]


def reproduction(body: str) -> Reproduction:
    """A stored wording for the eye. A body that is no object is shown as it stands."""
    fields = _fields(body)
    shown = {name: fields.pop(name) for name in _REPRODUCED if _is_drawable(name, fields.get(name))}
    legal = nh3.clean(str(shown.get("legal_html", "")), tags=_LEGAL_TAGS, attributes={"a": {"href"}})
    rest = tuple((UNSEEN.get(name, name), _plain(value)) for name, value in sorted(fields.items()) if value)
    return Reproduction(str(fields.get("locale", "en")), shown, Markup(legal), rest)  # noqa: S704 - cleaned above


def _fields(body: str) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        return {"words": body}
    return fields if isinstance(fields, dict) else {"words": body}


def _is_drawable(name: str, value: object) -> bool:
    if name == "links":
        return isinstance(value, list) and all(
            isinstance(link, dict) and {"text", "href"} <= link.keys() for link in value
        )
    if name == "notes":
        return isinstance(value, list) and all(isinstance(note, str) for note in value)
    return isinstance(value, str)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
