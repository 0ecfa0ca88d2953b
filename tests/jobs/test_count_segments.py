"""The worker counts segments, so that their list only reads."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from app.core.contacts import segment_counts, segments
from app.db import Database
from app.jobs.count_segments import count_due
from app.models import Contact
from tests.make import NOON, SAMS_NUMBER, contact, live_type, opt_in

pytestmark = pytest.mark.databases("sqlite", "postgresql")
USERS = {"field": "role", "operator": "=", "value": "user"}
SEARCHED = {"field": "name", "operator": "~", "value": "a"}


def kept(database: Database) -> dict[str, tuple[int | None, Any]]:
    with database.read_only() as session:
        return {each.name: (each.contacts_count, each.counted_at) for each in segments.find_all(session)}


def make(database: Database, name: str, query: object) -> None:
    with database.unit_of_work() as session:
        segments.create(session, name, query, actor="agent:1", at=NOON)


def test_segments_are_counted_exactly_once_in_ten_minutes_and_again_when_their_filter_changes(
    database: Database,
) -> None:
    with database.unit_of_work() as session:
        offers = live_type(session)
        sam = contact(session, name="Sam", external_id="sam-1", phone_number=SAMS_NUMBER)
        opt_in(session, sam, offers)
        contact(session, name="Ana", external_id="ana-1")
        contact(session, name="Eve", external_id="eve-1").archived_at = NOON
        type_id = offers.id
    make(database, "Users", USERS)
    make(database, "With a", SEARCHED)
    make(database, "Opted in", {"field": f"subscription_types.{type_id}", "operator": "=", "value": "opted_in"})
    make(database, "Gone", {"field": "role", "operator": "=", "value": "user"})
    with database.unit_of_work() as session:
        gone = next(each for each in segments.find_all(session) if each.name == "Gone")
        gone.query = {"field": "subscription_types.999", "operator": "=", "value": "opted_in"}
    with time_machine.travel(NOON, tick=False) as now:
        assert count_due(database) == 4
        assert kept(database) == {"Users": (2, NOON), "With a": (2, NOON), "Opted in": (1, NOON), "Gone": (None, None)}
        with database.unit_of_work() as session:
            session.get_one(Contact, sam.id).archived_at = NOON
        now.shift(timedelta(minutes=9))
        assert count_due(database) == 0
        with database.unit_of_work() as session:
            users = next(each for each in segments.find_all(session) if each.name == "Users")
            segments.change(session, users, name=None, query=SEARCHED, actor="agent:1", at=NOON)
        assert kept(database)["Users"] == (None, None)
        assert count_due(database) == 1, "the changed one"
        assert kept(database)["Users"] == (1, NOON + timedelta(minutes=9))
        now.shift(timedelta(minutes=2))
        assert count_due(database) == 3
        assert kept(database)["Opted in"] == (0, NOON + timedelta(minutes=11))


def test_a_count_of_a_filter_that_was_changed_meanwhile_is_not_kept(database: Database) -> None:
    make(database, "Users", USERS)
    with database.unit_of_work() as session:
        claimed = segment_counts.claim(session, at=NOON)
        assert claimed is not None
        assert segment_counts.claim(session, at=NOON) is None, "another worker has it"
    with database.unit_of_work() as session:
        (users,) = segments.find_all(session)
        segments.change(session, users, name=None, query=SEARCHED, actor="agent:1", at=NOON)
    with database.unit_of_work() as session:
        segment_counts.record(session, claimed, 7)
    assert kept(database) == {"Users": (None, None)}


def test_the_worker_stops_when_its_time_is_over_and_goes_on_with_the_oldest_count(database: Database) -> None:
    make(database, "Users", USERS)
    assert count_due(database, seconds=0) == 0
    assert count_due(database) == 1
