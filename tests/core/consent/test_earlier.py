"""An undo restores what the contact had said before, and nothing that another contact said."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import changes, locking
from app.core.contacts import merge
from app.core.contacts import records as contacts
from app.core.ledger.verify import verify
from app.db import Database
from app.models import Consent, Contact, DestinationOptOut, EvidenceLevel, Source, SubscriptionType
from tests import make
from tests.make import BRITISH_NUMBER, NOON, SAMS_NUMBER


def undo(session: Session, sam: Contact, offers: SubscriptionType, event_id: int) -> Consent | None:
    """The consent after the undo of this opt-in; null when sam was never asked."""
    locked = locking.lock(session, sam.id)
    changes.undo(session, locked, offers, event_id, make.evidence(), at=NOON + timedelta(hours=5))
    return session.get(Consent, (sam.id, offers.id), populate_existing=True)


def test_an_undo_brings_the_own_opt_out_of_the_number_back_that_the_opt_in_revoked(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        contacts.change_phone(session, sam, BRITISH_NUMBER, evidence=make.evidence(), at=NOON)
        make.opt_in(session, sam, offers, at=NOON + timedelta(hours=2))
        contacts.change_phone(session, sam, SAMS_NUMBER, evidence=make.evidence(), at=NOON)
        change = make.opt_in(session, sam, offers, at=NOON + timedelta(hours=3))
        assert session.scalars(select(DestinationOptOut)).all() == []
        restored = undo(session, sam, offers, change.event_id)
        assert restored is not None
        assert (restored.state, restored.destination) == ("opted_in", BRITISH_NUMBER)
        assert session.scalars(select(DestinationOptOut.destination_hash)).all() == [sam.phone_hash]
    assert not verify(database).is_tampered


def test_the_undo_of_an_opt_out_puts_back_the_opt_out_of_the_number_that_it_replaced(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        first = make.opt_out(session, sam, offers)
        contacts.change_phone(session, sam, BRITISH_NUMBER, evidence=make.evidence(), at=NOON)
        make.opt_in(session, sam, offers, at=NOON + timedelta(hours=2))
        contacts.change_phone(session, sam, SAMS_NUMBER, evidence=make.evidence(), at=NOON)
        second = make.opt_out(session, sam, offers, at=NOON + timedelta(hours=3))
        assert set(session.scalars(select(DestinationOptOut.event_id))) == {second.event_id}
        restored = undo(session, sam, offers, second.event_id)
        assert restored is not None
        assert (restored.state, restored.destination) == ("opted_in", BRITISH_NUMBER)
        found = session.execute(select(DestinationOptOut.destination_hash, DestinationOptOut.event_id)).all()
        assert [tuple(each) for each in found] == [(sam.phone_hash, first.event_id)]
    assert not verify(database).is_tampered


def test_the_undo_of_an_opt_out_gives_nothing_back_that_another_holder_of_the_number_revoked(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        sam, eve = (make.contact(session, phone_number=SAMS_NUMBER) for _ in range(2))
        make.opt_in(session, sam, offers)
        change = make.opt_out(session, sam, offers)
        proof = make.evidence(Source.VERIFICATION, level=EvidenceLevel.OTP)
        make.opt_in(session, eve, offers, evidence=proof, at=NOON + timedelta(hours=2))
        assert session.scalars(select(DestinationOptOut)).all() == []
        restored = undo(session, sam, offers, change.event_id)
        assert restored is not None
        assert restored.state == "opted_in"
        assert session.scalars(select(DestinationOptOut)).all() == []
    assert not verify(database).is_tampered


def test_after_a_merge_an_undo_does_not_bring_back_what_the_other_contact_said(database: Database) -> None:
    with database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_out(session, sam, offers)
        lead = make.contact(session, role="lead", external_id=None, phone_number=BRITISH_NUMBER)
        make.opt_in(session, lead, offers, at=NOON + timedelta(hours=2))
        merge.merge(session, lead.public_id, sam.public_id, actor="agent:1", at=NOON + timedelta(hours=3))
        change = make.opt_in(session, sam, offers, at=NOON + timedelta(hours=4))
        restored = undo(session, sam, offers, change.event_id)
        assert restored is not None
        assert (restored.state, restored.destination) == ("opted_out", SAMS_NUMBER)
    assert not verify(database).is_tampered
