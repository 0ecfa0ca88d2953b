"""What another number does is shown before it is saved, and saving does exactly that."""

import contextlib

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.core.consent import eligibility, suppressions
from app.core.contacts import number_change
from app.core.contacts import records as contacts
from app.core.contacts.number_change import Effect
from app.db import Database
from app.models import ConsentType
from tests import make
from tests.make import BRITISH_NUMBER, EVES_NUMBER, NOON, SAMS_NUMBER

NUMBERS = (None, SAMS_NUMBER, BRITISH_NUMBER, EVES_NUMBER, "ask at the till")
act = st.tuples(st.sampled_from((0, 1)), st.sampled_from((0, 1)), st.booleans(), st.sampled_from(NUMBERS[1:4]))


class _Undo(Exception):
    """Rolls the unit of work back."""


@pytest.mark.databases("sqlite")
@hypothesis.settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(act, max_size=5), before=st.sampled_from(NUMBERS), after=st.sampled_from(NUMBERS))
def test_a_change_of_number_does_what_its_preview_said(
    database: Database, acts: list[tuple[int, int, bool, str]], before: str | None, after: str | None
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        types = [make.live_type(session), make.live_type(session, consent_type=ConsentType.OPT_OUT)]
        people = [make.contact(session), make.contact(session)]
        for who, which, is_in, number in acts:
            contacts.set_phone(session, people[who], number)
            (make.opt_in if is_in else make.opt_out)(session, people[who], types[which])
        sam = people[0]
        contacts.set_phone(session, sam, before)
        session.flush()
        change = number_change.preview(session, sam, after)
        shown = [(each.after.state, each.after.reasons) for each in change.types]
        contacts.change_phone(session, sam, after, at=NOON)
        session.expire_all()
        statuses = eligibility.live_statuses(session, sam)
        assert [(each.state, each.reasons) for each in statuses] == shown
        assert sam.phone == change.number
        raise _Undo


def test_each_type_says_what_happens_to_it_and_who_else_has_the_number(database: Database) -> None:
    with database.unit_of_work() as session:
        sam, eve = make.contact(session, phone_number=SAMS_NUMBER), make.contact(session, phone_number=EVES_NUMBER)
        types = {name: make.live_type(session, name=name) for name in ("lost", "back", "mine", "hers", "same")}
        contacts.change_phone(session, sam, EVES_NUMBER, at=NOON)
        make.opt_in(session, sam, types["back"])
        contacts.change_phone(session, sam, SAMS_NUMBER, at=NOON)
        make.opt_in(session, sam, types["lost"])
        make.opt_out(session, sam, types["mine"])
        make.opt_out(session, eve, types["hers"])
        suppressions.add(session, EVES_NUMBER, "by phone", actor="agent:1", at=NOON)
        change = number_change.preview(session, sam, EVES_NUMBER)
        assert {each.subscription_type.name: each.effect for each in change.types} == {
            "lost": Effect.LOST,
            "back": Effect.REVIVED,
            "mine": Effect.OPT_OUT_STAYS,
            "hers": Effect.OPTED_OUT_BY_ANOTHER,
            "same": Effect.SAME,
        }
        assert [each.id for each in change.holders] == [eve.id]
        assert change.suppression
        assert change.suppression.cause == "manual"
        assert sam.phone == SAMS_NUMBER
        back = number_change.preview(session, eve, SAMS_NUMBER)
        assert {each.subscription_type.name: each.effect for each in back.types}["hers"] == Effect.OPT_OUT_STAYS
