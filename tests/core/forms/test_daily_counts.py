"""Shards of days that ended become one row each, and no count is lost."""

from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.forms import daily_counts
from app.core.forms.daily_counts import FormDay, FormTotals
from app.db import Database
from app.models import FormDailyCount
from tests import make


def test_shards_of_past_days_are_merged(database: Database) -> None:
    today = make.NOON.date()
    with database.unit_of_work() as session:
        form = make.form(session)
        for _ in range(12):
            for age, locale in ((0, "en"), (1, "en"), (1, "es"), (2, "en")):
                day = FormDay(form.id, today - timedelta(days=age), locale)
                daily_counts.add_many(session, {day: {"seen": 1, "submitted": 2}})
        of_today = rows(session, today, is_past=False)
        before = daily_counts.totals_since(session, today - timedelta(days=1))
        while daily_counts.merge_shards(session, before=today):
            pass
        assert rows(session, today, is_past=True) == 3
        assert rows(session, today, is_past=False) == of_today
        assert daily_counts.totals_since(session, today - timedelta(days=1)) == before
        assert daily_counts.totals(session) == {form.id: FormTotals(0, 48, 96)}


def rows(session: Session, today: date, *, is_past: bool) -> int:
    of = FormDailyCount.day < today if is_past else FormDailyCount.day == today
    return session.scalar(select(func.count()).select_from(FormDailyCount).where(of)) or 0
