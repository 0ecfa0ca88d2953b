"""What the preference center shows to the holder of a link. Nothing here writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent import current_destination, eligibility
from app.core.consent.eligibility import Reason, SubscriptionStatus
from app.core.errors import NotFound
from app.core.preferences import erasure_requests
from app.core.preferences.links import Link
from app.core.subscriptions import preference_form, subscription_types
from app.core.subscriptions.subscription_types import TypeText
from app.core.workspace import settings
from app.models import Channel, ConsentState, Contact, Conversation, Suppression, SuppressionCause

_STOPS = frozenset({Reason.OPTED_OUT, Reason.SUPPRESSED, Reason.GDPR_OPTOUT})
_CHANGED_BY_OPT_IN = frozenset(
    {Reason.NUMBER_REASSIGNED, Reason.OPTED_OUT, Reason.UNCONFIRMED, Reason.NUMBER_CHANGED, Reason.NOT_OPTED_IN}
)


@dataclass(frozen=True)
class Subscription:
    """One live type as the holder of a link sees it.

    :param text: name and description in the reader's language, else in the type's own
    :param is_subscribed: whether messages of this type go to the contact, as far as people said so
    :param changed_at: when the state was last changed; null when never
    :param destination: the number or address that the state is for, masked; empty when there is none
    :param is_ended_by_another: another contact with the same number or address opted out, which this one cannot reverse
    :param form_key: of the form by which the holder can opt in now; null: they cannot
    """

    subscription_type_id: int
    channel: str
    text: TypeText
    state: ConsentState
    is_subscribed: bool
    changed_at: datetime | None
    destination: str
    is_ended_by_another: bool = False
    form_key: str | None = None


@dataclass(frozen=True)
class PreferenceCenter:
    """Everything that the page of one link depends on, beside the workspace.

    :param is_expired: the holder can only leave any more
    :param is_unverified: the holder proved nothing: they see and change the contact's own consents only
    :param number: the contact's number, masked; empty when there is none; ``address`` likewise
    :param suppressed_by: the cause for which no text goes to the number; null when none, or the holder may not know
    :param is_gdpr_refused: the person refused all messages
    :param has_chat: there is a conversation with the contact
    :param may_request_erasure: the holder can ask for deletion; ``erasure_due_at``: they did, and it is due then
    """

    subscriptions: tuple[Subscription, ...]
    number: str = ""
    address: str = ""
    is_expired: bool = False
    is_unverified: bool = False
    suppressed_by: SuppressionCause | None = None
    is_gdpr_refused: bool = False
    has_chat: bool = False
    may_request_erasure: bool = False
    erasure_due_at: datetime | None = None

    @property
    def has_texts(self) -> bool:
        """Whether there is a text that could be stopped."""
        return bool(self.number) or any(each.channel == Channel.SMS for each in self.subscriptions)

    @property
    def may_allow_texts(self) -> bool:
        """Whether the holder can take *stop all texts* back."""
        return self.suppressed_by == SuppressionCause.PREFERENCE_CENTER and not self.is_expired


def read(session: Session, link: Link, locale: str, *, at: datetime) -> PreferenceCenter:
    """The preference center of this link's contact: the live types that it can have.

    :param locale: the reader's language
    """
    contact = session.get_one(Contact, link.contact_id)
    is_expired, is_known = link.is_expired(at), not link.is_unverified
    suppression = session.get(Suppression, contact.phone_hash) if contact.phone_hash and is_known else None
    request = erasure_requests.open_request_of(session, contact.id) if is_known else None
    chats = select(Conversation.id).where(Conversation.contact_id == contact.id)
    may_ask = is_known and not is_expired and settings.get(session).erasure_requests
    return PreferenceCenter(
        tuple(_subscription(session, contact, link, each, (locale, at)) for each in _offered(session, contact)),
        number=destinations.masked(contact.phone, Channel.SMS) if contact.phone else "",
        address=destinations.masked(contact.email, Channel.EMAIL) if contact.email else "",
        is_expired=is_expired,
        is_unverified=link.is_unverified,
        suppressed_by=SuppressionCause(suppression.cause) if suppression else None,
        is_gdpr_refused=contact.gdpr_optin is False and is_known,
        has_chat=session.scalars(chats.limit(1)).first() is not None,
        may_request_erasure=may_ask and request is None,
        erasure_due_at=request.due_at if request else None,
    )


def find(session: Session, link: Link, subscription_type_id: int, locale: str, *, at: datetime) -> Subscription:
    """One type of ``read``.

    :raises NotFound: this contact cannot have it, or it is not live
    """
    contact = session.get_one(Contact, link.contact_id)
    for status in _offered(session, contact):
        if status.subscription_type.id == subscription_type_id:
            return _subscription(session, contact, link, status, (locale, at))
    raise NotFound("There is no such subscription type.")


def answered(subscriptions: Iterable[Subscription]) -> tuple[Subscription, ...]:
    """Those that the contact opted in to or out of: all that an unknown visitor of a chat sees."""
    return tuple(each for each in subscriptions if each.state != ConsentState.NEVER_ASKED)


def _offered(session: Session, contact: Contact) -> list[SubscriptionStatus]:
    """The live types that the contact has a number or address for, or gave a consent for before."""
    return [
        each
        for each in eligibility.live_statuses(session, contact)
        if each.consent is not None or eligibility.destination_of(contact, each.subscription_type)
    ]


def _subscription(
    session: Session, contact: Contact, link: Link, status: SubscriptionStatus, reader: tuple[str, datetime]
) -> Subscription:
    found, consent, (locale, at) = status.subscription_type, status.consent, reader
    given_for = consent.destination if consent and status.state != ConsentState.NEVER_ASKED else None
    destination = given_for or eligibility.destination_of(contact, found)
    is_stopped = not link.is_unverified and bool(_STOPS & set(status.reasons))
    is_subscribed = status.is_subscribed and not is_stopped
    is_ended_by_another = not is_subscribed and _is_ended_by_another(session, contact, link, status)
    may_opt_in = not (is_subscribed or is_ended_by_another or link.is_expired(at))
    form = preference_form.find(session, found) if may_opt_in and _is_open(contact, link, status) else None
    return Subscription(
        found.id,
        found.channel,
        subscription_types.text_in(found, locale),
        status.state,
        is_subscribed,
        consent.changed_at if consent and status.state != ConsentState.NEVER_ASKED else None,
        destinations.masked(destination, found.channel) if destination else "",
        is_ended_by_another,
        form.key if form else None,
    )


def _is_ended_by_another(session: Session, contact: Contact, link: Link, status: SubscriptionStatus) -> bool:
    found = status.subscription_type
    destination_hash = current_destination.hash_of(contact, found.channel)
    if link.is_unverified or destination_hash is None:
        return False
    return eligibility.has_opt_out_of_another(session, found.id, destination_hash, contact.id)


def _is_open(contact: Contact, link: Link, status: SubscriptionStatus) -> bool:
    """Whether an opt-in of this contact would count: nothing is against it but what an opt-in changes."""
    if status.subscription_type.channel == Channel.EMAIL and contact.unsubscribed_from_emails:
        return False
    return set(status.reasons) <= (
        _CHANGED_BY_OPT_IN | {Reason.SUPPRESSED} if link.is_unverified else _CHANGED_BY_OPT_IN
    )
