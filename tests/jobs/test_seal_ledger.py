"""The sealer seals each second, goes on after a failure, and can be killed at any moment."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from app.config import Settings
from app.core.ledger import sealing
from app.core.ledger.verify import verify
from app.db import Database
from app.jobs import seal_ledger
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


def record(database: Database, count: int = 1) -> None:
    with database.unit_of_work() as session:
        offers = make.live_type(session)
        for _ in range(count):
            make.opt_in(session, make.contact(session, phone_number=make.SAMS_NUMBER), offers)
