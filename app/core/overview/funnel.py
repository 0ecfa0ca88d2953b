"""How far people come in the forms: inserted, seen, submitted, signed up; by form and by language."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.forms import daily_counts
from app.core.forms.daily_counts import FormTotals
from app.models import OptInForm

ROWS_MAX = 10


@dataclass(frozen=True)
class FormRow:
    """One form. Null ``form_id``: all forms that were written for one conversation; ``is_rest``: all others."""

    form_id: int | None
    name: str
    totals: FormTotals
    is_rest: bool = False


@dataclass(frozen=True)
class LanguageRow:
    """One language that forms were shown in. Nothing is inserted in a language."""

    locale: str
    totals: FormTotals


@dataclass(frozen=True)
class Funnel:
    """The forms of a range, those with the most sign-ups first."""

    forms: Sequence[FormRow]
    languages: Sequence[LanguageRow]


def read(session: Session, since: date) -> Funnel:
    """The counts from this day on. At most ``ROWS_MAX`` forms have their own row."""
    counts = daily_counts.totals_since(session, since)
    by_form: dict[int, list[FormTotals]] = {}
    by_locale: dict[str, list[FormTotals]] = {}
    for (form_id, locale), totals in counts.items():
        by_form.setdefault(form_id, []).append(totals)
        by_locale.setdefault(locale, []).append(totals)
    languages = [LanguageRow(locale, _sum(found)) for locale, found in by_locale.items() if locale]
    return Funnel(
        _forms(session, {form_id: _sum(found) for form_id, found in by_form.items()}),
        sorted(languages, key=lambda row: (-row.totals.signed_up, -row.totals.seen, row.locale)),
    )


def _forms(session: Session, totals: dict[int, FormTotals]) -> list[FormRow]:
    query = select(OptInForm.id, OptInForm.name, OptInForm.is_inline).where(OptInForm.id.in_(totals))
    found = session.execute(query).all() if totals else []
    rows = [FormRow(row.id, row.name, totals[row.id]) for row in found if not row.is_inline]
    rows.sort(key=lambda row: (-row.totals.signed_up, -row.totals.seen, row.form_id or 0))
    inline = [totals[row.id] for row in found if row.is_inline]
    rest = [row.totals for row in rows[ROWS_MAX:]]
    return [
        *rows[:ROWS_MAX],
        *([FormRow(None, "", _sum(inline))] if inline else []),
        *([FormRow(None, "", _sum(rest), is_rest=True)] if rest else []),
    ]


def _sum(found: Iterable[FormTotals]) -> FormTotals:
    return FormTotals(*(sum(column) for column in zip(*(vars(each).values() for each in found), strict=True)))
