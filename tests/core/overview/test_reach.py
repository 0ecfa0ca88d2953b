"""The count of each type is the gate's answer for every contact, and one worker counts a type at a time."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility
from app.core.contacts import erase, merge
from app.core.contacts import records as contacts
from app.core.overview import reach
from app.db import Database
from app.jobs.count_reach import count_due
from app.models import Channel, ConsentType, Contact, SubscriptionReach, SubscriptionType
from tests import make


def test_reach_is_the_first_reason_of_the_gate_for_each_contact(database: Database) -> None:
    with database.unit_of_work() as session:
        types = [
            make.live_type(session),
            make.live_type(session, name="Orders", consent_type=ConsentType.OPT_OUT),
            make.live_type(session, name="Letter", channel=Channel.EMAIL),
            make.draft_type(session, name="Later"),
        ]
        people(session, types[0])
        ids = [each.id for each in types[:3]]
    assert count_due(database) == 3
    with database.read_only() as session:
        found = reach.find_all(session)
        assert sorted(found) == ids
        for type_id in ids:
            of_type = session.get_one(SubscriptionType, type_id)
            existing = select(Contact).where(Contact.merged_into_id.is_(None), Contact.erased_at.is_(None))
            statuses = [eligibility.status(session, each, of_type) for each in session.scalars(existing)]
            reasons = Counter(next(iter(each.reasons), None) for each in statuses)
            assert found[type_id].reachable == reasons.pop(None, 0)
            assert found[type_id].reasons == dict(reasons)
        assert (found[ids[0]].opted_in, found[ids[0]].opted_out) == (2, 1)


def people(session: Session, offers: SubscriptionType) -> None:
    """Contacts with several reasons, one that was merged and one that was erased."""
    numbers = [f"+120255501{number}" for number in range(10, 17)]
    sam, opted_out, blocked, merged, erased, _asked, silent = [
        make.contact(session, phone_number=number, email_address=f"{number[1:]}@example.com") for number in numbers
    ]
    make.contact(session)
    make.opt_in(session, sam, offers)
    make.opt_in(session, silent, offers)
    make.opt_out(session, opted_out, offers)
    contacts.block(session, blocked, at=make.NOON)
    contacts.change_gdpr_optin(session, silent, gdpr_optin=False, at=make.NOON)
    merge.merge(session, merged.public_id, sam.public_id, actor="agent:1", at=make.NOON, skip_duplicate_validation=True)
    erase.erase(session, erased, actor="agent:1", at=make.NOON)


def test_a_type_is_counted_again_after_ten_minutes_by_one_worker(database: Database) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        at = make.NOON
        assert reach.claim_due(session, at=at) == [offers.id]
        assert reach.claim_due(session, at=at + timedelta(minutes=9)) == []
        assert not reach.is_due(session, at=at + timedelta(minutes=9))
        assert reach.find_all(session) == {}, "a count that is not done is not shown"
        assert reach.is_due(session, at=at + timedelta(minutes=10))
        assert reach.claim_due(session, at=at + timedelta(minutes=10)) == [offers.id]
        assert reach.claim_due(session, at=at) == [offers.id], "the clock was set back"


def test_two_workers_that_claim_together_count_a_type_once(database: Database) -> None:
    """Both have seen that the type is due; the claim decides."""
    with database.unit_of_work() as session:
        offers = make.live_type(session)
    with database.unit_of_work() as session:
        assert reach.claim_due(session, at=make.NOON) == [offers.id]
    with database.unit_of_work() as session:
        assert not reach._claim(session, offers.id, make.NOON)
        assert session.get_one(SubscriptionReach, offers.id).claimed_at == make.NOON
