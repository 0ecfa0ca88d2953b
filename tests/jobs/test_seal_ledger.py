"""The sealer seals each second, goes on after a failure, and can be killed at any moment."""

import threading
import time
from pathlib import Path

import pytest

from app.config import Settings
from app.core.ledger import sealing
from app.core.ledger.verify import verify
from app.db import Database
from app.jobs import seal_ledger
from tests import launcher, make
from tests.processes import environment_of, wait_for

# A sealer in a separate process: it seals one event at a time, as fast as it can.
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
def test_a_sealer_that_is_killed_leaves_an_honest_ledger(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    record(database, 60)
    for after_ms in (5, 20) if settings.is_sqlite else (10,):
        output = tmp_path / f"{after_ms}.log"
        with output.open("w+b") as log:
            sealer = launcher.start(SEALER, env=environment_of(settings), files=(log, log, log))
            wait_for(output.read_text)
            time.sleep(after_ms / 1000)
            sealer.kill()
            sealer.wait()
    while sealing.seal(database, batch=3):
        pass
    found = verify(database)
    assert not found.is_tampered, found.as_json()
    assert (found.sealed, found.not_yet_sealed.count) == (60, 0)
    database.close()


def record(database: Database, count: int = 1) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for _ in range(count):
            make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), offers)
