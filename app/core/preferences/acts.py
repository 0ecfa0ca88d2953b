"""What the holder of a link does: leave a type, stop all texts, allow them again, ask for deletion.

Leaving always works. Everything else needs a link that is not expired, and some of it one whose holder is known.
"""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.consent import changes as consent
from app.core.consent import eligibility, locking, precedence, suppressions
from app.core.consent.changes import Change
from app.core.errors import InvalidState, NotFound
from app.core.ledger.evidence import Evidence
from app.core.preferences import erasure_requests
from app.core.preferences.links import Link
from app.models import (
    Channel,
    Consent,
    Contact,
    ErasureRequest,
    SubscriptionType,
    SuppressionCause,
    TypeState,
)


def leave(session: Session, link: Link, subscription_type_id: int, evidence: Evidence, *, at: datetime) -> Change:
    """Opt out of one type, also of one that was archived since. Repeating it changes nothing.

    :raises NotFound: there is no such type, or it never was live
    """
    found = _find_type(session, subscription_type_id)
    return _leave(session, link, [found], evidence, at=at)[0]


def leave_emails(session: Session, link: Link, evidence: Evidence, *, only: int | None, at: datetime) -> None:
    """Opt out of one email type, or of all of them: a mail program's one click.

    :param only: id of the type; null: all
    :raises NotFound: there is no such email type, or it never was live
    """
    types = _types_of(session, link, Channel.EMAIL) if only is None else [_find_type(session, only)]
    if any(each.channel != Channel.EMAIL for each in types):
        raise NotFound("There is no such subscription type.")
    _leave(session, link, types, evidence, at=at)


def stop_texts(session: Session, link: Link, evidence: Evidence, *, at: datetime) -> None:
    """Opt out of every SMS type, and stop all texts to the contact's number, for every contact that has it.

    For a holder who proved nothing it only opts out of the contact's own types.
    """
    number = session.scalar(select(Contact.phone).where(Contact.id == link.contact_id))
    # The suppression first, as everything that locks both does.
    if number and suppressions.is_number(number) and not precedence.is_only_own(evidence):
        suppressions.suppress_by(session, number, SuppressionCause.PREFERENCE_CENTER, evidence, at=at)
    _leave(session, link, _types_of(session, link, Channel.SMS), evidence, at=at)


def allow_texts(session: Session, link: Link, evidence: Evidence, *, at: datetime) -> None:
    """Take *stop all texts* back. The types stay opted out. Repeating it changes nothing.

    :raises InvalidState: ``link_expired``; or ``suppressed``: texts were stopped in another way
    """
    refuse_expired(link, at=at)
    phone_hash = session.scalar(select(Contact.phone_hash).where(Contact.id == link.contact_id))
    if phone_hash is not None and eligibility.is_suppressed(session, phone_hash):
        suppressions.lift_by_holder(session, phone_hash, evidence, at=at)


def request_erasure(session: Session, link: Link, *, at: datetime) -> ErasureRequest:
    """Ask for the deletion of the contact. Repeating it changes nothing.

    :raises InvalidState: ``link_expired``; or the workspace takes no requests
    :raises NotFound: the holder proved nothing
    """
    refuse_expired(link, at=at)
    if link.is_unverified:
        raise NotFound("This link cannot be used for that.")
    locking.lock(session, link.contact_id)
    return erasure_requests.request(session, link.contact_id, at=at)


def refuse_expired(link: Link, *, at: datetime) -> None:
    """:raises InvalidState: ``link_expired``: the link can only be used to leave"""
    if link.is_expired(at):
        raise InvalidState("This link has expired. You can still use it to unsubscribe.", code="link_expired")


def _leave(
    session: Session, link: Link, types: list[SubscriptionType], evidence: Evidence, *, at: datetime
) -> list[Change]:
    contact = locking.lock(session, link.contact_id)
    return [
        consent.opt_out(
            session,
            contact,
            each.id,
            contact.destination(each.channel),
            evidence.with_details(subscription_type=each.name),
            at=at,
        )
        for each in types
    ]


def _types_of(session: Session, link: Link, channel: Channel) -> list[SubscriptionType]:
    """The live types of a channel, and others that the contact gave a consent for."""
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == link.contact_id)
    query = select(SubscriptionType).where(
        SubscriptionType.channel == channel.value,
        or_(SubscriptionType.state == TypeState.LIVE.value, SubscriptionType.id.in_(with_consent)),
    )
    return list(session.scalars(query.order_by(SubscriptionType.id)))


def _find_type(session: Session, subscription_type_id: int) -> SubscriptionType:
    found = session.get(SubscriptionType, subscription_type_id)
    if found is None or found.live_at is None:
        raise NotFound("There is no such subscription type.")
    return found
