"""Texts for the codes of consents: levels of evidence, sources, details, and reasons why a contact is not reachable."""

from collections.abc import Iterable, Mapping

from app.core.consent.eligibility import Reason
from app.core.consent.remedies import Remedy
from app.core.contacts.duplicates import Likely, Shared
from app.core.contacts.number_change import Effect
from app.core.contacts.timeline import Only
from app.core.proof.element_checks import Finding, Verdict
from app.core.wording import translatable
from app.models import (
    Action,
    Channel,
    ConsentEvent,
    ConsentType,
    EvidenceLevel,
    SmsState,
    Source,
    SubscriptionType,
    SuppressionCause,
)
from app.web import formatting
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
    Action.SUPPRESS: translatable("Texts to the number stopped"),
    Action.LIFT: translatable("Texts to the number allowed again"),
    Action.ERASE: translatable("Evidence erased"),
}
# What happened, for every action.
TITLES = {Action.OPT_IN: translatable("Opted in"), Action.OPT_OUT: translatable("Opted out"), **ACTIONS}
NO_ADVICE = translatable(
    "Facts, not legal advice: a lawyer decides which rule applies. Texts are searched for usual words, so read them "
    "yourself."
)
VERDICTS = {
    Verdict.FULFILLED: translatable("Found"),
    Verdict.MISSING: translatable("Not found"),
    Verdict.CHECK: translatable("Check yourself"),
    Verdict.NOT_RECORDED: translatable("Not recorded"),
}
CAUSES = {
    SuppressionCause.KEYWORD: translatable("the person asked for it by text"),
    SuppressionCause.PREFERENCE_CENTER: translatable("the person asked for it in the preference center"),
    SuppressionCause.CARRIER: translatable("the carrier reported it"),
    SuppressionCause.MANUAL: translatable("stopped by hand"),
    SuppressionCause.REVIEW: translatable("waits for a decision"),
}
REASONS = {
    Reason.TYPE_NOT_LIVE: translatable("The subscription type is not live."),
    Reason.ARCHIVED: translatable("The contact is archived."),
    Reason.BLOCKED: translatable("The contact is blocked."),
    Reason.GDPR_OPTOUT: translatable("The person wants no messages on any channel."),
    Reason.NO_PHONE: translatable("There is no phone number."),
    Reason.PHONE_INVALID: translatable("The phone number is not valid."),
    Reason.PHONE_NOT_SMS_CAPABLE: translatable("This kind of number cannot receive texts."),
    Reason.NUMBER_UNDELIVERABLE: translatable("The carrier reports that texts do not reach this number."),
    Reason.NUMBER_REASSIGNED: translatable("The number belongs to another person now."),
    Reason.COUNTRY_NOT_ALLOWED: translatable("The number’s country is not among the allowed ones."),
    Reason.NO_EMAIL: translatable("There is no email address."),
    Reason.EMAIL_INVALID: translatable("The email address is not valid."),
    Reason.SUPPRESSED: translatable("The number must not be texted."),
    Reason.OPTED_OUT: translatable("Opted out (this person, or another contact with this number or address)."),
    Reason.UNCONFIRMED: translatable("They have not confirmed the opt-in yet."),
    Reason.NUMBER_CHANGED: translatable("They opted in with a different number or address."),
    Reason.NOT_OPTED_IN: translatable("They have not opted in."),
}
# What became of a text.
TEXT_STATES = {
    SmsState.QUEUED: translatable("Waits to be sent"),
    SmsState.SENDING: translatable("Being sent"),
    SmsState.SENT: translatable("Sent"),
    SmsState.DELIVERED: translatable("Delivered"),
    SmsState.FAILED: translatable("Failed"),
    SmsState.UNKNOWN: translatable("Unknown whether it was sent"),
    SmsState.SKIPPED: translatable("Not sent"),
    SmsState.CANCELED: translatable("Canceled"),
    SmsState.RECEIVED: translatable("Received"),
}
# Why it was not sent, or waits.
TEXT_REASONS: Mapping[str, str] = {
    **{reason.value: words for reason, words in REASONS.items()},
    "quiet_hours": translatable("It waits until quiet hours end."),
    "frequency_cap": translatable("The number has had as many texts as are allowed; it waits."),
    "too_late": translatable("It was too late."),
    "repeated": translatable("The number had this answer already."),
}
# Who can lift a reason, and how.
REMEDIES = {
    Remedy.PUBLISH_TYPE: translatable("A marketer or an admin can publish the type."),
    Remedy.UNARCHIVE: translatable("You can restore the contact on its page."),
    Remedy.UNBLOCK: translatable("You can unblock the contact on its page."),
    Remedy.ALLOW_MESSAGES: translatable(
        "When they ask for messages again, you can allow them on the contact’s page, with a note."
    ),
    Remedy.ADD_NUMBER: translatable("You can add a number to the contact’s details."),
    Remedy.CORRECT_NUMBER: translatable("You can correct the number in the contact’s details."),
    Remedy.MOBILE_NUMBER: translatable("You can enter a mobile number in the contact’s details."),
    Remedy.ALLOW_COUNTRY: translatable("An admin can allow the country in the settings."),
    Remedy.OTHER_NUMBER: translatable(
        "You can enter another number in the contact’s details. A text from this number shows that it works again."
    ),
    Remedy.CONFIRM: translatable("They can confirm it on the page of the form, or by a reply from their phone."),
    Remedy.ADD_EMAIL: translatable("You can add an email address to the contact’s details."),
    Remedy.CORRECT_EMAIL: translatable("You can correct the email address in the contact’s details."),
    Remedy.START_FROM_NUMBER: translatable(
        "Only the holder of the number can change that, by sending START from this phone."
    ),
    Remedy.PREFERENCE_CENTER: translatable("Only they can change that, in their preference center."),
    Remedy.LIFT_SUPPRESSION: translatable("A marketer or an admin can allow texts again on the contact’s page."),
    Remedy.DECIDE_REVIEW: translatable("You can decide on the contact’s page whether to allow texts."),
    Remedy.SWITCH_ON: translatable("When they agree, switch it on and note how consent was given."),
    Remedy.SWITCH_AGAIN: translatable(
        "Another contact opted out with it. When they agree, switch it off, then on again with a note."
    ),
    Remedy.SUBSCRIBE_TO_EMAILS: translatable(
        "Another system recorded that they get no emails. That system can change it over the API."
    ),
}
# What another number does to the status of a subscription type.
EFFECTS = {
    Effect.LOST: translatable("No longer counts: they opted in with the old number. Ask them again."),
    Effect.REVIVED: translatable("Counts again: they opted in with this number before."),
    Effect.OPT_OUT_STAYS: translatable("Their opt-out stays."),
    Effect.OPTED_OUT_BY_ANOTHER: translatable("Another contact opted out with this number, so it stays opted out."),
    Effect.OPT_OUT_LEFT: translatable("Only the old number was opted out, by another contact."),
    Effect.SAME: translatable("Nothing changes."),
}
SHARED = {
    Shared.PHONE: translatable("same phone number"),
    Shared.EMAIL: translatable("same email address"),
    Shared.EXTERNAL_ID: translatable("same external id"),
}
TIMELINE = {
    Only.ALL: translatable("Everything"),
    Only.CONSENTS: translatable("Consents"),
    Only.CONVERSATIONS: translatable("Conversations and notes"),
    Only.CHANGES: translatable("Changes"),
}
CHANGES = {
    "contact.archived": translatable("Archived"),
    "contact.blocked": translatable("Blocked"),
    "contact.created": translatable("Contact created"),
    "contact.erased": translatable("Erased"),
    "contact.tagged": translatable("Tag added"),
    "contact.unarchived": translatable("Restored"),
    "contact.unblocked": translatable("Unblocked"),
    "contact.untagged": translatable("Tag removed"),
    "contact.updated": translatable("Details changed"),
}
FIELDS = {
    "avatar": translatable("picture"),
    "custom_attributes": translatable("custom attributes"),
    "email": translatable("email address"),
    "external_id": translatable("external id"),
    "gdpr_optin": translatable("messages allowed"),
    "language_override": translatable("language"),
    "last_seen_at": translatable("last seen"),
    "name": translatable("name"),
    "owner_id": translatable("owner"),
    "phone": translatable("phone number"),
    "role": translatable("kind"),
    "signed_up_at": translatable("signed up"),
    "time_zone": translatable("time zone"),
    "unsubscribed_from_emails": translatable("unsubscribed from emails"),
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
    "answered_at": translatable("Form answered at"),
    "answered_level": translatable("Level before the confirmation"),
    "before": translatable("Before"),
    "cause": translatable("Cause"),
    "confirmed_by": translatable("Confirmed by"),
    "confirmed_from": translatable("Confirmed from the address"),
    "confirmed_text": translatable("Text that confirmed it"),
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


def remedy(code: Remedy) -> str:
    """The sentence that says who can lift a reason, and how."""
    return gettext(REMEDIES[code])


def type_kind(subscription_type: SubscriptionType) -> str:
    """``SMS, opt-in``."""
    return gettext(KINDS[Channel(subscription_type.channel), ConsentType(subscription_type.consent_type)])


def how_given(event: ConsentEvent) -> str:
    """How a consent came about: its source, and where that can differ, how sure it is that the person said so."""
    source, level = gettext(SOURCES[Source(event.source)]), gettext(LEVELS[EvidenceLevel(event.evidence_level)])
    if event.evidence_level == EvidenceLevel.REPORTED:
        return source
    return gettext("%(source)s: %(level)s", source=source, level=level)


def shared(likely: Likely) -> str:
    """What two contacts have in common: ``same phone number and same name``."""
    words = [gettext(SHARED[each]) for each in likely.shared]
    return formatting.listed([*words, gettext("same name")] if likely.has_same_name else words)


def changed_fields(names: Iterable[str]) -> str:
    """The words for the fields of a change: ``name and email address``."""
    return formatting.listed(gettext(FIELDS[name]) if name in FIELDS else name.replace("_", " ") for name in names)


def number_state(refusal: str | None) -> str:
    """Whether a number can be texted.

    :param refusal: from ``phone.refusal_of_stored``
    """
    return gettext(NUMBER_STATES[refusal]) if refusal else gettext("Valid, can receive texts")


def detail(key: str) -> str:
    """The name of a detail of the evidence. One that is not known is named by its key."""
    return gettext(DETAILS[key]) if key in DETAILS else key.replace("_", " ").capitalize()


def finding(found: Finding) -> str:
    """What the record says about one element of a rule."""
    return gettext(found.sentence, **found.values)


def part(key: str) -> str:
    """The name of a part of a stored wording. One that is not known was shown, and is named by its key."""
    return gettext(PARTS[key]) if key in PARTS else gettext("Shown: %(name)s", name=key)
