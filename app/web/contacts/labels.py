"""Texts for the codes of consents: levels of evidence, sources, details, and reasons why a contact is not reachable."""

from app.core.consent.eligibility import Reason
from app.core.wording import translatable
from app.models import Action, Channel, ConsentType, EvidenceLevel, Source
from app.web.i18n import gettext

LEVELS = {
    EvidenceLevel.REPORTED: translatable("Entered by a team member"),
    EvidenceLevel.IMPORT: translatable("Imported from another list"),
    EvidenceLevel.WEB_UNVERIFIED: translatable("Web form, identity not verified"),
    EvidenceLevel.PERSONAL_LINK: translatable("Personal link"),
    EvidenceLevel.SIGNED_IDENTITY: translatable("Signed identity: verified by the website"),
    EvidenceLevel.OTP: translatable("Code from a text to the number"),
    EvidenceLevel.MO_REPLY: translatable("Text from the number"),
}
SOURCES = {
    Source.FORM: translatable("Opt-in form"),
    Source.PREFERENCE_CENTER: translatable("Preference center"),
    Source.KEYWORD: translatable("Keyword in a text"),
    Source.AGENT: translatable("Recorded by an agent"),
    Source.API: translatable("API"),
    Source.IMPORT: translatable("Import"),
    Source.BULK: translatable("Bulk change"),
    Source.SITE: translatable("Website"),
    Source.CONNECTOR: translatable("Connector"),
    Source.MESSENGER: translatable("Messenger"),
    Source.SYSTEM: translatable("Assent itself"),
    Source.CARRIER: translatable("Carrier"),
    Source.VERIFICATION: translatable("Verification of the number"),
}
ACTIONS = {
    Action.CLAIM: translatable("Unverified sign-up: nothing changed"),
    Action.NUMBER_CHANGE: translatable("Number changed"),
    Action.GDPR_OFF: translatable("Wants no messages on any channel"),
    Action.GDPR_ON: translatable("Messages allowed again"),
    Action.MERGE: translatable("Merged with another contact"),
    Action.ERASE: translatable("Evidence erased"),
}
REASONS = {
    Reason.TYPE_NOT_LIVE: translatable("The subscription type is not live."),
    Reason.ARCHIVED: translatable("The contact is archived."),
    Reason.BLOCKED: translatable("The contact is blocked."),
    Reason.GDPR_OPTOUT: translatable("The person wants no messages on any channel."),
    Reason.NO_PHONE: translatable("There is no phone number."),
    Reason.PHONE_INVALID: translatable("The phone number is not valid."),
    Reason.PHONE_NOT_SMS_CAPABLE: translatable("This kind of number cannot receive texts."),
    Reason.COUNTRY_NOT_ALLOWED: translatable("The number’s country is not among the allowed ones."),
    Reason.NO_EMAIL: translatable("There is no email address."),
    Reason.EMAIL_INVALID: translatable("The email address is not valid."),
    Reason.SUPPRESSED: translatable("The number must not be texted."),
    Reason.OPTED_OUT: translatable("Opted out (this person, or another contact with this number or address)."),
    Reason.NUMBER_CHANGED: translatable("They opted in with a different number or address."),
    Reason.NOT_OPTED_IN: translatable("They have not opted in."),
}
KINDS = {
    (Channel.SMS, ConsentType.OPT_IN): translatable("SMS, opt-in"),
    (Channel.SMS, ConsentType.OPT_OUT): translatable("SMS, opt-out"),
    (Channel.EMAIL, ConsentType.OPT_IN): translatable("Email, opt-in"),
    (Channel.EMAIL, ConsentType.OPT_OUT): translatable("Email, opt-out"),
}
NUMBER_STATES = {
    "phone_invalid": translatable("Not a valid number"),
    "phone_not_sms_capable": translatable("Valid, but cannot receive texts"),
}
# The details of an event's evidence by their key.
DETAILS = {
    "before": translatable("Before"),
    "cause": translatable("Cause"),
    "conversation": translatable("Conversation"),
    "country": translatable("Country"),
    "event_id": translatable("Event id"),
    "form": translatable("Form"),
    "form_version": translatable("Form version"),
    "inserted_by": translatable("Inserted by"),
    "merged_from": translatable("Merged from"),
    "reason": translatable("Reason"),
    "numbering_plans": translatable("Numbering plans"),
    "restored_event": translatable("Restored event"),
    "shown_as": translatable("Shown as"),
    "subscription_type": translatable("Subscription type"),
    "typed_as": translatable("Typed as"),
    "undo_of": translatable("Undoes event"),
}
# The parts of a stored wording that the page does not reproduce. The first three were not on the screen either: the
# language, and in earlier versions type and mode.
PARTS = {
    "locale": translatable("Language"),
    "type": translatable("Subscription type"),
    "mode": translatable("Kind of form"),
    "checkbox": translatable("Shown: checkbox"),
}


def reason(code: Reason) -> str:
    """The sentence for a reason why a contact is not reachable."""
    return gettext(REASONS[code])


def number_state(refusal: str | None) -> str:
    """Whether a number can be texted.

    :param refusal: from ``phone.refusal_of_stored``
    """
    return gettext(NUMBER_STATES[refusal]) if refusal else gettext("Valid, can receive texts")


def detail(key: str) -> str:
    """The name of a detail of the evidence. One that is not known is named by its key."""
    return gettext(DETAILS[key]) if key in DETAILS else key.replace("_", " ").capitalize()


def part(key: str) -> str:
    """The name of a part of a stored wording. One that is not known was shown, and is named by its key."""
    return gettext(PARTS[key]) if key in PARTS else gettext("Shown: %(name)s", name=key)
