"""The worker seals each second, verifies each day and when asked, and publishes the head once a day."""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, text

from app.config import Settings
from app.core import clock
from app.core.ledger import head, head_file, sealing, verifications
from app.core.ledger.verify import verify
from app.core.webhooks import endpoints
from app.db import Database
from app.jobs import publish_head, seal_ledger, verify_ledger
from app.models import LedgerSeal, OutboxEvent
from tests import make

# A sealer of its own process: it seals one event at a time, as fast as it can.
SEALER = """
import sys
from app import config
from app.core.ledger import sealing
from app.core.workspace import bootstrap
database = bootstrap.open_database(config.load())
print("ready", flush=True)
while True:
    sealing.seal(database, batch=3)
"""


def test_the_sealer_seals_what_was_recorded_and_goes_on_after_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal_ledger, "EVERY_S", 0.01)
    record(database)
    stopping, seal, calls = threading.Event(), sealing.seal, []

    def fails_once(of: Database) -> int:
        calls.append(of)
        if len(calls) == 1:
            raise OSError("disk full")
        stopping.set()
        return seal(of)

    monkeypatch.setattr(sealing, "seal", fails_once)
    seal_ledger.run(database, stopping)
    assert verify(database).sealed == 1


@pytest.mark.own_database
def test_a_sealer_that_is_killed_leaves_an_honest_ledger(settings: Settings, database: Database) -> None:
    record(database, 60)
    environ = {
        "ASSENT_INSTANCE": str(settings.instance),
        "ASSENT_SECRET_KEY": settings.secret_key,
        "ASSENT_DATABASE_URL": settings.database_url,
    }
    for after_ms in (5, 20) if settings.is_sqlite else (10,):
        sealer = subprocess.Popen([sys.executable, "-c", SEALER], env=environ, stdout=subprocess.PIPE)
        assert sealer.stdout
        sealer.stdout.readline()
        time.sleep(after_ms / 1000)
        sealer.send_signal(signal.SIGKILL)
        sealer.wait()
        sealer.stdout.close()
    while sealing.seal(database, batch=3):
        pass
    found = verify(database)
    assert not found.is_tampered, found.as_json()
    assert (found.sealed, found.not_yet_sealed.count) == (60, 0)
    database.close()


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


def test_the_head_is_published_once_a_day_to_webhooks_and_a_file(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    settings = replace(settings, ledger_head_file=str(tmp_path / "heads.jsonl"))
    assert publish_head.publish_when_due(database, settings) == [], "there is no head"
    record(database)
    sealing.seal(database)
    with time_machine.travel(make.NOON, tick=False) as now:
        assert publish_head.publish_when_due(database, settings) == ["file"], "no endpoint wants it"
        with database.unit_of_work() as session:
            topics, reach = ["ledger.head"], endpoints.Reach.LOOPBACK_TOO
            endpoints.create(session, "http://127.0.0.1:9", topics, reach=reach, actor="agent:1", at=clock.now())
        assert publish_head.publish_when_due(database, settings) == ["webhook"]
        assert publish_head.publish_when_due(database, settings) == []
        now.shift(timedelta(days=1))
        assert publish_head.publish_when_due(database, settings) == ["webhook", "file"]
    published = head_file.read(tmp_path / "heads.jsonl")
    assert len(published) == 2
    with database.read_only() as session:
        current = head.current(session)
        sent = session.scalars(select(OutboxEvent.payload).where(OutboxEvent.topic == "ledger.head")).all()
    assert current is not None
    assert {each["seal_hash"] for each in (*published, *sent)} == {current["seal_hash"]}
    verify_ledger.verify_when_asked(database, settings, threading.Event())
    with (tmp_path / "heads.jsonl").open("a") as file:
        file.write(json.dumps(current | {"seal_id": 8}) + "\n")
    with database.unit_of_work() as session:
        verifications.request(session, actor="agent:1", at=clock.now())
    with pytest.raises(verify_ledger.LedgerAltered):
        verify_ledger.verify_when_asked(database, settings, threading.Event())


def test_a_head_is_not_marked_as_published_when_its_file_cannot_be_written(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    record(database)
    sealing.seal(database)
    with pytest.raises(OSError, match="missing"):
        publish_head.publish_when_due(database, replace(settings, ledger_head_file=str(tmp_path / "missing" / "file")))
    with database.read_only() as session:
        assert head.last_published(session) is None
        assert session.scalar(select(LedgerSeal.id)) == 1


def record(database: Database, count: int = 1) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for _ in range(count):
            make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), offers)
