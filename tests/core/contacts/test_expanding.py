"""Who may expand what goes to many contacts."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from app.core import clock
from app.core.campaigns import lifecycle
from app.core.contacts.expanding import LEASE, Expansion
from app.core.outbound_chats import lifecycle as outbound_chats
from app.core.workspace import steady_clock
from app.db import Database
from app.models import Campaign, OutboundChat
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


@pytest.mark.parametrize("kind", ["campaign", "outbound chat"])
def test_nothing_that_is_scheduled_begins_by_a_clock_that_jumped_until_a_person_sends_it(
    database: Database, kind: str
) -> None:
    rules, table = (lifecycle, Campaign.__table__) if kind == "campaign" else (outbound_chats, OutboundChat.__table__)
    expansion, jump = Expansion(table), timedelta(days=6 * 366)
    with time_machine.travel(NOON, tick=False) as now:
        assert steady_clock.is_steady(database)
        with database.unit_of_work() as session:
            live = make.live_type(session)
            made = make.campaign(session, live) if kind == "campaign" else make.outbound_chat(session)
            number = made.id
            rules.schedule(session, number, NOON + timedelta(hours=2), actor="agent:1", at=NOON)

        def due() -> list[int]:
            with database.read_only() as session:
                return expansion.due(session, at=clock.now())

        now.shift(jump)
        assert due() == [], "before the worker noted the jump"
        assert not steady_clock.is_steady(database)
        assert due() == []
        with database.unit_of_work() as session:
            assert not expansion.claim(session, number, "part", at=clock.now())
        now.shift(-jump)
        assert not steady_clock.is_steady(database)
        now.shift(timedelta(hours=3))
        assert due() == [], "set right"
        with database.unit_of_work() as session:
            rules.send(session, number, actor="agent:1", at=clock.now())
        assert due() == [number], "sent by hand"
        with database.unit_of_work() as session:
            session.execute(update(table).values(state="scheduled"))
        for _hour in range(21):
            assert due() == []
            now.shift(timedelta(hours=1))
            steady_clock.is_steady(database)
        assert due() == [number], "a day later"
