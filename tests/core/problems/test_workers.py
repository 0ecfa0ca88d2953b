"""A worker is silent when its heartbeat is older than two minutes."""

from datetime import datetime, timedelta

import time_machine

from app.core.problems import workers
from app.db import Database
from app.jobs.heartbeat import Heartbeat
from tests import make


def test_a_worker_is_silent_two_minutes_after_its_last_heartbeat(database: Database) -> None:
    with time_machine.travel(make.NOON, tick=False) as clock:
        heartbeat = Heartbeat(database)
        heartbeat.beat_if_due()
        clock.shift(timedelta(seconds=29))
        heartbeat.beat_if_due()
        assert last_seen(database) == make.NOON, "two beats a minute are enough"
        clock.shift(timedelta(seconds=1))
        heartbeat.beat_if_due()
    seen_at = last_seen(database)
    assert seen_at == make.NOON + timedelta(seconds=30)
    assert not workers.is_silent(seen_at, at=seen_at + timedelta(minutes=2))
    assert workers.is_silent(seen_at, at=seen_at + timedelta(minutes=2, seconds=1))
    assert workers.is_silent(None, at=make.NOON)


def test_ended_workers_are_forgotten_but_the_last_one(database: Database) -> None:
    with database.unit_of_work() as session:
        for number in range(3):
            workers.beat(session, f"w{number}", started_at=make.NOON, at=make.NOON + timedelta(minutes=number))
        assert workers.delete_old(session, at=make.NOON + timedelta(days=2)) == 2
    assert last_seen(database) == make.NOON + timedelta(minutes=2)


def last_seen(database: Database) -> datetime | None:
    with database.read_only() as session:
        return workers.last_seen(session)
