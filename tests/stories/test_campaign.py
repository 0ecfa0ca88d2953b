"""A campaign from its draft to its end, with a STOP on the way."""

import pytest

from app.core.campaigns import audience, drafts, lifecycle, outcomes
from app.core.consent import suppressions
from app.db import Database
from app.gateways.base import Accepted, SendResult
from app.jobs import run_campaigns
from app.models import SuppressionCause
from tests import make
from tests.fake_gateway import FakeGateway
from tests.jobs.test_send_sms import send_all

MAX = "agent:1"


@pytest.mark.databases("sqlite")
def test_who_said_stop_in_between_gets_nothing_and_two_contacts_with_one_number_get_one_text(
    database: Database,
) -> None:
    gateway = FakeGateway(lambda text: SendResult(Accepted.YES, gateway_id=str(text.message_id), delivered=True))
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        numbers = (make.SAMS_NUMBER, make.EVES_NUMBER, make.BRITISH_NUMBER, make.SAMS_NUMBER)
        people = [make.contact(session, phone_number=number, name=f"Sam {number[-2:]}") for number in numbers]
        for each in people:
            make.opt_in(session, each, offers)
        make.contact(session, phone_number="+12025550177")
        campaign_id = make.campaign(session, offers).id
        preview = audience.preview(session, offers.id, None)
        assert (preview.eligible, preview.excluded) == (3, {"duplicate_number": 1, "not_opted_in": 1})
        lifecycle.send(session, campaign_id, actor=MAX, at=make.NOON)
    run_campaigns.run_until_sending(database, campaign_id)

    with database.unit_of_work() as session:
        stop = SuppressionCause.KEYWORD
        suppressions.suppress(session, make.EVES_NUMBER, stop, "STOP", actor="contact", at=make.NOON)
        lifecycle.pause(session, campaign_id, actor=MAX, at=make.NOON)
    follower = run_campaigns.Follower(database)
    follower.step()
    send_all(database, gateway)
    assert not gateway.sent
    with database.unit_of_work() as session:
        lifecycle.resume(session, campaign_id, actor=MAX, at=make.NOON)
    follower.step()
    send_all(database, gateway)
    follower.step()

    assert sorted(each.to for each in gateway.sent) == sorted({make.SAMS_NUMBER, make.BRITISH_NUMBER})
    assert all("Opt out: " in each.body and each.body.startswith("My business: Hello Sam") for each in gateway.sent)
    with database.read_only() as session:
        campaign = drafts.get(session, campaign_id)
        counts = outcomes.counts(session, campaign)
        assert (campaign.state, counts["delivered"]) == ("sent", 2)
        assert counts["skipped"] == {"duplicate_number": 1, "suppressed": 1}
