"""Texts are sent once and never after a STOP, though several workers send, people text STOP, and workers are killed."""

import random
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.config import Settings
from app.core import clock
from app.core.consent import suppressions
from app.core.sms import claiming
from app.db import Database
from app.gateways.base import Accepted, Outgoing, SendResult
from app.jobs.send_sms import Sender
from app.jobs.sms_calls import Options
from app.models import SmsMessage, SuppressionCause
from bench import sending, sending_worker
from tests import launcher
from tests.fake_gateway import FakeGateway
from tests.processes import environment_of

WORKER = "from bench.sending_worker import main; main()"
PATIENCE_S = 60.0


class Watched(FakeGateway):
    """Remembers when the gate was asked about each text that it was given, by the monotonic clock."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_s: dict[str, list[float]] = {}
        self.waits_s: list[float] = []
        self._here = threading.local()

    def observe(self, asked_at_s: float, waited_s: float) -> None:
        self._here.asked_s = asked_at_s
        self.waits_s.append(waited_s)

    def send(self, text: Outgoing) -> SendResult:
        self.asked_s.setdefault(text.to, []).append(self._here.asked_s)
        time.sleep(0.002)
        return SendResult(Accepted.YES, gateway_id=f"fake-{text.message_id}")


def states(database: Database) -> dict[str, int]:
    with database.read_only() as session:
        rows = session.execute(select(SmsMessage.state, func.count()).group_by(SmsMessage.state))
        return {row[0]: row[1] for row in rows}


@pytest.mark.slow
def test_two_workers_send_each_text_once_and_none_that_the_gate_was_asked_about_after_a_stop(
    database: Database,
) -> None:
    count, chance, gateway = 300, random.Random(4), Watched()
    sending.fill(database, count)
    options = Options(batch=20, threads=2, every_s=0.02, observe=gateway.observe)
    senders = [Sender(database, gateway, str, options=options) for _ in range(2)]
    stopping, stopped_s = threading.Event(), dict[str, float]()
    threads = [threading.Thread(target=each.run, args=(stopping,)) for each in senders]
    for each in threads:
        each.start()
    ends_s = time.monotonic() + PATIENCE_S
    while {"queued", "sending"} & states(database).keys() and time.monotonic() < ends_s:
        number = sending.number_of(chance.randrange(count))
        with database.unit_of_work() as session:
            suppressions.suppress(session, number, SuppressionCause.KEYWORD, "STOP", actor="system", at=clock.now())
        stopped_s.setdefault(number, time.monotonic())
    stopping.set()
    for each in threads:
        each.join()
    assert states(database).keys() <= {"sent", "skipped"}
    assert all(len(asked) == 1 for asked in gateway.asked_s.values()), "no number gets two texts"
    late = {each: gateway.asked_s[each] for each in stopped_s.keys() & gateway.asked_s.keys()}
    assert all(asked[0] < stopped_s[number] for number, asked in late.items())
    assert max(gateway.waits_s) <= 0.1
    assert len(gateway.asked_s) + states(database).get("skipped", 0) == count


@pytest.mark.slow
def test_no_number_gets_two_texts_though_workers_are_killed(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    count, kills, chance, file = 400, 4, random.Random(4), tmp_path / "sent"
    sending.fill(database, count)
    environment = environment_of(settings) | {sending_worker.FILE: str(file)}
    ends_s = time.monotonic() + PATIENCE_S
    with (tmp_path / "log").open("ab") as log:
        running = [launcher.start(WORKER, env=environment, files=(log, log, log)) for _ in range(2)]
        while states(database).get("queued") and time.monotonic() < ends_s:
            time.sleep(chance.uniform(0.05, 0.3))
            if kills:
                kills -= 1
                running[0].kill()
                running.pop(0).wait()
                running.append(launcher.start(WORKER, env=environment, files=(log, log, log)))
        time.sleep(0.5)
        for each in running:
            each.kill()
            each.wait()
    with database.unit_of_work() as session:
        claiming.expire(session, at=clock.now() + claiming.LEASE + timedelta(minutes=1))
    sent, found = Counter(file.read_text().split()), states(database)
    assert max(sent.values()) == 1, "no number gets two texts"
    assert found.keys() <= {"sent", "unknown"}
    assert found["sent"] <= len(sent) <= count
    assert found.get("unknown", 0) <= (4 + 2) * 2 * 20, "only what a killed worker had claimed or not recorded"
