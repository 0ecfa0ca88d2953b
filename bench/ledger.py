"""``python -m bench.ledger``: what sealing costs, how fast a verification is, and how far the sealer is behind.

Prints three figures for each database: the throughput of opting in beside a running sealer against without one, in
turns; the time of a verification against reading the same rows and hashing them; the oldest event that waits at 500
events a second. ``--hold 60`` also keeps a transaction of PostgreSQL open for a minute while 16 threads write, and
checks that nothing is sealed past it or left out. ``--kill 20`` kills a sealer at random moments.
"""

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, select

from app.core import clock
from app.core.contacts import records as contacts
from app.core.contacts.records import NewContact
from app.core.ledger import evidence, lag, sealing, verify_events
from app.core.ledger.verify import verify
from app.core.signing import keys_of, random_public_id
from app.db import Database
from app.models import Consent, ConsentEvent, ConsentEvidence, Contact, ContactRole, LedgerSeal, SubscriptionType
from bench.servers import DATABASES, Place, assent_environment, prepared
from tests import make

CHUNK, THREADS, PER_S, TOGETHER = 10_000, 4, 500, 25
TABLES = tuple(each.__table__ for each in (Contact, ConsentEvent, ConsentEvidence, Consent))
SEALER = """
import sys, threading
from app import config
from app.core.ledger import sealing
from app.core.workspace import bootstrap
from app.jobs import seal_ledger
database = bootstrap.open_database(config.load())
print("ready", flush=True)
if sys.argv[1] == "each second":
    seal_ledger.run(database, threading.Event())
while True:
    sealing.seal(database, batch=3)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", default=DATABASES)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=5, help="of three seconds each, with and without a sealer")
    parser.add_argument("--hold", type=int, default=0, metavar="SECONDS")
    parser.add_argument("--kill", type=int, default=0, metavar="TIMES")
    options = parser.parse_args()
    for name in options.databases:
        with tempfile.TemporaryDirectory() as folder, prepared(name, Path(folder)) as place:
            with place.database.unit_of_work() as session:
                make.live_type(session)
            if options.turns:
                print(f"{name:10} {throughput(place, options.turns)}")
            if options.hold and name == "postgresql":
                print(f"{name:10} {held(place.database, options.hold)}")
            if options.kill:
                print(f"{name:10} {killed(place, options.kill)}")
            if options.turns:  # after the rest, because it numbers its events itself
                print(f"{name:10} {behind(place)}")
            if options.events:
                print(f"{name:10} {verification(place.database, options.events)}")


def throughput(place: Place, turns: int) -> str:
    """Opt-ins a second of four threads, in turns without and with a sealer in its own process."""
    alone, beside = [], []
    for _ in range(turns):
        alone.append(_opt_ins_per_s(place.database, seconds=3))
        with _sealer(place, "each second"):
            beside.append(_opt_ins_per_s(place.database, seconds=3))
    ratio = median(beside) / median(alone)
    return f"opting in: {median(alone):.0f}/s alone, {median(beside):.0f}/s beside the sealer, ratio {ratio:.3f}"


def behind(place: Place) -> str:
    """The age of the oldest event that waits, while 500 events a second are recorded for 20 seconds.

    They are recorded 25 at a time, as a bulk change does: alone, this machine records fewer.
    """
    stopping, ages = threading.Event(), []

    def watch() -> None:
        while not stopping.wait(0.1):
            with place.database.read_only() as session:
                oldest = lag.current(session).oldest_recorded_at
            ages.append((clock.now() - oldest).total_seconds() if oldest else 0.0)

    sealing.seal(place.database)  # what earlier turns left
    with _sealer(place, "each second"):
        watcher = threading.Thread(target=watch)
        watcher.start()
        began, done = time.monotonic(), 0
        while (elapsed := time.monotonic() - began) < 20:
            if done < elapsed * PER_S:
                fill(place.database, TOGETHER, chunk=TOGETHER)
                done += TOGETHER
            else:
                time.sleep(0.005)
        stopping.set()
        watcher.join()
    return f"behind at {done / elapsed:.0f} events/s: {median(ages):.2f} s at most of the time, {max(ages):.2f} s worst"


def verification(database: Database, events: int) -> str:
    fill(database, events)
    while sealing.seal(database):
        pass
    began = time.process_time()
    read_and_hash(database)
    floor_s = time.process_time() - began
    began = time.process_time()
    found = verify(database)
    ours_s = time.process_time() - began
    assert not found.is_tampered, found.as_json()
    return (
        f"verifying {found.sealed} events in {found.seals} seals: {ours_s:.1f} s of CPU, reading and hashing the rows "
        f"{floor_s:.1f} s, ratio {ours_s / floor_s:.2f}"
    )


def read_and_hash(database: Database) -> bytes:
    """Read the rows of events and evidence, the texts and the state, and hash them as they are."""
    found = hashlib.sha256()
    queries = (
        verify_events.ROWS,
        select(*TABLES[3].c).order_by(TABLES[3].c.contact_id).execution_options(yield_per=CHUNK),
    )
    with database.read_only() as session:
        for query in queries:
            for row in session.execute(query):
                found.update(hashlib.sha256(repr(tuple(row)).encode()).digest())
    return found.digest()


def fill(database: Database, events: int, *, chunk: int = CHUNK) -> None:
    """Opt-ins of as many contacts, written as the rules write them, but many rows at once."""
    with database.read_only() as session:
        first = max(
            (session.scalar(select(each.c[key]).order_by(each.c[key].desc()).limit(1)) or 0)
            for each, key in ((TABLES[0], "id"), (TABLES[1], "id"))
        )
        type_id, keys = session.scalar(select(SubscriptionType.id)), keys_of(session)
    at, how = clock.now(), make.evidence(ip_address="203.0.113.9", user_agent="Mozilla/5.0 (X11; Linux x86_64)" * 3)
    for start in range(first + 1, first + 1 + events, chunk):
        rows: tuple[list[dict[str, Any]], ...] = ([], [], [], [])
        for number in range(start, start + chunk):
            phone = f"+1{number:010}"
            hashed = keys.destination_hash(phone)
            proof = evidence.row_of(how, phone)
            of = {"contact_id": number, "subscription_type_id": type_id}
            contact = {"id": number, "public_id": random_public_id(), "role": "lead", "phone": phone}
            rows[0].append(
                contact | {"phone_hash": hashed, "custom_attributes": {}, "created_at": at, "updated_at": at}
            )
            recorded = {"action": "opt_in", "source": how.source.value, "actor": how.actor, "destination_hash": hashed}
            recorded |= {"evidence_level": how.level.value, "evidence_hash": proof.hash, "is_persons_word": True}
            rows[1].append(of | recorded | {"id": number, "occurred_at": at, "recorded_at": at})
            rows[2].append({"event_id": number, "salt": proof.salt, **proof.columns})
            said = {"state": "opted_in", "destination": phone, "destination_hash": hashed}
            rows[3].append(of | said | {"changed_at": at, "event_id": number})
        with database.unit_of_work() as session:
            for table, several in zip(TABLES, rows, strict=True):
                session.connection().execute(insert(table), several)


def held(database: Database, seconds: int) -> str:
    """16 threads write while one transaction stays open; a sealer runs all the time."""
    stopping = threading.Event()

    def repeat(act: Callable[[], object]) -> None:
        while not stopping.is_set():
            act()

    with database.unit_of_work() as session:
        held_id = make.opt_in(session, _contact(session), session.get_one(SubscriptionType, 1)).event_id
        with database.read_only() as other:
            before = _highest_sealed(other)
        threads = [threading.Thread(target=repeat, args=(lambda: _opt_in(database),)) for _ in range(16)]
        threads.append(threading.Thread(target=repeat, args=(lambda: sealing.seal(database) or time.sleep(0.1),)))
        for each in threads:
            each.start()
        time.sleep(seconds)
        with database.read_only() as other:
            passed = _highest_sealed(other)
            waiting = lag.current(other)
        assert max(passed, before) < held_id or passed == before, "sealed past a transaction that was open"
    time.sleep(2)
    stopping.set()
    for each in threads:
        each.join()
    while sealing.seal(database):
        pass
    found = verify(database)
    assert not found.is_tampered, found.as_json()
    assert (found.sealed, found.not_yet_sealed.count) == (found.events, 0)
    waited = f"{waiting.events} events waited for {waiting.blocked_by}"
    return f"held for {seconds} s: {waited}; {found.events} sealed, none left"


def killed(place: Place, times: int) -> str:
    """Kill a sealer at random moments while others write."""
    chance = random.Random(1)
    for _ in range(times):
        for _ in range(30):
            _opt_in(place.database)
        with _sealer(place, "all the time"):
            time.sleep(chance.random() / 20)
    while sealing.seal(place.database):
        pass
    found = verify(place.database)
    assert not found.is_tampered, found.as_json()
    assert found.sealed == found.events
    return f"killed {times} times: {found.sealed} of {found.events} events sealed in {found.seals} seals, nothing wrong"


@contextmanager
def _sealer(place: Place, how: str) -> Iterator[None]:
    command = [sys.executable, "-c", SEALER, how]
    with subprocess.Popen(command, env=assent_environment(place), stdout=subprocess.PIPE) as running:
        assert running.stdout
        running.stdout.readline()
        yield
        running.send_signal(signal.SIGKILL)
        running.wait()


def _opt_ins_per_s(database: Database, *, seconds: int) -> float:
    counts = [0] * THREADS
    until = time.monotonic() + seconds

    def work(index: int) -> None:
        while time.monotonic() < until:
            _opt_in(database)
            counts[index] += 1

    threads = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(counts) / seconds


def _opt_in(database: Database) -> None:
    with database.unit_of_work() as session:
        make.opt_in(session, _contact(session), session.get_one(SubscriptionType, 1))


def _contact(session: Any) -> Contact:
    number = f"+1202{random.randint(2_000_000, 9_999_999)}"
    return contacts.create(session, NewContact(ContactRole.LEAD, phone_number=number), at=clock.now())


def _highest_sealed(session: Any) -> int:
    return session.scalar(select(LedgerSeal.last_id).order_by(LedgerSeal.last_id.desc()).limit(1)) or 0


if __name__ == "__main__":
    main()
