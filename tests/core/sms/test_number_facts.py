"""What carriers and people say of a number decides whether it is texted."""

from datetime import timedelta

from sqlalchemy import select

from app.core.consent import eligibility
from app.core.consent.eligibility import Reason
from app.core.ledger.verify import verify_in
from app.core.signing import keys_of
from app.core.sms import number_facts
from app.db import Database
from app.models import Consent, ConsentState, Contact, NumberFact, OutboxEvent
from tests import make

LATER = make.NOON + timedelta(hours=2)


def test_a_reassigned_number_is_never_asked_until_a_later_opt_in(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=make.SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        number_facts.mark_reassigned(session, str(sam.phone_hash), LATER)
        topics = session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)).all()
        session.expire_all()
        found = eligibility.status(session, sam, offers)
    assert (found.state, found.reasons[0]) == (ConsentState.NEVER_ASKED, Reason.NUMBER_REASSIGNED)
    assert topics[-1] == "contact.updated"
    with database.unit_of_work() as session:
        assert not verify_in(session).mismatches.count, "the state follows from the ledger"
        sam = session.scalars(select(Contact)).one()
        assert make.opt_in(session, sam, offers, at=LATER + timedelta(minutes=1)).is_new
        session.expire_all()
        assert eligibility.status(session, sam, offers).is_reachable
        assert not verify_in(session).mismatches.count
        number_facts.mark_reassigned(session, str(sam.phone_hash), LATER + timedelta(days=1))
        session.expire_all()
        assert session.scalars(select(Consent)).one().destination_hash is None
        assert not eligibility.status(session, sam, offers).is_reachable


def test_a_number_is_undeliverable_after_three_unreachable_reports_until_a_text_reaches_it(database: Database) -> None:
    with database.unit_of_work() as session:
        number = keys_of(session).destination_hash(make.SAMS_NUMBER)
        for expected in (False, False, True):
            number_facts.mark_unreachable(session, number, LATER)
            assert (session.get_one(NumberFact, number).undeliverable_at is not None) is expected
        number_facts.mark_verified(session, number, LATER)
        fact = session.get_one(NumberFact, number)
        assert (fact.undeliverable_at, fact.unreachable_count, fact.last_verified_at) == (None, 0, LATER)
        number_facts.mark_unreachable(session, number, LATER)
        number_facts.mark_reachable(session, number)
        assert session.get_one(NumberFact, number).unreachable_count == 0
