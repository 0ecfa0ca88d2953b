"""How many contacts each live type reaches, and the others by their first reason: counted by the worker, kept in rows.

Counting reads every contact, so no page does it. One worker counts a type at most every ten minutes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import leases
from app.core.consent.eligibility_sql import first_reason
from app.core.consent.rules import Query
from app.core.workspace import settings
from app.db import insert_into
from app.models import Consent, ConsentState, Contact, SubscriptionReach, SubscriptionType, TypeState

EVERY = timedelta(minutes=10)
_LEASE = EVERY - timedelta(seconds=1)


@dataclass(frozen=True)
class Reach:
    """One count of one type. ``reasons``: contacts that are not reached, by their first reason."""

    opted_in: int
    opted_out: int
    reachable: int
    reasons: dict[str, int]


def is_due(session: Session, *, at: datetime) -> bool:
    """Whether a live type was not counted for ten minutes. Writes nothing."""
    return bool(_due(session, at))


def claim_due(session: Session, *, at: datetime) -> list[int]:
    """Claim the live types that were not counted for ten minutes; returns their ids. No other worker gets them then."""
    return [type_id for type_id in _due(session, at) if _claim(session, type_id, at)]


def count(session: Session, subscription_type_id: int) -> Reach:
    """Count one type now. Reads every contact but those that were merged into another one or erased."""
    subscription_type = session.get_one(SubscriptionType, subscription_type_id)
    query = Query(subscription_type, tuple(settings.get(session).allowed_countries))
    of_contacts = (
        select(first_reason(query).label("reason"))
        .select_from(Contact)
        .where(Contact.merged_into_id.is_(None), Contact.erased_at.is_(None))
        .subquery()
    )
    by_reason = select(of_contacts.c.reason, func.count()).group_by(of_contacts.c.reason)
    counts = {row[0]: int(row[1]) for row in session.execute(by_reason)}
    by_state = (
        select(Consent.state, func.count())
        .where(Consent.subscription_type_id == subscription_type_id)
        .group_by(Consent.state)
    )
    states = {row[0]: int(row[1]) for row in session.execute(by_state)}
    return Reach(
        opted_in=states.get(ConsentState.OPTED_IN, 0),
        opted_out=states.get(ConsentState.OPTED_OUT, 0),
        reachable=counts.pop(None, 0),
        reasons=counts,
    )


def record(session: Session, subscription_type_id: int, reach: Reach, *, at: datetime) -> None:
    """Keep a count. ``at`` is when it was begun."""
    values = {**vars(reach), "counted_at": at}
    session.execute(
        update(SubscriptionReach).where(SubscriptionReach.subscription_type_id == subscription_type_id).values(**values)
    )


def find_all(session: Session) -> dict[int, SubscriptionReach]:
    """The last count of each type, by type id. Types that were not counted yet are left out."""
    counted = select(SubscriptionReach).where(SubscriptionReach.counted_at.is_not(None))
    return {each.subscription_type_id: each for each in session.scalars(counted)}


def _due(session: Session, at: datetime) -> list[int]:
    of_type = SubscriptionReach.subscription_type_id == SubscriptionType.id
    claimed = select(SubscriptionReach).where(of_type, ~leases.is_free(SubscriptionReach.claimed_at, _LEASE, at=at))
    live = select(SubscriptionType.id).where(SubscriptionType.state == TypeState.LIVE.value, ~claimed.exists())
    return list(session.scalars(live.order_by(SubscriptionType.id)))


def _claim(session: Session, subscription_type_id: int, at: datetime) -> bool:
    row = {"subscription_type_id": subscription_type_id, "claimed_at": at}
    statement = insert_into(session, SubscriptionReach).values(
        row | {"opted_in": 0, "opted_out": 0, "reachable": 0, "reasons": {}}
    )
    claimed = statement.on_conflict_do_update(
        index_elements=[SubscriptionReach.subscription_type_id],
        set_={"claimed_at": at},
        where=leases.is_free(SubscriptionReach.claimed_at, _LEASE, at=at),
    ).returning(SubscriptionReach.subscription_type_id)
    return session.scalars(claimed).first() is not None
