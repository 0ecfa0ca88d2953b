"""The set form of a change of consents does what one change does, for many contacts."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.core.consent import set_changes
from app.core.consent.set_changes import Outcome, Result, SetChange, Statement
from app.core.errors import AssentError
from app.core.ledger import verify
from app.core.ledger.evidence import Evidence
from app.core.subscriptions import attachments
from app.db import Database
from app.models import ConsentState, EvidenceLevel, Source
from tests import make
from tests.core.consent import worlds
from tests.core.consent.worlds import HOUR, PEOPLE, World

BULK = make.evidence(
    Source.BULK, actor="agent:1", level=EvidenceLevel.REPORTED, note="a paper list", details={"bulk_job": 1}
)
BOTH_STATES = st.sampled_from((ConsentState.OPTED_IN, ConsentState.OPTED_OUT))
# Of each contact, how long ago it said so; null: as it is recorded.
AGO = st.lists(st.none() | st.sampled_from((0, 1, 2, 5, 12)), min_size=PEOPLE, max_size=PEOPLE)
many = hypothesis.settings(
    max_examples=10,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class _Undo(Exception):
    """Rolls an example back."""


def one_by_one(session: Session, change: SetChange, statements: list[Statement], at: Any) -> list[Outcome | str]:
    """The same change by the single path, contact by contact: its outcomes, or the codes of its refusals."""
    do: Callable[..., Any] = attachments.opt_in if change.state == ConsentState.OPTED_IN else attachments.opt_out
    people = {each.id: each for each in session.info["people"]}
    outcomes: list[Outcome | str] = []
    for each in statements:
        evidence = replace(change.evidence, note=each.note or change.evidence.note, occurred_at=each.occurred_at)
        try:
            _, made = do(session, people[each.contact_id].public_id, change.subscription_type.id, evidence, at=at)
            outcomes.append(Outcome.CHANGED if made.is_new else Outcome.UNCHANGED)
        except AssentError as refused:
            outcomes.append(refused.code)
    return outcomes


def agree(single: Outcome | str, result: Result) -> bool:
    """The single path has one code for what was said since and for an opt-out, and looks for a number first."""
    if single == "invalid_state":
        return result.outcome in {Outcome.OPTED_OUT, Outcome.CHANGED_SINCE}
    closed = {Outcome.BLOCKED, Outcome.GDPR_OPTOUT}
    return single == result.outcome or (single in {"no_phone", "no_email"} and result.outcome in closed)


@many
@given(
    kind=st.sampled_from(worlds.TYPES),
    people=st.lists(worlds.person, min_size=PEOPLE, max_size=PEOPLE),
    acts=st.lists(worlds.act, max_size=10),
    state=BOTH_STATES,
    ago=AGO,
    noted=st.booleans(),
)
def test_a_set_changes_what_single_changes_would(
    database: Database, *, kind: Any, people: Any, acts: Any, state: ConsentState, ago: Any, noted: bool
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        world = worlds.build(session, kind, people)
        session.info["people"] = world.people
        worlds.live(session, world, acts)
        at, last = worlds.now(session), worlds.last_event(session)
        statements = [
            Statement(each.id, None if hours is None else at - hours * HOUR, "their own words" if noted else None)
            for each, hours in zip(world.people, ago, strict=True)
        ]
        change = SetChange(state, world.subscription_type, BULK)
        point = session.begin_nested()
        session.connection()  # sets the savepoint: compiled statements would not
        singles = one_by_one(session, change, statements, at)
        expected = worlds.rows(session, last)
        point.rollback()
        session.expire_all()
        before = worlds.rows(session, last)
        previewed = set_changes.preview(session, change, statements)
        assert worlds.rows(session, last) == before
        results = set_changes.apply(session, change, statements, at=at)
        assert all(agree(*pair) for pair in zip(singles, results, strict=True)), (singles, results)
        assert [each.outcome for each in previewed] == [each.outcome for each in results]
        assert worlds.rows(session, last) == expected
        assert verify.verify_in(session).mismatches.count == 0
        raise _Undo


def people_of(session: Session, count: int) -> World:
    world = worlds.build(session, worlds.TYPES[0], [(f"+1202555{100 + n:04}", None) for n in range(count)])
    session.info["people"] = world.people
    return world


def test_archived_contacts_are_left_alone_and_merged_and_erased_ones_named(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people_of(session, 4)
        archived, merged, erased, missing = world.people
        archived.archived_at = merged.archived_at = erased.archived_at = erased.erased_at = make.NOON
        merged.merged_into_id = archived.id
        session.flush()
        for state in (ConsentState.OPTED_IN, ConsentState.OPTED_OUT):
            change = SetChange(state, world.subscription_type, BULK)
            ids = [archived.id, merged.id, erased.id, missing.id + 1]
            results = set_changes.apply(session, change, [Statement(each) for each in ids], at=make.NOON)
            assert [each.outcome for each in results] == ["archived", "merged", "erased", "erased"]
        assert worlds.new_events(session, 0) == []


def test_only_a_live_type_is_subscribed_to_and_any_type_unsubscribed_from(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people_of(session, 1)
        world.subscription_type.state = "archived"
        session.flush()
        for state, outcome in ((ConsentState.OPTED_IN, "type_not_live"), (ConsentState.OPTED_OUT, "changed")):
            change = SetChange(state, world.subscription_type, BULK)
            (result,) = set_changes.apply(session, change, [Statement(world.people[0].id)], at=make.NOON)
            assert result.outcome == outcome


def test_an_opt_in_is_for_the_named_number_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        world = people_of(session, 2)
        sam, eve = world.people
        change = SetChange(ConsentState.OPTED_IN, world.subscription_type, BULK)
        named = [Statement(sam.id, destination=sam.phone), Statement(eve.id, destination=sam.phone)]
        results = set_changes.apply(session, change, named, at=make.NOON)
        assert [each.outcome for each in results] == ["changed", "number_changed"]


@pytest.mark.databases("sqlite")
def test_a_set_needs_a_few_statements_however_many_contacts_it_has(database: Database) -> None:
    counts = []
    for count in (2, 40):
        with contextlib.suppress(_Undo), database.unit_of_work() as session:
            world = people_of(session, count)
            statements: list[str] = []
            connection = session.connection()
            connection.connection.driver_connection.set_trace_callback(  # type: ignore[union-attr]
                lambda text, seen=statements: (
                    seen.append(text.split("\n")[0][:40])
                    if "INSERT" not in text and "UPDATE contacts" not in text
                    else None
                )
            )
            change = SetChange(ConsentState.OPTED_OUT, world.subscription_type, BULK)
            set_changes.apply(session, change, [Statement(each.id) for each in world.people], at=make.NOON)
            connection.connection.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
            counts.append(len(statements))
            raise _Undo
    assert counts[0] == counts[1] <= 10


def test_only_bulk_jobs_and_imports_change_sets(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        with pytest.raises(ValueError, match="bulk job or an import"):
            SetChange(ConsentState.OPTED_IN, offers, Evidence(Source.FORM, "contact", EvidenceLevel.OTP))
        assert timedelta(hours=1) == HOUR
