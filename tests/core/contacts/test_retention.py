"""Evidence is erased some years after the last opt-out; opt-outs, suppressions and events never are."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.consent import eligibility, locking, suppressions
from app.core.consent.eligibility import Reason
from app.core.contacts import merge, retention
from app.core.contacts import records as contacts
from app.core.ledger.evidence import Evidence
from app.core.workspace import settings
from app.db import Database
from app.models import (
    Action,
    ConsentEvent,
    ConsentEvidence,
    Contact,
    DestinationOptOut,
    EvidenceLevel,
    Source,
    SubscriptionType,
    Suppression,
    Workspace,
)
from tests import make
from tests.make import NOON

FIVE_YEARS = NOON.replace(year=NOON.year + 5)
A_DAY = timedelta(days=1)


def run(database: Database, at: datetime) -> int:
    """A whole run at that time. Returns how many events lost their evidence."""
    erased, first_id = 0, 0
    with time_machine.travel(at, tick=False):
        while True:
            progress = retention.erase_some(database, first_id, at=at)
            erased += progress.erased
            if progress.next_id is None:
                return erased
            first_id = progress.next_id


def kept(session: Session) -> list[tuple[str, int | None]]:
    """Action and type of each event that still has evidence, but those of erasures."""
    query = (
        select(ConsentEvent.action, ConsentEvent.subscription_type_id)
        .join(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvidence.erased_at.is_(None), ConsentEvent.action != Action.ERASE.value)
        .order_by(ConsentEvent.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def erasures(session: Session) -> list[tuple[int | None, int | None, str]]:
    query = select(ConsentEvent).where(ConsentEvent.action == Action.ERASE.value).order_by(ConsentEvent.id)
    return [(each.contact_id, each.subscription_type_id, each.source) for each in session.scalars(query)]


def signed_up_and_out(session: Session, kind: SubscriptionType, number: str = make.SAMS_NUMBER) -> Contact:
    """Opted in and, as the second event, opted out, both now."""
    sam = make.contact(session, phone_number=number)
    make.opt_in(session, sam, kind)
    make.opt_out(session, sam, kind, at=NOON)
    return sam


@time_machine.travel(NOON, tick=False)
def prepared(database: Database) -> tuple[int, int]:
    """The ids of a contact that opted in and out at noon, and of the type."""
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        return signed_up_and_out(session, kind).id, kind.id


def test_evidence_is_erased_five_years_and_a_day_after_the_opt_out(database: Database) -> None:
    sam_id, type_id = prepared(database)
    assert run(database, FIVE_YEARS - A_DAY) == 0
    assert run(database, FIVE_YEARS + A_DAY) == 2
    with database.read_only() as session:
        assert kept(session) == []
        assert erasures(session) == [(sam_id, type_id, "system")]
        assert session.scalar(select(func.count()).select_from(ConsentEvent)) == 3
        evidence = session.scalars(select(ConsentEvidence).order_by(ConsentEvidence.event_id)).first()
        assert evidence
        assert (evidence.destination, evidence.salt, evidence.note) == (None, None, None)
        assert evidence.erased_at == FIVE_YEARS + A_DAY
        assert session.get_one(Workspace, 1).unpurged_erasure_at == FIVE_YEARS + A_DAY


def test_a_second_run_erases_nothing_and_writes_no_event(database: Database) -> None:
    prepared(database)
    run(database, FIVE_YEARS + A_DAY)
    assert run(database, FIVE_YEARS + 2 * A_DAY) == 0
    assert run(database, FIVE_YEARS.replace(year=NOON.year + 30)) == 0
    with database.read_only() as session:
        assert len(erasures(session)) == 1


def test_the_workspace_says_after_how_many_years(database: Database) -> None:
    prepared(database)
    with database.unit_of_work() as session:
        settings.change(session, {"evidence_retention_years": 7}, actor="agent:1", at=NOON)
    assert run(database, FIVE_YEARS + A_DAY) == 0
    assert run(database, NOON.replace(year=NOON.year + 7) + A_DAY) == 2


def test_evidence_of_a_consent_that_is_given_is_never_erased(database: Database) -> None:
    """Opted in again since: the earlier opt-in and opt-out belong to its history."""
    sam_id, type_id = prepared(database)
    with time_machine.travel(NOON + 2 * A_DAY, tick=False), database.unit_of_work() as session:
        sam, kind = session.get_one(Contact, sam_id), session.get_one(SubscriptionType, type_id)
        make.opt_in(session, sam, kind, at=NOON + 2 * A_DAY)
    assert run(database, NOON.replace(year=NOON.year + 40)) == 0


def test_an_opt_out_that_was_repeated_counts_from_the_repetition(database: Database) -> None:
    sam_id, type_id = prepared(database)
    later = NOON + 100 * A_DAY
    with time_machine.travel(later, tick=False), database.unit_of_work() as session:
        make.opt_out(session, session.get_one(Contact, sam_id), session.get_one(SubscriptionType, type_id), at=later)
    assert run(database, FIVE_YEARS + A_DAY) == 0
    assert run(database, FIVE_YEARS + 101 * A_DAY) == 2


def test_an_opt_out_that_is_reported_late_counts_from_its_recording(database: Database) -> None:
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        kind = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        said_at = NOON.replace(year=NOON.year - 9)
        make.opt_out(session, sam, kind, evidence=make.evidence(occurred_at=said_at), at=NOON)
    assert run(database, NOON + A_DAY) == 0


def test_each_type_of_a_contact_expires_alone(database: Database) -> None:
    sam_id, type_id = prepared(database)
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        other = make.live_type(session, name="News")
        make.opt_in(session, session.get_one(Contact, sam_id), other)
        other_id = other.id
    assert run(database, FIVE_YEARS + A_DAY) == 2
    with database.read_only() as session:
        assert kept(session) == [("opt_in", other_id)]
        assert erasures(session) == [(sam_id, type_id, "system")]


def test_a_claim_that_changed_nothing_expires_too(database: Database) -> None:
    sam_id, type_id = prepared(database)
    with time_machine.travel(NOON + A_DAY, tick=False), database.unit_of_work() as session:
        claimed = make.evidence(level=EvidenceLevel.WEB_UNVERIFIED)
        make.opt_in(
            session, session.get_one(Contact, sam_id), session.get_one(SubscriptionType, type_id), evidence=claimed
        )
    assert run(database, FIVE_YEARS + 2 * A_DAY) == 3


def test_after_a_merge_the_evidence_of_both_is_kept_while_one_consent_is_given(database: Database) -> None:
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        kind = make.live_type(session)
        lead = make.contact(session, role="lead", external_id=None, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, lead, kind)
        sam = make.contact(session)
        session.flush()
        merged = merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=NOON)
        ids = {lead.id, merged.id}
    assert run(database, FIVE_YEARS + A_DAY) == 0
    with time_machine.travel(NOON + A_DAY, tick=False), database.unit_of_work() as session:
        make.opt_out(
            session, session.get_one(Contact, merged.id), session.get_one(SubscriptionType, kind.id), at=NOON + A_DAY
        )
    assert run(database, FIVE_YEARS + 2 * A_DAY) == 3
    with database.read_only() as session:
        assert {contact_id for contact_id, _, _ in erasures(session)} == ids


def test_what_a_merge_ended_is_kept_for_years_after_it(database: Database) -> None:
    """The opt-in does not move to a contact with another number."""
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        kind = make.live_type(session)
        lead = make.contact(session, role="lead", external_id=None, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, lead, kind)
        sam = make.contact(session, phone_number=make.EVES_NUMBER)
    merged_at = FIVE_YEARS + A_DAY
    assert run(database, merged_at) == 0
    with time_machine.travel(merged_at, tick=False), database.unit_of_work() as session:
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=merged_at)
    assert run(database, merged_at + A_DAY) == 0
    assert run(database, merged_at.replace(year=merged_at.year + 5) + A_DAY) == 1


def test_what_was_done_to_a_person_is_kept(database: Database) -> None:
    """Changes of the number and of the wish for no messages concern no type."""
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        session.flush()
        locked = locking.lock_contact(session, sam.id)
        contacts.change_phone(session, locked, make.EVES_NUMBER, evidence=make.evidence(), at=NOON)
        contacts.change_gdpr_optin(session, locked, gdpr_optin=False, evidence=make.evidence(), at=NOON)
    assert run(database, NOON.replace(year=NOON.year + 40)) == 0
    with database.read_only() as session:
        assert [action for action, _ in kept(session)] == ["number_change", "gdpr_off"]


def test_evidence_of_a_suppression_is_kept_while_it_stands_and_for_years_after(database: Database) -> None:
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        found = suppressions.add(session, make.SAMS_NUMBER, "asked by phone", actor="agent:1", at=NOON)
        phone_hash = found.phone_hash
    assert run(database, NOON.replace(year=NOON.year + 40)) == 0
    lifted_at = NOON + A_DAY
    with time_machine.travel(lifted_at, tick=False), database.unit_of_work() as session:
        suppressions.lift(session, phone_hash, actor="agent:1", at=lifted_at)
    assert run(database, FIVE_YEARS) == 0
    assert run(database, FIVE_YEARS + 2 * A_DAY) == 2
    with database.read_only() as session:
        events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
        assert [(each.action, each.destination_hash) for each in events] == [
            ("suppress", phone_hash),
            ("lift", phone_hash),
            ("erase", phone_hash),
        ]


def test_opt_outs_and_suppressions_are_as_they_were_after_ten_years(database: Database) -> None:
    """Virginia SB 1339: an opt-out holds for ten years. Here it never expires."""
    sam_id, type_id = prepared(database)
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        suppressions.add(session, make.EVES_NUMBER, "asked by phone", actor="agent:1", at=NOON)
    assert run(database, NOON.replace(year=NOON.year + 10) + A_DAY) == 2
    with database.unit_of_work() as session:
        assert session.scalar(select(func.count()).select_from(DestinationOptOut)) == 1
        assert session.scalar(select(func.count()).select_from(Suppression)) == 1
        other = make.contact(session, phone_number=make.SAMS_NUMBER)
        kind = session.get_one(SubscriptionType, type_id)
        for contact in (session.get_one(Contact, sam_id), other):
            assert Reason.OPTED_OUT in eligibility.status(session, contact, kind).reasons
        eve = make.contact(session, phone_number=make.EVES_NUMBER)
        assert Reason.SUPPRESSED in eligibility.status(session, eve, kind).reasons


def test_a_run_goes_on_where_its_part_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where each part reads few events and has no time left."""
    monkeypatch.setattr(retention, "WINDOW", 3)
    monkeypatch.setattr(retention, "CHUNK_S", -1.0)
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        kind = make.live_type(session)
        for number in range(5):
            signed_up_and_out(session, kind, f"+1202555010{number}")
        make.opt_in(session, make.contact(session, phone_number="+12025550109"), kind)
    assert run(database, FIVE_YEARS + A_DAY) == 10


def test_an_opt_in_that_comes_before_the_lock_is_seen(database: Database) -> None:
    """What seemed due is asked again when the person is locked."""
    sam_id, type_id = prepared(database)
    at = FIVE_YEARS + A_DAY
    with time_machine.travel(at, tick=False):
        with database.read_only() as session:
            due, _ = retention._due(session, 0, before=at.replace(year=NOON.year), until=float("inf"))
        assert [subject.contact_id for _, subject in due] == [sam_id]
        with database.unit_of_work() as session:
            make.opt_in(session, session.get_one(Contact, sam_id), session.get_one(SubscriptionType, type_id), at=at)
        with database.unit_of_work() as session:
            assert retention._expire(session, due[0][1], before=at.replace(year=NOON.year), at=at) == 0


def test_a_leap_day_counts_from_the_day_before() -> None:
    leap_day = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert retention._years_before(leap_day, 5) == datetime(2023, 2, 28, 12, tzinfo=UTC)
    assert retention._years_before(leap_day, 4) == datetime(2024, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        make.evidence(Source.PREFERENCE_CENTER, level=EvidenceLevel.WEB_UNVERIFIED),
        make.evidence(Source.API, level=EvidenceLevel.REPORTED, note="By phone."),
        make.evidence(Source.API, level=EvidenceLevel.REPORTED),
    ],
    ids=["unverified", "by phone", "by the client"],
)
def test_a_merge_repeats_an_opt_out_without_evidence_as_what_it_was(database: Database, said: Evidence) -> None:
    """Else an API client could reverse the person's word, or an unknown person stop a number for everybody."""
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        kind = make.live_type(session)
        lead = make.contact(session, role="lead", external_id=None, phone_number=make.SAMS_NUMBER)
        make.opt_out(session, lead, kind, evidence=said, at=NOON)
        sam = make.contact(session)
    merged_at = FIVE_YEARS + A_DAY
    assert run(database, merged_at) == 1
    with database.unit_of_work() as session:
        merge.merge(session, lead.public_id, sam.public_id, actor="api:1", at=merged_at)
        events = select(ConsentEvent).where(ConsentEvent.contact_id == sam.id, ConsentEvent.action == "opt_out")
        (event,) = session.scalars(events)
        assert (event.source, event.evidence_level, event.is_persons_word, event.actor) == (
            said.source,
            said.level,
            said.is_persons_word,
            "api:1",
        )
