"""How sending goes."""

from datetime import timedelta

import pytest

from app.core.campaigns import health
from app.db import Database
from app.models import CampaignRecipient, CampaignState, ConsentPush, Outcome, SmsDailyCount
from tests import make


@pytest.mark.databases("sqlite", "postgresql")
def test_health_counts_texts_errors_and_opt_outs_after_campaigns(database: Database) -> None:
    with database.unit_of_work() as session:
        live = make.live_type(session)
        campaign = make.campaign(session, live)
        campaign.state, campaign.started_at = CampaignState.SENT, make.NOON
        campaign.finished_at = make.NOON + timedelta(hours=1)
        for number, outcome in enumerate((Outcome.DELIVERED, Outcome.DELIVERED, Outcome.FAILED)):
            sam = make.contact(session, phone_number=f"+1202555010{number}")
            make.opt_in(session, sam, live, at=make.NOON - timedelta(days=1))
            if number == 0:
                make.opt_out(session, sam, live, at=make.NOON + timedelta(days=2))
            values = {"campaign_id": campaign.id, "contact_id": sam.id, "changed_at": make.NOON}
            session.add(CampaignRecipient(**values, outcome=outcome))
        today, old = make.NOON.date(), make.NOON.date() - timedelta(days=40)
        for day, outcome, messages in (
            (today, "sent", 3),
            (today, "delivered", 2),
            (today, "failed", 1),
            (today, "30007", 1),
            (old, "sent", 900),
        ):
            key = {"day": day, "country": "US", "purpose": "campaign", "outcome": outcome}
            session.add(SmsDailyCount(**key, messages=messages, segments=2 * messages))
        push = {"phone_hash": "x", "status": "opted_out", "source": "stop", "said_at": make.NOON, "priority": 0}
        session.add(ConsentPush(**push, due_at=make.NOON, created_at=make.NOON))
        failed = push | {"phone_hash": "y", "failed_at": make.NOON}
        session.add(ConsentPush(**failed, due_at=make.NOON, created_at=make.NOON))
        session.flush()

        found = health.read(session, at=make.NOON + timedelta(hours=2))

    assert (found.sent, found.delivered, found.failed, found.segments) == (3, 2, 1, 6)
    assert found.delivery_share == pytest.approx(2 / 3)
    assert found.errors == {"30007": 1}
    assert found.by_country["US"]["failed"] == 1
    assert (found.push.waiting, found.push.failed, found.push.oldest_at) == (1, 1, make.NOON)
    (of_campaign,) = found.campaigns
    assert (of_campaign.reached, of_campaign.failed, of_campaign.opted_out) == (2, 1, 1)
    assert of_campaign.opt_out_share == pytest.approx(1 / 2)


def test_before_the_first_text_health_is_empty(database: Database) -> None:
    with database.read_only() as session:
        found = health.read(session, at=make.NOON)
    assert (found.delivery_share, found.unknown, found.campaigns) == (None, 0, ())
