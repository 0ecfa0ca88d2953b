"""How many opt-ins and opt-outs of each subscription type were recorded, by day of the workspace's time zone."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import insert_into
from app.models import SubscriptionDailyCount, SubscriptionType

_COUNT = SubscriptionDailyCount.__table__


class DayCount(NamedTuple):
    """Opt-ins and opt-outs of one type on one day."""

    opted_in: int = 0
    opted_out: int = 0


def add_many(session: Session, counts: Mapping[tuple[int, date], DayCount]) -> None:
    """Add to the counts of many types, by type id and day, in a fixed order."""
    rows = [
        {"subscription_type_id": type_id, "day": day} | added._asdict()
        for (type_id, day), added in sorted(counts.items())
    ]
    if not rows:
        return
    statement = insert_into(session, SubscriptionDailyCount)
    sums = {name: _COUNT.c[name] + statement.excluded[name] for name in DayCount._fields}
    key = [_COUNT.c.subscription_type_id, _COUNT.c.day]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=sums), rows)


def known(session: Session, type_ids: Collection[int]) -> set[int]:
    """Which of these ids are those of a subscription type."""
    if not type_ids:
        return set()
    return set(session.scalars(select(SubscriptionType.id).where(SubscriptionType.id.in_(type_ids))))


def since(session: Session, day: date) -> dict[int, dict[date, DayCount]]:
    """The counts of every type from this day on, by type id and day. Days on which nothing happened are left out."""
    found: dict[int, dict[date, DayCount]] = {}
    query = select(_COUNT.c.subscription_type_id, _COUNT.c.day, _COUNT.c.opted_in, _COUNT.c.opted_out)
    for type_id, counted_day, opted_in, opted_out in session.execute(query.where(_COUNT.c.day >= day)):
        found.setdefault(type_id, {})[counted_day] = DayCount(opted_in, opted_out)
    return found
