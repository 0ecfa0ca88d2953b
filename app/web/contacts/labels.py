"""Texts for the codes of consents: levels of evidence, sources, and reasons why a contact is not reachable."""

from app.core.consent.eligibility import Reason
from app.models import Action, Channel, EvidenceLevel, Source

LEVELS = {
    EvidenceLevel.REPORTED: "Entered by a team member",
    EvidenceLevel.IMPORT: "Imported from another list",
    EvidenceLevel.WEB_UNVERIFIED: "Web form, identity not verified",
    EvidenceLevel.PERSONAL_LINK: "Personal link",
    EvidenceLevel.SIGNED_IDENTITY: "Signed identity: verified by the website",
    EvidenceLevel.OTP: "Code from a text to the number",
    EvidenceLevel.MO_REPLY: "Text from the number",
}
SOURCES = {
    Source.FORM: "Opt-in form",
    Source.PREFERENCE_CENTER: "Preference center",
    Source.KEYWORD: "Keyword in a text",
    Source.AGENT: "Recorded by an agent",
    Source.API: "API",
    Source.IMPORT: "Import",
    Source.BULK: "Bulk change",
    Source.SITE: "Website",
    Source.CONNECTOR: "Connector",
    Source.MESSENGER: "Messenger",
    Source.SYSTEM: "Assent itself",
    Source.CARRIER: "Carrier",
    Source.VERIFICATION: "Verification of the number",
}
ACTIONS = {
    Action.CLAIM: "Claim: an unverified person signed up, so nothing changed",
    Action.NUMBER_CHANGE: "Number changed",
    Action.GDPR_OFF: "Wants no messages on any channel",
    Action.GDPR_ON: "Messages allowed again",
    Action.MERGE: "Merged with another contact",
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
    Reason.NO_EMAIL: "There is no email address.",
    Reason.EMAIL_INVALID: "The email address is not valid.",
    Reason.SUPPRESSED: "The number must not be texted.",
    Reason.OPTED_OUT: "Opted out (this person, or another contact with this number or address).",
    Reason.NUMBER_CHANGED: "They opted in with a different number or address.",
    Reason.NOT_OPTED_IN: "They have not opted in.",
}
CHANNELS = {Channel.SMS: "SMS", Channel.EMAIL: "Email"}


def reason(code: Reason) -> str:
    """The sentence for a reason why a contact is not reachable."""
    return REASONS[code]
