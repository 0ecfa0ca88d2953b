"""For all orders of what people and agents do: START restores exactly what STOP removed, and nothing else."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import locking
from app.core.contacts import erase, merge
from app.core.contacts import records as contacts
from app.core.ledger import verify
from app.core.ledger.evidence import reported_by
from app.core.signing import keys_of
from app.db import Database
from app.models import Consent, ConsentType, Contact, EvidenceLevel, Source, SubscriptionType, Suppression
from tests import make
from tests.core.inbound import texting
from tests.crossing import cross
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER

BY_AGENT = reported_by("agent:1")
NUMBERS = (SAMS_NUMBER, BRITISH_NUMBER)
PEOPLE, TYPES = range(3), range(3)
State = dict[tuple[int, int], tuple[str, str | None, int]]


@dataclass
class Taken:
    """One consent that a STOP took away, as this test has seen it."""

    number: str
    key: tuple[int, int]
    event_id: int
    before: tuple[str, str | None] | None
    is_of_one_type: bool


@dataclass
class World:
    session: Session
    people: list[Contact] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    at: datetime = NOON

    def consents(self) -> State:
        rows = self.session.scalars(select(Consent).execution_options(populate_existing=True))
        return {
            (each.contact_id, each.subscription_type_id): (each.state, each.destination_hash, each.event_id)
            for each in rows
        }

    def holds(self, contact_id: int, number: str) -> bool:
        found = self.session.get_one(Contact, contact_id, populate_existing=True)
        return found.phone == number and found.merged_into_id is None

    def stop(self, number: str, type_index: int | None) -> None:
        before = self.consents()
        known = {(each.key, each.event_id) for each in self.taken}
        name = "" if type_index is None else f" type{type_index}"
        is_whole = type_index is None or not any(self.holds(each.id, number) for each in self.people)
        texting.send(self.session, f"STOP{name}", sender=number, at=self.at)
        for key, (state, _, event_id) in self.consents().items():
            if before.get(key, (None, None, 0))[2] != event_id and (key, event_id) not in known:
                assert state == "opted_out"
                assert self.holds(key[0], number)
                self.taken.append(
                    Taken(number, key, event_id, before[key][:2] if key in before else None, not is_whole)
                )
        if is_whole:
            assert self.cause_of(number) == "keyword"
            held = [each.id for each in self.people if self.holds(each.id, number)]
            assert {state for key, (state, _, _) in self.consents().items() if key[0] in held} <= {"opted_out"}

    def start(self, number: str) -> None:
        before = self.consents()
        of_number = [each for each in self.taken if each.number == number]
        given_back = [each for each in of_number if not each.is_of_one_type] or of_number
        if self.cause_of(number) in {None, "keyword"}:
            expected = {key: value[:2] for key, value in before.items()}
            for each in reversed(given_back):
                self.taken.remove(each)
                if self.holds(each.key[0], number) and before.get(each.key, (None, None, 0))[2] == each.event_id:
                    expected.pop(each.key)
                    if each.before is not None:
                        expected[each.key] = each.before
        texting.send(self.session, "START", sender=number, at=self.at)
        assert {key: value[:2] for key, value in self.consents().items()} == expected
        assert self.cause_of(number) is None

    def cause_of(self, number: str) -> str | None:
        found = self.session.get(Suppression, keys_of(self.session).destination_hash(number), populate_existing=True)
        return found.cause if found else None

    def consent(self, person: int, type_index: int, *, wants: bool) -> None:
        """The person changes their mind with a link, or opts in with a form that the number was verified for."""
        contact = self.person(person)
        if contact.merged_into_id is not None:
            return
        change = make.opt_in if wants else make.opt_out
        source, level = (
            (Source.VERIFICATION, EvidenceLevel.OTP)
            if wants
            else (Source.PREFERENCE_CENTER, EvidenceLevel.PERSONAL_LINK)
        )
        of_type = self.types[type_index]
        before = self.consents().get((contact.id, of_type))
        evidence = make.evidence(source, level=level)
        change(self.session, contact, self.session.get_one(SubscriptionType, of_type), evidence=evidence, at=self.at)
        if not wants and before == self.consents().get((contact.id, of_type)):
            self.forget(contact.id, of_type)  # they said it again in another way: START does not take that back

    def forget(self, contact_id: int, type_id: int | None = None) -> None:
        for each in self.taken:
            if each.key[0] == contact_id and type_id in {None, each.key[1]}:
                each.event_id = -1

    def move(self, person: int, number: str) -> None:
        contact = self.person(person)
        if contact.merged_into_id is None:
            locked = locking.lock_contact(self.session, contact.id)
            contacts.change_phone(self.session, locked, number, at=self.at)
            self.session.flush()

    def merge(self) -> None:
        source, target = self.person(2), self.person(0)
        if source.merged_into_id is None:
            ids = (source.public_id, target.public_id)
            merge.merge(self.session, *ids, actor="agent:1", at=self.at, skip_duplicate_validation=True)

    def person(self, index: int) -> Contact:
        return self.session.get_one(Contact, self.people[index].id, populate_existing=True)


_NUMBER, _PERSON, _TYPE = st.sampled_from(NUMBERS), st.sampled_from(PEOPLE), st.sampled_from(TYPES)
_STEP = st.one_of(
    st.tuples(st.just("stop"), _NUMBER, st.none() | _TYPE),
    st.tuples(st.just("start"), _NUMBER),
    st.tuples(st.just("opt_in"), _PERSON, _TYPE),
    st.tuples(st.just("opt_out"), _PERSON, _TYPE),
    st.tuples(st.just("move"), _PERSON, _NUMBER),
    st.tuples(st.just("merge")),
)


@pytest.mark.databases("sqlite")
@example(steps=[("stop", SAMS_NUMBER, None), ("merge",), ("start", SAMS_NUMBER)])
@given(steps=st.lists(_STEP, min_size=3, max_size=14))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_start_restores_exactly_what_stop_removed(database: Database, steps: list[tuple[object, ...]]) -> None:
    with database.unit_of_work() as session:
        world = World(session)
        kinds = (ConsentType.OPT_IN, ConsentType.OPT_IN, ConsentType.OPT_OUT)
        world.types = [
            make.live_type(session, name=f"type{index}", consent_type=kind).id for index, kind in enumerate(kinds)
        ]
        world.people = [make.contact(session, phone_number=number) for number in (*NUMBERS, NUMBERS[0])]
        session.flush()
        for name, *values in steps:
            world.at += timedelta(minutes=2)
            _do(world, str(name), values)
        session.rollback()


def _do(world: World, name: str, values: list[object]) -> None:
    match name, values:
        case "stop", [str(number), (int() | None) as type_index]:
            world.stop(number, type_index)
        case "start", [str(number)]:
            world.start(number)
        case ("opt_in" | "opt_out") as wish, [int(person), int(type_index)]:
            world.consent(person, type_index, wants=wish == "opt_in")
        case "move", [int(person), str(number)]:
            world.move(person, number)
        case "merge", []:
            world.merge()


@pytest.mark.databases("postgresql")
def test_start_while_the_person_is_erased_gives_nothing_back(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, make.live_type(session))
        texting.send(session, "STOP Offers", at=NOON + timedelta(hours=1))

    def lock(session: Session) -> None:
        locking.lock_contact(session, sam.id)

    def erase_sam(session: Session) -> None:
        erase.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=NOON + timedelta(hours=2))

    def start(session: Session) -> None:
        texting.send(session, "START", at=NOON + timedelta(hours=2))

    cross(database, lock, start, then=erase_sam)
    with database.read_only() as session:
        assert session.scalars(select(Consent)).all() == []


@pytest.mark.databases("postgresql")
def test_an_erasure_does_not_bring_back_what_start_lifts_meanwhile(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        texting.send(session, "STOP", at=NOON + timedelta(hours=1))
        contacts.change_phone(session, locking.lock_contact(session, sam.id), None, evidence=BY_AGENT, at=NOON)

    def start(session: Session) -> None:
        texting.send(session, "START", at=NOON + timedelta(hours=2))

    def erase_sam(session: Session) -> None:
        erase.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=NOON + timedelta(hours=2))

    cross(database, start, erase_sam)
    with database.read_only() as session:
        assert session.scalars(select(Suppression)).all() == []
    assert verify.verify(database).as_json()["result"] == "ok"
