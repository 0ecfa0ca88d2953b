"""What would lift a reason why a contact is not reached, and so who can lift it."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy.orm import Session

from app.core.consent.eligibility import SubscriptionStatus
from app.core.consent.rules import Reason
from app.models import Channel, ConsentState, Contact, Suppression, SuppressionCause


class Remedy(StrEnum):
    """An act that lifts a reason."""

    PUBLISH_TYPE = "publish_type"
    UNARCHIVE = "unarchive"
    UNBLOCK = "unblock"
    ALLOW_MESSAGES = "allow_messages"
    ADD_NUMBER = "add_number"
    CORRECT_NUMBER = "correct_number"
    MOBILE_NUMBER = "mobile_number"
    ALLOW_COUNTRY = "allow_country"
    OTHER_NUMBER = "other_number"
    CONFIRM = "confirm"
    ADD_EMAIL = "add_email"
    CORRECT_EMAIL = "correct_email"
    START_FROM_NUMBER = "start_from_number"
    PREFERENCE_CENTER = "preference_center"
    LIFT_SUPPRESSION = "lift_suppression"
    DECIDE_REVIEW = "decide_review"
    SWITCH_ON = "switch_on"
    SWITCH_AGAIN = "switch_again"
    SUBSCRIBE_TO_EMAILS = "subscribe_to_emails"


_BY_REASON: Mapping[Reason, Remedy] = {
    Reason.TYPE_NOT_LIVE: Remedy.PUBLISH_TYPE,
    Reason.ARCHIVED: Remedy.UNARCHIVE,
    Reason.BLOCKED: Remedy.UNBLOCK,
    Reason.GDPR_OPTOUT: Remedy.ALLOW_MESSAGES,
    Reason.NO_PHONE: Remedy.ADD_NUMBER,
    Reason.PHONE_INVALID: Remedy.CORRECT_NUMBER,
    Reason.PHONE_NOT_SMS_CAPABLE: Remedy.MOBILE_NUMBER,
    Reason.NUMBER_UNDELIVERABLE: Remedy.OTHER_NUMBER,
    Reason.NUMBER_REASSIGNED: Remedy.SWITCH_ON,
    Reason.COUNTRY_NOT_ALLOWED: Remedy.ALLOW_COUNTRY,
    Reason.NO_EMAIL: Remedy.ADD_EMAIL,
    Reason.EMAIL_INVALID: Remedy.CORRECT_EMAIL,
    Reason.SUPPRESSED: Remedy.START_FROM_NUMBER,
    Reason.OPTED_OUT: Remedy.SWITCH_ON,
    Reason.UNCONFIRMED: Remedy.CONFIRM,
    Reason.NUMBER_CHANGED: Remedy.SWITCH_ON,
    Reason.NOT_OPTED_IN: Remedy.SWITCH_ON,
}
# What was stopped in one way is lifted in the same way: ``precedence.may_lift`` and ``suppressions``.
_BY_CAUSE: Mapping[SuppressionCause, Remedy] = {
    SuppressionCause.KEYWORD: Remedy.START_FROM_NUMBER,
    SuppressionCause.CARRIER: Remedy.START_FROM_NUMBER,
    SuppressionCause.PREFERENCE_CENTER: Remedy.PREFERENCE_CENTER,
    SuppressionCause.MANUAL: Remedy.LIFT_SUPPRESSION,
    SuppressionCause.REVIEW: Remedy.DECIDE_REVIEW,
}


def suppression_of(session: Session, contact: Contact) -> Suppression | None:
    """The suppression of the contact's number; null when there is none."""
    return session.get(Suppression, contact.phone_hash) if contact.phone_hash else None


def of_suppression(cause: str) -> Remedy:
    """What lifts a suppression with this cause."""
    return _BY_CAUSE[SuppressionCause(cause)]


def remedies(contact: Contact, status: SubscriptionStatus, suppression: Suppression | None) -> dict[Reason, Remedy]:
    """What would lift each reason of a status, in the order of its reasons.

    :param suppression: of the contact's number
    """
    found = {reason: _BY_REASON[reason] for reason in status.reasons}
    if Reason.SUPPRESSED in found and suppression is not None:
        found[Reason.SUPPRESSED] = of_suppression(suppression.cause)
    if Reason.OPTED_OUT in found and status.state == ConsentState.OPTED_IN:  # another contact opted out with it
        found[Reason.OPTED_OUT] = Remedy.SWITCH_AGAIN
    is_email = status.subscription_type.channel == Channel.EMAIL
    if Reason.OPTED_OUT in found and is_email and contact.unsubscribed_from_emails:
        found[Reason.OPTED_OUT] = Remedy.SUBSCRIBE_TO_EMAILS
    return found
