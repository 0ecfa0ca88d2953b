"""How often each form was inserted, seen and answered, counted by day and language.

Days are those of the workspace's time zone. The current day has several rows (shards), so that concurrent transactions
seldom wait for the same row; later they become one, so that a year is read quickly.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, cast

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from app.core.workspace import days
from app.db import insert_into
from app.models import FormDailyCount

_SHARDS = 16
_COUNTED = ("inserted", "seen", "submitted", "signed_up")
_COUNT = FormDailyCount.__table__


class FormDay(NamedTuple):
    """What one row counts. ``locale``: the language that the form was shown in; empty where it was not shown yet."""

    form_id: int
    day: date
    locale: str = ""


@dataclass(frozen=True)
class FormTotals:
    """How often a form was inserted, seen and answered, and how many answers opted in a person who was not before."""

    inserted: int = 0
    seen: int = 0
    submitted: int = 0
    signed_up: int = 0


def add(session: Session, form_id: int, name: str, *, locale: str = "", at: datetime, count: int = 1) -> None:
    """Add to one count of a form on the day of ``at``.

    :param name: ``inserted``, ``seen``, ``submitted`` or ``signed_up``
    """
    add_many(session, {FormDay(form_id, days.zone(session).day(at), locale): {name: count}})


def add_many(session: Session, counts: Mapping[FormDay, Mapping[str, int]]) -> None:
    """Add to the counts of many forms.

    Writes one row each, always in the same order, so that concurrent calls cannot deadlock.
    """
    _add(session, counts, shard=secrets.randbelow(_SHARDS))


def merge_shards(session: Session, *, before: date) -> int:
    """Merge the shards of one day before this one into its first; returns how many rows went.

    What is counted for that day at the same time stays in its shard, until the next call.
    """
    past = (FormDailyCount.day < before, FormDailyCount.shard > 0)
    day = session.scalars(select(FormDailyCount.day).where(*past).limit(1)).first()
    if day is None:
        return 0
    removed = delete(FormDailyCount).where(FormDailyCount.day == day, FormDailyCount.shard > 0)
    rows = session.execute(removed.returning(*_COUNT.c), execution_options={"synchronize_session": False}).all()
    counts: dict[FormDay, Counter[str]] = {}
    for row in rows:
        key = FormDay(row.form_id, row.day, row.locale)
        counts.setdefault(key, Counter()).update({name: getattr(row, name) for name in _COUNTED})
    _add(session, counts, shard=0)
    return len(rows)


def totals(session: Session) -> dict[int, FormTotals]:
    """The totals of every form, by form id; at most a second behind while a worker runs."""
    query = _sums().add_columns(_COUNT.c.form_id).group_by(_COUNT.c.form_id)
    return {row.form_id: FormTotals(*row[: len(_COUNTED)]) for row in session.execute(query)}


def totals_since(session: Session, day: date) -> dict[tuple[int, str], FormTotals]:
    """The totals of every form from this day on, by form id and language."""
    query = (
        _sums()
        .add_columns(_COUNT.c.form_id, _COUNT.c.locale)
        .where(_COUNT.c.day >= day)
        .group_by(_COUNT.c.form_id, _COUNT.c.locale)
    )
    return {(row.form_id, row.locale): FormTotals(*row[: len(_COUNTED)]) for row in session.execute(query)}


def _add(session: Session, counts: Mapping[FormDay, Mapping[str, int]], *, shard: int) -> None:
    rows = [
        {**key._asdict(), "shard": shard} | {name: added.get(name, 0) for name in _COUNTED}
        for key, added in sorted(counts.items())
    ]
    if not rows:
        return
    statement = insert_into(session, FormDailyCount)
    sums = {name: _COUNT.c[name] + statement.excluded[name] for name in _COUNTED}
    key = [_COUNT.c.form_id, _COUNT.c.day, _COUNT.c.locale, _COUNT.c.shard]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=sums), rows)


def _sums() -> Select[int, int, int, int]:
    return cast("Select[int, int, int, int]", select(*(func.sum(_COUNT.c[name]) for name in _COUNTED)))
