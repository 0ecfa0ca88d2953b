"""How often each form was inserted, seen and answered, counted by day (UTC).

Each day has several rows (shards), so that concurrent transactions seldom wait for the same row.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from app.db import insert_into
from app.models import FormDailyCount

_SHARDS = 16
_COUNTED = ("inserted", "seen", "submitted")
_COUNT = cast(Table, FormDailyCount.__table__)


@dataclass(frozen=True)
class FormTotals:
    """How often a form was inserted, seen and answered, over all days."""

    inserted: int = 0
    seen: int = 0
    submitted: int = 0


def add(session: Session, form_id: int, name: str, *, at: datetime, count: int = 1) -> None:
    """Add to one count of a form on the day of ``at``.

    :param name: ``inserted``, ``seen`` or ``submitted``
    """
    add_many(session, {(form_id, at.date()): {name: count}})


def add_many(session: Session, counts: Mapping[tuple[int, date], Mapping[str, int]]) -> None:
    """Add to the counts of many forms, by form id and day (UTC).

    Writes one row each, always in the same order, so that concurrent calls cannot deadlock.
    """
    shard = secrets.randbelow(_SHARDS)
    rows = [
        {"form_id": form_id, "day": day, "shard": shard} | {name: added.get(name, 0) for name in _COUNTED}
        for (form_id, day), added in sorted(counts.items())
    ]
    if not rows:
        return
    statement = insert_into(session, FormDailyCount)
    sums = {name: _COUNT.c[name] + statement.excluded[name] for name in _COUNTED}
    key = [_COUNT.c.form_id, _COUNT.c.day, _COUNT.c.shard]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=sums), rows)


def totals(session: Session) -> dict[int, FormTotals]:
    """The totals of every form, by form id; at most a second behind while a worker runs."""
    query = select(
        FormDailyCount.form_id,
        func.coalesce(func.sum(FormDailyCount.inserted), 0),
        func.coalesce(func.sum(FormDailyCount.seen), 0),
        func.coalesce(func.sum(FormDailyCount.submitted), 0),
    ).group_by(FormDailyCount.form_id)
    return {row[0]: FormTotals(*(int(count) for count in row[1:])) for row in session.execute(query)}
