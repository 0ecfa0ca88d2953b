"""The worker verifies the ledger once a day and when it is asked to."""

import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text

from app.config import Settings
from app.core import clock
from app.core.ledger import sealing, verifications
from app.db import Database
from app.jobs import verify_ledger
from tests import make
from tests.jobs.test_seal_ledger import record


def test_a_verification_runs_once_a_day_and_when_it_is_asked_for(settings: Settings, database: Database) -> None:
    record(database)
    sealing.seal(database)
    running = threading.Event()
    with time_machine.travel(make.NOON, tick=False) as now:
        assert verify_ledger.verify_when_asked(database, settings, running)
        assert not verify_ledger.verify_when_asked(database, settings, running)
        with database.unit_of_work() as session:
            verifications.request(session, actor="agent:1", at=clock.now())
        assert verify_ledger.verify_when_asked(database, settings, running)
        now.shift(timedelta(days=1))
        assert verify_ledger.verify_when_asked(database, settings, running)
        with database.read_only() as session:
            last = verifications.last(session)
            assert last is not None
            assert (last.requested_by, last.finished_at) == ("system", clock.now())


def test_a_verification_that_is_stopped_waits_again(settings: Settings, database: Database) -> None:
    record(database)
    sealing.seal(database)
    stopping = threading.Event()
    stopping.set()
    assert not verify_ledger.verify_when_asked(database, settings, stopping)
    with database.read_only() as session:
        assert verifications.last(session) is None
    assert verify_ledger.verify_when_asked(database, settings, threading.Event())


def test_tampering_is_stored_and_reported_as_a_problem(settings: Settings, database: Database) -> None:
    record(database)
    sealing.seal(database)
    with database.unit_of_work() as session:
        session.execute(text("DELETE FROM consents"))
    with pytest.raises(verify_ledger.LedgerAltered):
        verify_ledger.verify_when_asked(database, settings, threading.Event())
    with database.read_only() as session:
        last = verifications.last(session)
        assert last is not None
        assert (last.result or {})["result"] == "tampered"
