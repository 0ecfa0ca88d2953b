"""The funnel has a row for each form and each language, and one for all others."""

from datetime import timedelta

from app.core.forms import daily_counts
from app.core.forms.daily_counts import FormDay, FormTotals
from app.core.overview import funnel
from app.db import Database
from tests import make

TODAY = make.NOON.date()


def test_forms_with_most_sign_ups_come_first_and_the_others_share_a_row(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        forms = [make.form(session, offers, name=f"Form {number}") for number in range(funnel.ROWS_MAX + 2)]
        inline = make.form(session, offers)
        inline.is_inline = True
        session.flush()
        for number, form in enumerate(forms, 1):
            daily_counts.add(session, form.id, "seen", locale="es", at=make.NOON, count=number)
            daily_counts.add(session, form.id, "signed_up", locale="de", at=make.NOON, count=number)
        daily_counts.add(session, inline.id, "inserted", at=make.NOON, count=5)
        old = FormDay(forms[0].id, TODAY - timedelta(days=1), "es")
        daily_counts.add_many(session, {old: {"seen": 1000}})
        found = funnel.read(session, TODAY)
    assert [row.form_id for row in found.forms] == [
        *(form.id for form in reversed(forms[2:])),
        None,
        None,
    ]
    assert [row.totals for row in found.forms[-2:]] == [FormTotals(inserted=5), FormTotals(seen=3, signed_up=3)]
    assert [row.is_rest for row in found.forms[-2:]] == [False, True]
    total = sum(range(1, len(forms) + 1))
    assert [(row.locale, row.totals) for row in found.languages] == [
        ("de", FormTotals(signed_up=total)),
        ("es", FormTotals(seen=total)),
    ]


def test_without_counts_there_are_no_rows(database: Database) -> None:
    with database.read_only() as session:
        assert funnel.read(session, TODAY) == funnel.Funnel([], [])
