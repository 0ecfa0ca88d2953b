"""An undo restores what was before, except where somebody has acted since."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import set_changes, set_undo, suppressions
from app.core.consent.set_changes import Result, SetChange, Statement
from app.core.consent.set_undo import Done
from app.core.contacts import erase, merge
from app.core.ledger import verify
from app.db import Database
from app.models import Channel, Consent, ConsentState, ConsentType, Contact, DestinationOptOut, OutboxEvent, Source
from tests import make
from tests.core.consent import worlds
from tests.core.consent.test_set_changes import BOTH_STATES, BULK, many
from tests.core.consent.worlds import PEOPLE, World

OPTED_IN, OPTED_OUT = ConsentState.OPTED_IN, ConsentState.OPTED_OUT
UNDO = make.evidence(Source.BULK, actor="agent:2", level=BULK.level, details={"bulk_job": 1})
# An act after the job of one of the people.
since = st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from([*worlds.ACTS]))


class _Undo(Exception):
    """Rolls an example back."""


def apply(session: Session, world: World, state: ConsentState) -> list[Result]:
    statements = [Statement(each.id) for each in world.people]
    return set_changes.apply(
        session, SetChange(state, world.subscription_type, BULK), statements, at=worlds.now(session)
    )


def undo(session: Session, world: World, results: list[Result]) -> dict[int, str]:
    done = [Done(each.contact_id, each.event_id) for each in results if each.event_id]
    undone = set_undo.undo(session, world.subscription_type, done, UNDO, at=worlds.now(session))
    return {each.contact_id: each.outcome for each in undone}


def consents(session: Session) -> dict[int, tuple[Any, ...]]:
    """The state and destination of each contact's consent, and the opt-outs of its destinations, exactly."""
    session.flush()
    found: dict[int, tuple[Any, ...]] = {}
    for contact_id, *row in session.execute(
        select(Consent.contact_id, Consent.state, Consent.destination, Consent.destination_hash)
    ):
        found[contact_id] = tuple(row)
    return found


def opt_outs(session: Session) -> dict[int, set[tuple[Any, ...]]]:
    found: dict[int, set[tuple[Any, ...]]] = {}
    for row in session.execute(select(*DestinationOptOut.__table__.c)):
        found.setdefault(row.contact_id, set()).add(tuple(row))
    return found


def destinations(session: Session, world: World, contact: Contact) -> set[str]:
    """The hashes of every number or address that the contact has, had or opted in with."""
    consent = session.get(Consent, (contact.id, world.subscription_type.id), populate_existing=True)
    own = {contact.phone_hash, *(contact.former_phone_hashes or ()), consent.destination_hash if consent else None}
    return {each for each in own if each}


@many
@given(
    kind=st.sampled_from(worlds.TYPES),
    people=st.lists(worlds.person, min_size=PEOPLE, max_size=PEOPLE),
    acts=st.lists(worlds.act, max_size=8),
    state=BOTH_STATES,
    later=st.lists(since, max_size=2),
)
def test_an_undo_restores_exactly_except_where_somebody_has_acted_since(
    database: Database, *, kind: Any, people: Any, acts: Any, state: ConsentState, later: Any
) -> None:
    with contextlib.suppress(_Undo), database.unit_of_work() as session:
        world = worlds.build(session, kind, people)
        worlds.live(session, world, acts)
        before, opted_out_before = consents(session), opt_outs(session)
        blocked_before = {each.id for each in world.people if cannot_be_told(session, world, each)}
        results = apply(session, world, state)
        changed = {each.contact_id for each in results if each.outcome == "changed"}
        touching = {each.id: destinations(session, world, each) for each in world.people}
        worlds.live(session, world, later)
        acted = {world.people[who].id for who, _ in later}
        touched = {hashed for each in acted for hashed in touching[each]}
        left, opted_out_left = consents(session), opt_outs(session)
        undone = undo(session, world, results)
        after, opted_out_after = consents(session), opt_outs(session)
        repeated = {each.contact_id for each in results if each.outcome == "unchanged"}
        renewed = {hashed for each in repeated for hashed in touching[each]}
        for contact_id in changed:
            if undone[contact_id] == "restored":
                assert after.get(contact_id) == before.get(contact_id)
                if contact_id not in acted and not touching[contact_id] & touched:
                    assert opted_out_after.get(contact_id) == opted_out_before.get(contact_id)
                if state == OPTED_OUT:
                    assert not has_said(later, world, contact_id)
            else:
                assert after.get(contact_id) == left.get(contact_id)
                assert opted_out_after.get(contact_id) == opted_out_left.get(contact_id)
                is_related = contact_id in acted or touching[contact_id] & (touched | renewed)
                assert is_related or contact_id in blocked_before, undone[contact_id]
        assert {each: after.get(each) for each in set(left) - changed} == {
            each: left[each] for each in set(left) - changed
        }
        assert verify.verify_in(session).mismatches.count == 0
        raise _Undo


def has_said(later: Any, world: World, contact_id: int) -> bool:
    """Whether a contact did anything afterwards that keeps its opt-out."""
    keep = {"opt_out", "opt_out_api", "stop", "block", "gdpr_off"}
    person = next(each for each in world.people if each.id == contact_id)
    is_sms = world.subscription_type.channel == Channel.SMS
    could = person.phone if is_sms else person.email
    return any(
        world.people[who].id == contact_id and name in keep and (name != "stop" or person.phone is not None) and could
        for who, name in later
        if name != "stop" or is_sms
    )


def cannot_be_told(session: Session, world: World, contact: Contact) -> bool:
    """Whether an undo leaves a contact alone although nothing happened since.

    Messages to it are stopped anyway, or it could not be seen whether something happened.
    """
    suppressed = set(worlds.rows(session)["suppressions"])
    is_closed = contact.blocked_at is not None or contact.gdpr_optin is False
    is_default = world.subscription_type.consent_type == ConsentType.OPT_OUT
    return is_closed or bool(destinations(session, world, contact) & suppressed) or (is_default and not contact.phone)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("opt_out", "opted_out"),
        ("stop", "suppressed"),
        ("other_number", "number_changed"),
        ("gdpr_off", "gdpr_optout"),
        ("block", "blocked"),
        ("opt_in", "changed_since"),
    ],
)
def test_an_undone_opt_out_stays_after_a_later_act(database: Database, act: str, reason: str) -> None:
    with database.unit_of_work() as session:
        world = worlds.build(session, worlds.TYPES[0], [(make.SAMS_NUMBER, None), (make.EVES_NUMBER, None)])
        worlds.live(session, world, [(0, "opt_in"), (1, "opt_in")])
        results = apply(session, world, OPTED_OUT)
        worlds.live(session, world, [(0, act)])
        sam, eve = world.people
        assert undo(session, world, results) == {sam.id: reason, eve.id: "restored"}
        after = consents(session)
        assert after[eve.id][0] == OPTED_IN
        assert after[sam.id][0] == (OPTED_IN if act == "opt_in" else OPTED_OUT)


def test_an_undone_opt_out_stays_where_another_contact_with_the_number_opted_out_since(database: Database) -> None:
    with database.unit_of_work() as session:
        world = worlds.build(session, worlds.TYPES[0], [(make.SAMS_NUMBER, None)] * 2)
        worlds.live(session, world, [(0, "opt_in"), (1, "opt_in")])
        results = apply(session, world, OPTED_OUT)
        worlds.live(session, world, [(0, "opt_out")])
        assert set(undo(session, world, results).values()) == {"opted_out"}


def test_contacts_that_share_a_number_are_both_restored(database: Database) -> None:
    with database.unit_of_work() as session:
        world = worlds.build(session, worlds.TYPES[0], [(make.SAMS_NUMBER, None)] * 2)
        worlds.live(session, world, [(0, "opt_in"), (1, "opt_in")])
        results = apply(session, world, OPTED_OUT)
        assert set(undo(session, world, results[1:]).values()) == {"restored"}
        assert set(undo(session, world, results[:1]).values()) == {"restored"}
        assert opt_outs(session) == {}
        topics = list(session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)))
        assert topics[-4:] == ["granular.unsubscribe"] * 2 + ["granular.subscribe"] * 2


def test_a_number_that_was_suppressed_and_lifted_since_is_left_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        world = worlds.build(session, worlds.TYPES[0], [(make.SAMS_NUMBER, None)])
        worlds.live(session, world, [(0, "opt_in")])
        results = apply(session, world, OPTED_OUT)
        added = suppressions.add(session, make.SAMS_NUMBER, "by letter", actor="agent:1", at=worlds.now(session))
        suppressions.lift(session, added.phone_hash, actor="agent:1", at=worlds.now(session))
        assert set(undo(session, world, results).values()) == {"suppressed"}


def test_erased_and_merged_contacts_are_left_alone_and_the_ledger_verifies(database: Database) -> None:
    people = [(make.SAMS_NUMBER, None), (make.EVES_NUMBER, None), (make.BRITISH_NUMBER, None), (None, None)]
    with database.unit_of_work() as session:
        world = worlds.build(session, worlds.TYPES[0], people)
        worlds.live(session, world, [(each, "opt_in") for each in range(3)])
        results = apply(session, world, OPTED_OUT)
        erased, merged, kept, into = world.people
        at = worlds.now(session)
        erase.erase(session, erased, actor="agent:1", at=at)
        ids = merged.public_id, into.public_id
        merge.merge(session, *ids, actor="agent:1", at=at, skip_duplicate_validation=True)
        undone = undo(session, world, results)
        assert [undone[each.id] for each in (erased, merged, kept)] == ["erased", "merged", "restored"]
    assert verify.verify(database).mismatches.count == 0
