"""What speaks against inserting a form for one contact. Pages warn with it; only ``insertion.py`` refuses."""

from enum import StrEnum

from app.core.consent.eligibility import Reason, SubscriptionStatus
from app.models import ConsentState


class Concern(StrEnum):
    """What an agent should know before a form is inserted.

    ``blocked``, ``archived``, ``gdpr_optout`` (the person wants no messages): it is refused. ``suppressed``,
    ``opted_out``: the person, or the holder of the number, asked for no messages. ``signed_up``: the form would have
    nothing to ask.
    """

    BLOCKED = "blocked"
    ARCHIVED = "archived"
    GDPR_OPTOUT = "gdpr_optout"
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    SIGNED_UP = "signed_up"

    @property
    def is_refused(self) -> bool:
        """Whether ``insertion.py`` refuses the form."""
        return self in {Concern.BLOCKED, Concern.ARCHIVED, Concern.GDPR_OPTOUT}


# The first that applies is the concern.
_REASONS = {
    Reason.BLOCKED: Concern.BLOCKED,
    Reason.ARCHIVED: Concern.ARCHIVED,
    Reason.GDPR_OPTOUT: Concern.GDPR_OPTOUT,
    Reason.SUPPRESSED: Concern.SUPPRESSED,
    Reason.OPTED_OUT: Concern.OPTED_OUT,
}


def concern_of(status: SubscriptionStatus) -> Concern | None:
    """The concern about a form of this subscription type, for the contact of the status; null when there is none."""
    for reason, concern in _REASONS.items():
        if reason in status.reasons:
            return concern
    is_signed_up = status.state == ConsentState.OPTED_IN and Reason.NUMBER_CHANGED not in status.reasons
    return Concern.SIGNED_UP if is_signed_up else None
