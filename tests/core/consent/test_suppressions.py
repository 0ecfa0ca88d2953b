"""Numbers that must not be texted."""

import pytest
from sqlalchemy import func, select

from app.core.consent import suppressions
from app.core.errors import DestinationRefused, InvalidState
from app.db import Database
from app.models import ConsentEvent, OutboxEvent, Suppression, SuppressionCause
from tests import make


@pytest.mark.parametrize("number", ["+44 20 7946 0018", "+1 999 555 0000", "+49 30 1234567", "+5215512345678"])
def test_any_number_can_be_suppressed_and_a_contact_with_it_is(database: Database, number: str) -> None:
    with database.unit_of_work() as session:
        made = suppressions.add(session, number, "by letter", actor="agent:1", at=make.NOON)
        assert make.contact(session, phone_number=number).phone_hash == made.phone_hash


@pytest.mark.parametrize("text", ["", "call me", "+", "12", "0171 123456"])
def test_what_is_no_number_is_refused(database: Database, text: str) -> None:
    with database.unit_of_work() as session, pytest.raises(DestinationRefused):
        suppressions.add(session, text, "by letter", actor="agent:1", at=make.NOON)


@pytest.mark.parametrize("first", SuppressionCause)
@pytest.mark.parametrize("second", SuppressionCause)
def test_only_a_stronger_cause_replaces_a_cause(
    database: Database, first: SuppressionCause, second: SuppressionCause
) -> None:
    order = ("manual", "review", "carrier", "keyword")
    strength = [order.index(each if each in order else "keyword") for each in (first, second)]
    with database.unit_of_work() as session:
        for cause in (first, second):
            suppressions.suppress(session, make.SAMS_NUMBER, cause, cause, actor="system", at=make.NOON)
        found = session.scalars(select(Suppression)).one()
        is_replaced = strength[1] > strength[0]
        assert (found.cause, found.note) == ((second, second) if is_replaced else (first, first))
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 1 + is_replaced
        assert session.scalar(select(func.count()).select_from(OutboxEvent)) == 1
        if found.cause != SuppressionCause.MANUAL:
            with pytest.raises(InvalidState):
                suppressions.lift(session, found.phone_hash, actor="agent:1", at=make.NOON)
