"""``python -m bench.bulk_kills``: a bulk change, or an import, whose worker is killed again and again.

Contacts are subscribed by one job and unsubscribed by another. While that runs, its worker gets ``SIGKILL`` at random
moments and another one starts. Afterwards each contact must have been changed exactly once, and the ledger must verify.
With ``--import`` a file is imported instead (``bench/import_kills.py``). No process may outlive its worker.
"""

import argparse
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app import config, logs
from app.core import clock
from app.core.bulk import changes, jobs
from app.core.bulk.changes import Change
from app.core.ledger import verify
from app.core.signing import keys_of
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.core.workspace import bootstrap
from app.db import Database, insert_rows
from app.jobs import run_bulk_jobs
from app.models import (
    Action,
    BulkJob,
    BulkJobItem,
    Channel,
    Consent,
    ConsentEvent,
    ConsentState,
    ConsentType,
    Contact,
    ContactRole,
    JobKind,
    JobState,
    OutboxEvent,
)
from bench import import_kills
from bench.processes import memory_kb, tree_of
from bench.servers import DATABASES, assent_environment, prepared

ACTOR = "agent:1"
_BATCH = 1_000
_ENDS_WITHIN_S = 10.0


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.bulk_kills", description=__doc__)
    arguments.add_argument("--contacts", type=int, default=100_000)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--lease", type=float, default=1.0, help="seconds after which another worker goes on")
    arguments.add_argument("--within", type=float, default=0.5, help="seconds from a chunk to the kill, at most")
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    arguments.add_argument("--work", action="store_true", help="be the worker (its settings are in the environment)")
    arguments.add_argument("--import", dest="is_import", action="store_true", help="import a file with as many rows")
    chosen = arguments.parse_args()
    if chosen.work:
        work(chosen.lease)
        return
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            if chosen.is_import:
                job_id = import_kills.start(place.database, chosen.contacts)
            else:
                type_id = populate(place.database, chosen.contacts)
                run_bulk_jobs.run_until_done(place.database, start(place.database, JobKind.SUBSCRIBE, type_id))
                job_id = start(place.database, JobKind.UNSUBSCRIBE, type_id)
            environ = assent_environment(place)
            given: dict[str, Any] = {"kills": chosen.kills, "lease_s": chosen.lease, "within_s": chosen.within}
            kills = run_with_kills(place.database, environ, job_id, **given)
            found = (import_kills.checked if chosen.is_import else checked)(place.database, job_id)
            print(name, {"kills": kills, **found}, flush=True)


def populate(database: Database, contacts: int) -> int:
    """Insert contacts with a number each, and a live subscription type, whose id is returned."""
    at = clock.now()
    for first in range(0, contacts, _BATCH):
        with database.unit_of_work() as session:
            keys = keys_of(session)
            numbers = [f"+1202{5550000 + each:07}" for each in range(first, min(first + _BATCH, contacts))]
            values = {"role": ContactRole.USER.value, "custom_attributes": {}, "created_at": at, "updated_at": at}
            values |= {"phone_country": "US", "unsubscribed_from_emails": False}
            insert_rows(session, Contact, [_contact(each, keys.destination_hash(each), values) for each in numbers])
    with database.unit_of_work() as session:
        new = NewSubscriptionType("Offers", Channel.SMS, ConsentType.OPT_IN)
        made = subscription_types.create(session, new, actor=ACTOR, at=at)
        subscription_types.put_live(session, made, actor=ACTOR, at=at)
        return made.id


def start(database: Database, kind: JobKind, type_id: int) -> int:
    """Start a job that changes every contact; returns its id."""
    with database.unit_of_work() as session:
        change = Change(kind, {"query": None}, subscription_type_id=type_id, note="a paper list")
        return changes.create(session, change, actor=ACTOR, at=clock.now()).id


def work(lease_s: float) -> None:
    """Run the jobs that wait until there are none, as a worker does, with a short lease."""
    logs.configure()
    jobs.LEASE = timedelta(seconds=lease_s)
    database = bootstrap.open_database(config.load(), connections=2)
    while True:
        with database.read_only() as session:
            found = jobs.waiting(session, at=clock.now())
            is_left = session.scalar(select(func.count()).where(BulkJob.state.in_(jobs.UNFINISHED))) or 0
        for job_id in found:
            run_bulk_jobs.run_part(database, job_id, secrets.token_hex(8))
        if not is_left:
            return
        time.sleep(0.05)


def run_with_kills(
    database: Database, environ: dict[str, str], job_id: int, *, kills: int, lease_s: float, within_s: float = 0.5
) -> int:
    """Run a job by workers that are killed at random moments, the last one to its end. Returns how many were killed.

    :param environ: the settings of the workers
    :param within_s: how long after its first chunk a worker is killed, at most
    """
    command = [sys.executable, "-m", "bench.bulk_kills", "--work", "--lease", str(lease_s)]
    killed = 0
    while not _is_done(database, job_id):
        worker = subprocess.Popen(command, env=os.environ | environ)
        begun = _done(database, job_id)
        while killed < kills and worker.poll() is None and _done(database, job_id) == begun:
            time.sleep(0.01)
        if killed < kills and worker.poll() is None:
            time.sleep(random.uniform(0, within_s))
            below = tree_of(worker.pid)[1:]
            worker.kill()
            killed += 1
            worker.wait()
            _wait_for_end(below)
        worker.wait()
    return killed


def _wait_for_end(pids: Sequence[int]) -> None:
    """Wait until these processes have ended, which notice that their worker is gone."""
    ends_s = time.monotonic() + _ENDS_WITHIN_S
    while left := [each for each in pids if memory_kb(each)]:
        if time.monotonic() > ends_s:
            raise SystemExit(f"these processes have outlived their worker: {left}")
        time.sleep(0.05)


def checked(database: Database, job_id: int) -> dict[str, Any]:
    """What a finished job did: each contact once, in every table, and what the ledger's verification found."""
    with database.read_only() as session:
        contacts = session.scalar(select(func.count()).select_from(Contact))
        opted_out = select(ConsentEvent.contact_id).where(ConsentEvent.action == Action.OPT_OUT.value)
        job = jobs.find(session, job_id)
        found: dict[str, Any] = {
            "job": [job.state, job.done, job.changed],
            "events": session.scalar(select(func.count()).select_from(opted_out.subquery())),
            "contacts": session.scalar(select(func.count()).select_from(opted_out.distinct().subquery())),
            "items": session.scalar(select(func.count()).where(BulkJobItem.job_id == job_id)),
            "consents": session.scalar(select(func.count()).where(Consent.state == ConsentState.OPTED_OUT.value)),
            "published": session.scalar(select(func.count()).where(OutboxEvent.topic == "granular.unsubscribe")),
        }
    found["mismatches"] = verify.verify(database).mismatches.count
    expected: dict[str, Any] = {"job": [JobState.DONE.value, contacts, contacts], "mismatches": 0}
    expected |= dict.fromkeys(("events", "contacts", "items", "consents", "published"), contacts)
    if found != expected:
        raise SystemExit(f"each contact must be changed once: {found}, expected {expected}")
    return found


def _contact(number: str, hashed: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"public_id": secrets.token_hex(12), "external_id": number, "phone": number, "phone_hash": hashed, **values}


def _is_done(database: Database, job_id: int) -> bool:
    with database.read_only() as session:
        return jobs.find(session, job_id).state == JobState.DONE


def _done(database: Database, job_id: int) -> int:
    with database.read_only() as session:
        return jobs.find(session, job_id).done


if __name__ == "__main__":
    main()
