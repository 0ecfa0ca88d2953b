"""What agents see and switch of a contact's subscriptions: the state, how it came about, and who can change it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility, remedies
from app.core.consent.eligibility import Reason, SubscriptionStatus
from app.core.consent.remedies import Remedy
from app.models import ConsentEvent, ConsentState, Contact

# An agent's opt-in is refused while one of these applies.
_REFUSED = frozenset(
    {
        Reason.TYPE_NOT_LIVE,
        Reason.BLOCKED,
        Reason.GDPR_OPTOUT,
        Reason.NO_PHONE,
        Reason.NO_EMAIL,
        Reason.SUPPRESSED,
    }
)


@dataclass(frozen=True)
class Row:
    """One subscription type of a contact.

    :param event: the event behind its consent; null when it was never asked
    :param remedies: what would lift each reason why the contact is not reached
    :param is_on: whether the switch is on: subscribed, by an opt-in or as the default of the type
    """

    status: SubscriptionStatus
    event: ConsentEvent | None
    remedies: Mapping[Reason, Remedy]

    @property
    def is_on(self) -> bool:
        return self.status.is_subscribed

    @property
    def may_switch_on(self) -> bool:
        """Whether an agent's opt-in is accepted, with a note."""
        return not self.is_on and not _REFUSED.intersection(self.status.reasons)

    @property
    def is_asked(self) -> bool:
        """Whether there is a consent for the number or address that the contact has now, or an opt-out."""
        return self.status.state != ConsentState.NEVER_ASKED


def rows(session: Session, contact: Contact) -> list[Row]:
    """A row for each live type, and for each other type with a consent; by name."""
    statuses = eligibility.statuses(session, contact)
    ids = [each.consent.event_id for each in statuses if each.consent]
    events = {each.id: each for each in session.scalars(select(ConsentEvent).where(ConsentEvent.id.in_(ids)))}
    suppression = remedies.suppression_of(session, contact)
    return [
        Row(
            each,
            events.get(each.consent.event_id) if each.consent else None,
            remedies.remedies(contact, each, suppression),
        )
        for each in statuses
    ]
