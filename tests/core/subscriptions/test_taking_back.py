"""An agent takes back an opt-out of a moment ago; what anybody said since then stays."""

from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.consent import eligibility, locking
from app.core.errors import AssentError
from app.core.ledger.evidence import reported_by
from app.core.ledger.verify import verify
from app.core.subscriptions import attachments, taking_back
from app.db import Database
from app.models import Consent, ConsentEvidence, ConsentType, Contact, DestinationOptOut, SubscriptionType
from tests import make
from tests.make import NOON, SAMS_NUMBER


def _switch_off(session: Session, sam: Contact, offers: SubscriptionType, at: datetime) -> int:
    _, change = attachments.opt_out(session, sam.public_id, offers.id, reported_by("agent:1"), at=at)
    return change.event_id


@pytest.mark.parametrize("consent_type", list(ConsentType))
def test_an_agent_takes_back_their_own_opt_out_and_nothing_is_left_of_it(
    database: Database, consent_type: ConsentType
) -> None:
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        offers = make.live_type(session, consent_type=consent_type)
        sam = make.contact(session, phone_number=SAMS_NUMBER)
        if consent_type == ConsentType.OPT_IN:
            make.opt_in(session, sam, offers)
        before = eligibility.status(session, sam, offers)
        event_id = _switch_off(session, sam, offers, NOON)
        assert session.scalars(select(DestinationOptOut.contact_id)).all() == [sam.id]
        taking_back.take_back(session, sam.public_id, event_id, actor="agent:1", at=NOON + timedelta(seconds=10))
        session.expire_all()
        after = eligibility.status(session, sam, offers)
        assert (after.state, after.reasons) == (before.state, before.reasons) == (before.state, ())
        assert session.scalars(select(DestinationOptOut.contact_id)).all() == []
        notes = session.scalars(select(ConsentEvidence.note).order_by(ConsentEvidence.event_id)).all()
        assert notes[-1] == f"undo of event {event_id}"
    assert not verify(database).is_tampered


def test_it_is_refused_to_others_after_ten_seconds_and_when_the_person_said_so_too(database: Database) -> None:
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        make.opt_in(session, sam, offers)
        event_id = _switch_off(session, sam, offers, NOON)
        eve = make.contact(session)
        for contact, actor, seconds, code in (
            (sam, "agent:2", 1, "undo_too_late"),
            (sam, "agent:1", 11, "undo_too_late"),
            (eve, "agent:1", 1, "not_found"),
        ):
            at = NOON + timedelta(seconds=seconds)
            with pytest.raises(AssentError) as refused:
                taking_back.take_back(session, contact.public_id, event_id, actor=actor, at=at)
            assert refused.value.code == code
        make.opt_out(session, sam, offers, at=NOON + timedelta(seconds=2))
        with pytest.raises(AssentError) as refused:
            taking_back.take_back(session, sam.public_id, event_id, actor="agent:1", at=NOON + timedelta(seconds=3))
        assert refused.value.code == "changed_since"
        assert session.get_one(Consent, (sam.id, offers.id)).state == "opted_out"


def test_an_opt_out_of_somebody_who_was_not_subscribed_cannot_be_taken_back(database: Database) -> None:
    with time_machine.travel(NOON, tick=False), database.unit_of_work() as session:
        offers, sam = make.live_type(session), make.contact(session, phone_number=SAMS_NUMBER)
        event_id = _switch_off(session, sam, offers, NOON)
        assert locking.lock(session, sam.id)
        with pytest.raises(AssentError) as refused:
            taking_back.take_back(session, sam.public_id, event_id, actor="agent:1", at=NOON)
        assert refused.value.code == "changed_since"
