"""Opt out of all texts in one call, as a page or a system that keeps one answer for all of them says it."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.consent import changes
from app.core.consent.locking import LockedContact
from app.core.ledger.evidence import Evidence
from app.models import Channel, Consent, ConsentType, SubscriptionType, TypeState


def opt_out(session: Session, contact: LockedContact, evidence: Evidence, *, at: datetime) -> None:
    """Opt a contact out of every SMS type that is live, that it gave a consent for, or that it got by default.

    Each change is one of ``changes.opt_out``, whose evidence names the type. Flushes, does not commit.
    """
    with_consent = select(Consent.subscription_type_id).where(Consent.contact_id == contact.id)
    query = select(SubscriptionType).where(
        SubscriptionType.channel == Channel.SMS.value,
        or_(
            SubscriptionType.state == TypeState.LIVE.value,
            SubscriptionType.id.in_(with_consent),
            (SubscriptionType.consent_type == ConsentType.OPT_OUT.value) & SubscriptionType.live_at.is_not(None),
        ),
    )
    for each in session.scalars(query.order_by(SubscriptionType.id)).all():
        of_type = evidence.with_details(subscription_type=each.name)
        changes.opt_out(session, contact, each.id, contact.phone, of_type, at=at)
