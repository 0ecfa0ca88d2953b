"""Who may expand what goes to many contacts."""

from datetime import timedelta

from app.core.campaigns import lifecycle
from app.core.contacts.expanding import LEASE, Expansion
from app.db import Database
from app.models import Campaign
from tests import make
from tests.make import NOON


def test_what_a_part_claimed_is_free_after_its_time_and_where_the_clock_was_set_back(database: Database) -> None:
    expansion, back = Expansion(Campaign.__table__), NOON - timedelta(hours=1)
    with database.unit_of_work() as session:
        campaign = make.campaign(session, make.live_type(session))
        lifecycle.send(session, campaign.id, actor="agent:1", at=NOON)
        assert expansion.claim(session, campaign.id, "killed", at=NOON)
        for near in (NOON - LEASE, NOON + LEASE):
            assert expansion.due(session, at=near) == []
            assert not expansion.claim(session, campaign.id, "two", at=near)
        late = NOON + LEASE + timedelta(seconds=1)
        assert expansion.due(session, at=late) == expansion.due(session, at=back) == [campaign.id]
        assert expansion.claim(session, campaign.id, "two", at=back)
