"""Numbers that must not be texted."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import destinations
from app.core.consent import eligibility, eligibility_sql, rules, suppressions
from app.core.consent.eligibility import Reason
from app.core.errors import DestinationRefused, InvalidInput, InvalidState
from app.core.signing import keys_of
from app.db import Database
from app.models import (
    AuditEntry,
    ConsentEvent,
    ConsentEvidence,
    ConsentType,
    Contact,
    OutboxEvent,
    Source,
    Suppression,
    SuppressionCause,
)
from tests import make
from tests.core.test_phone_reading import REGIONS, mobiles, usual_spellings, written_at_home
from tests.crossing import cross
from tests.make import NOON

LATER = NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    "number", ["+44 20 7946 0018", "+1 999 555 0000", "+39 06 6982 0000", "+49 30 1234567", "+5215512345678"]
)
def test_any_number_can_be_suppressed_and_a_contact_with_it_is(database: Database, number: str) -> None:
    with database.unit_of_work() as session:
        made = suppressions.add(session, number, "by letter", actor="agent:1", at=make.NOON)
        assert make.contact(session, phone_number=number).phone_hash == made.phone_hash


@pytest.mark.databases("sqlite")
def test_a_suppression_by_any_spelling_holds_for_every_spelling(database: Database) -> None:
    source = random.Random(1)
    with database.unit_of_work() as session:
        alerts, keys, suppressed = make.live_type(session, consent_type=ConsentType.OPT_OUT), keys_of(session), set()
        for region in (*REGIONS[::4], "AR", "MX"):  # test_phone_reading.py tries every country
            number = mobiles(region)[0]
            by_client, by_shop = source.sample(list(usual_spellings(number)), 2)
            by_person = source.choice(list(written_at_home(number)))
            contact = make.contact(session, phone_number=by_shop)
            assert eligibility.status(session, contact, alerts).is_reachable, by_shop
            made = suppressions.add(session, by_client, "by letter", actor="agent:1", at=make.NOON)
            assert destinations.read(keys, by_person, "sms", region=region).hash == made.phone_hash, by_person
            assert eligibility.status(session, contact, alerts).reasons == (Reason.SUPPRESSED,), (by_client, by_shop)
            suppressed.add(contact.id)
        reason = eligibility_sql.first_reason(rules.Query(alerts, ()))
        found = session.execute(select(Contact.id, reason)).all()
        assert {tuple(each) for each in found} == {(each, "suppressed") for each in suppressed}
        assert not session.scalars(select(Contact.id).where(eligibility_sql.reachable(rules.Query(alerts, ())))).all()


@pytest.mark.parametrize("text", ["", "call me", "+", "12", "0171 123456", "+57 (0) 321 1573306"])
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


def test_a_number_under_review_that_is_kept_is_stopped_like_one_whose_holder_asked(database: Database) -> None:
    with database.unit_of_work() as session:
        held = suppressions.suppress(session, make.SAMS_NUMBER, SuppressionCause.REVIEW, "?", actor="system", at=NOON)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        kept = suppressions.keep(session, held.phone_hash, " She called. ", actor="agent:1", at=LATER)
        assert (kept.cause, kept.note, kept.created_at) == ("keyword", "She called.", NOON)
        assert events(session) == [("suppress", "system", "?"), ("suppress", "agent:1", "She called.")]
        assert published(session) == ["suppression.created", "contact.created"]
        assert "suppression.kept" in session.scalars(select(AuditEntry.action)).all()
        session.refresh(sam)
        assert sam.updated_at == LATER
        with pytest.raises(InvalidState) as refused:
            suppressions.lift(session, held.phone_hash, actor="agent:1", at=LATER)
        assert refused.value.code == "suppressed"


def test_a_number_under_review_that_is_released_may_be_texted_again(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        offers = make.live_type(session)
        make.opt_in(session, sam, offers)
        held = suppressions.suppress(session, make.SAMS_NUMBER, SuppressionCause.REVIEW, "?", actor="system", at=NOON)
        suppressions.release(session, held.phone_hash, "It is hers.", actor="api:1", at=LATER)
        assert eligibility.status(session, sam, offers).is_reachable
        assert events(session)[1:] == [("suppress", "system", "?"), ("lift", "api:1", "It is hers.")]
        assert published(session)[-1] == "suppression.lifted"
        assert "suppression.lifted" in session.scalars(select(AuditEntry.action)).all()


@pytest.mark.parametrize("cause", SuppressionCause)
@pytest.mark.parametrize("decide", [suppressions.keep, suppressions.release])
def test_only_a_number_under_review_is_decided_about_and_only_with_a_note(
    database: Database, decide: Callable[..., Suppression], cause: SuppressionCause
) -> None:
    with database.unit_of_work() as session:
        held = suppressions.suppress(session, make.SAMS_NUMBER, cause, "?", actor="system", at=NOON)
        is_open = cause == SuppressionCause.REVIEW
        with pytest.raises(InvalidInput if is_open else InvalidState) as refused:
            decide(session, held.phone_hash, " " if is_open else "why", actor="agent:1", at=NOON)
        assert refused.value.code == ("parameter_invalid" if is_open else "invalid_state")
        assert suppressions.find(session, held.phone_hash).cause == cause


@pytest.mark.databases("postgresql")
def test_a_number_that_is_suppressed_while_it_is_lifted_is_suppressed_in_the_end(database: Database) -> None:
    with database.unit_of_work() as session:
        phone_hash = suppressions.add(session, make.SAMS_NUMBER, "by letter", actor="agent:1", at=NOON).phone_hash

    def lock(session: Session) -> None:
        session.get_one(Suppression, phone_hash, with_for_update=True)

    def lift(session: Session) -> None:
        suppressions.lift(session, phone_hash, actor="agent:1", at=LATER)

    def stop(session: Session) -> str:
        cause, evidence = SuppressionCause.KEYWORD, make.evidence(Source.KEYWORD)
        return suppressions.suppress_by(session, make.SAMS_NUMBER, cause, evidence, at=LATER).cause

    assert cross(database, lock, stop, then=lift) == SuppressionCause.KEYWORD
    with database.read_only() as session:
        assert eligibility.is_suppressed(session, phone_hash)


def events(session: Session) -> list[tuple[str, str, str | None]]:
    """The action, actor and note of every event, in order."""
    query = select(ConsentEvent.action, ConsentEvent.actor, ConsentEvidence.note).join(
        ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id
    )
    return [(row.action, row.actor, row.note) for row in session.execute(query.order_by(ConsentEvent.id))]


def published(session: Session) -> list[str]:
    return list(session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)))


def test_a_holder_allows_again_what_they_stopped_on_their_page_and_nothing_else(database: Database) -> None:
    by_person = make.evidence(Source.PREFERENCE_CENTER)
    with database.unit_of_work() as session:
        own = SuppressionCause.PREFERENCE_CENTER
        held = suppressions.suppress_by(session, make.SAMS_NUMBER, own, by_person, at=NOON)
        with pytest.raises(InvalidState):
            suppressions.lift(session, held.phone_hash, actor="agent:1", at=LATER)
        suppressions.lift_by_holder(session, held.phone_hash, by_person, at=LATER)
        assert not eligibility.is_suppressed(session, held.phone_hash)
        events = session.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
        said = [(each.action, each.source, each.actor, each.evidence_level) for each in events]
        assert said == [(action, "preference_center", "contact", "personal_link") for action in ("suppress", "lift")]
        suppressions.suppress(session, make.SAMS_NUMBER, SuppressionCause.KEYWORD, "", actor="contact", at=LATER)
        suppressions.suppress_by(session, make.SAMS_NUMBER, own, by_person, at=LATER)
        with pytest.raises(InvalidState):
            suppressions.lift_by_holder(session, held.phone_hash, by_person, at=LATER)
        assert eligibility.is_suppressed(session, held.phone_hash)


def test_erasing_a_number_leaves_what_another_contact_and_another_number_need(database: Database) -> None:
    with database.unit_of_work() as session:
        make.contact(session, phone_number=make.SAMS_NUMBER)
        kept, cleared = (
            suppressions.add(session, number, "by letter", actor="agent:1", at=NOON)
            for number in (make.SAMS_NUMBER, make.EVES_NUMBER)
        )
        for each, is_cleared in ((kept, False), (cleared, True)):
            assert suppressions.clear_number(session, each.phone_hash, actor="agent:1", at=LATER) is is_cleared
        session.expire_all()
        assert (kept.phone, kept.note) == (make.SAMS_NUMBER, "by letter")
        assert (cleared.phone, cleared.note) == (None, "")
        waiting = session.scalars(select(OutboxEvent).where(OutboxEvent.topic == "suppression.created")).all()
        assert [each.payload["phone"] for each in waiting] == [make.SAMS_NUMBER]
