"""What is pushed to the gateway's carrier about consent."""

from datetime import timedelta

import pytest

from app.core import clock, outbox
from app.core.consent import locking, suppressions
from app.core.contacts import erase
from app.core.signing import keys_of
from app.core.sms import consent_pushes
from app.core.sms.consent_pushes import Push, Reconciled
from app.db import Database
from app.jobs.route_outbox import sweep_outbox
from app.models import Source, SuppressionCause
from tests import make

LATER = make.NOON + timedelta(minutes=1)
OTHER = "+447400123457"


def due(database: Database, limit: int = 100) -> list[Push]:
    """What is routed, and taken to be pushed."""
    sweep_outbox(database, pushes_consents=True)
    with database.unit_of_work() as session:
        at = clock.now() + timedelta(days=1)
        return consent_pushes.claim(session, limit=limit, until=at + timedelta(hours=1), at=at)


def values(pushes: list[Push]) -> list[tuple[str, str, str]]:
    return [(each.phone, each.status, each.source) for each in pushes]


def end(database: Database, pushes: list[Push], **refused: str) -> None:
    with database.unit_of_work() as session:
        consent_pushes.record(session, pushes, refused, at=LATER)


def test_the_newest_state_of_a_number_is_pushed_once(database: Database) -> None:
    with database.unit_of_work() as session:
        news, offers = make.live_type(session, name="News"), make.live_type(session, name="Offers")
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, news)
        make.opt_in(session, sam, offers)
    pushes = due(database)
    assert values(pushes) == [(make.SAMS_NUMBER, "opted_in", "website")]
    end(database, pushes)
    with database.unit_of_work() as session:
        make.opt_out(session, sam, news, at=LATER)  # one of two: the number may still be texted
    assert due(database) == []
    with database.unit_of_work() as session:
        make.opt_out(session, sam, offers, at=LATER)
    assert values(due(database)) == [(make.SAMS_NUMBER, "opted_out", "website")]


def test_a_suppression_counts_more_than_an_opt_in_until_it_is_lifted(database: Database) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), make.live_type(session))
        for number in (make.SAMS_NUMBER, OTHER):
            suppressions.suppress(session, number, SuppressionCause.MANUAL, "asked", actor="agent:1", at=LATER)
    pushes = due(database)
    assert sorted(values(pushes)) == [(make.SAMS_NUMBER, "opted_out", "other"), (OTHER, "opted_out", "other")]
    end(database, pushes)
    with database.unit_of_work() as session:
        for number in (make.SAMS_NUMBER, OTHER):
            phone_hash = keys_of(session).destination_hash(number)
            suppressions.lift(session, phone_hash, actor="agent:1", at=LATER)
    assert sorted(each[:2] for each in values(due(database))) == [
        (make.SAMS_NUMBER, "opted_in"),
        (OTHER, "opted_in"),
    ]


def test_an_opt_out_by_one_of_two_with_the_number_counts_for_the_number(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        sam, also_sam = (make.contact(session, phone_number=make.SAMS_NUMBER) for _ in range(2))
        make.opt_in(session, sam, news)
        make.opt_out(session, also_sam, news, at=LATER)
    assert values(due(database)) == [(make.SAMS_NUMBER, "opted_out", "website")]


def test_opt_outs_of_people_go_first_and_bulk_changes_last(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        numbers = [f"+4474001234{ending}" for ending in (50, 51, 52, 53)]
        people = [make.contact(session, phone_number=number) for number in numbers]
        many = make.evidence(Source.IMPORT)
        make.opt_in(session, people[0], news, evidence=many)
        make.opt_out(session, people[1], news, evidence=many)
        make.opt_in(session, people[2], news)
        make.opt_out(session, people[3], news)
    assert [(each.phone, each.source) for each in due(database)] == [
        (numbers[3], "website"),
        (numbers[2], "website"),
        (numbers[1], "offline"),
        (numbers[0], "offline"),
    ]


def test_a_change_while_the_number_is_on_its_way_is_pushed_after_it(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, news)
    first = due(database)
    with database.unit_of_work() as session:
        make.opt_out(session, sam, news, at=LATER)
    assert due(database) == [], "not two calls about one number at the same time"
    end(database, first)
    second = due(database)
    assert values(second) == [(make.SAMS_NUMBER, "opted_out", "website")]
    end(database, second)
    assert due(database) == []


def test_a_refused_number_is_counted_and_one_that_was_not_taken_waits_with_its_problem(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        for number in (make.SAMS_NUMBER, OTHER):
            make.opt_in(session, make.contact(session, phone_number=number), news)
    pushes = due(database)
    end(database, pushes[:1], **{pushes[0].phone_hash: "30646 INVALID_CONTACT_ID"})
    with database.unit_of_work() as session:
        consent_pushes.put_back(session, pushes[1:], "Twilio answered 429.", at=LATER)
        lag = consent_pushes.lag(session)
    assert (lag.waiting, lag.problem, lag.failed) == (1, "Twilio answered 429.", 1)
    assert lag.since is not None
    assert values(due(database)) == values(pushes[1:])


def test_reconciling_finds_what_was_never_pushed_and_what_was_refused(database: Database) -> None:
    with database.unit_of_work() as session:
        news = make.live_type(session)
        people = [make.contact(session, phone_number=f"+4474001234{ending}") for ending in (50, 51, 52)]
        for each in people[:2]:
            make.opt_in(session, each, news)
        suppressions.suppress(session, OTHER, SuppressionCause.CARRIER, "", actor="system", at=LATER)
    sweep_outbox(database)  # while another gateway was used
    assert due(database) == []

    def reconcile() -> list[Reconciled]:
        pages: list[Reconciled] = []
        after: str | None = ""
        while after is not None:
            with database.unit_of_work() as session:
                outbox.lock_routing(session)
                pages.append(consent_pushes.reconcile(session, after=after, limit=2, at=LATER))
            after = pages[-1].last
        return pages

    assert sum(page.queued for page in reconcile()) == 3
    pushes = due(database)
    assert pushes[0].phone == OTHER, "the opt-out goes first"
    end(database, pushes, **{pushes[1].phone_hash: "refused"})
    again = reconcile()
    assert (sum(page.agreeing for page in again), sum(page.queued for page in again)) == (2, 1)
    assert values(due(database)) == values(pushes[1:2])


def test_an_erased_number_is_not_kept_to_be_pushed(database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, make.live_type(session))
    sweep_outbox(database, pushes_consents=True)
    with database.unit_of_work() as session:
        erase.erase(session, locking.lock_contact(session, sam.id), actor="agent:1", at=LATER)
    assert [each for each in due(database) if each.phone] == []


@pytest.mark.parametrize("topic", ["contact.updated", "form.submitted"])
def test_other_events_are_about_no_consent(database: Database, topic: str) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        outbox.add(session, [topic], contact_id=sam.id, payload={"contact_id": sam.id}, at=LATER)
    assert due(database) == []
