"""The import of ``bench.bulk_kills --import``, and what must hold once it is done."""

import csv
import io
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from app.core import clock
from app.core.bulk import jobs
from app.core.imports import drafts
from app.core.imports.options import ConsentFrom
from app.core.imports.setup import setup_of
from app.core.ledger import verify
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import (
    BulkJobItem,
    Channel,
    Consent,
    ConsentEvent,
    ConsentEvidence,
    ConsentState,
    ConsentType,
    Contact,
    JobFile,
    JobFileSlice,
    JobState,
    OutboxEvent,
)

_ACTOR = "agent:1"
# Every so many rows have no number, and are refused.
_REFUSED_EVERY = 1_000


def start(database: Database, rows: int) -> int:
    """Upload a file of new contacts who opted in, and start its import after the dry run. Returns the job."""
    at, data = clock.now(), _file(rows)
    with database.unit_of_work() as session:
        new = NewSubscriptionType("Offers", Channel.SMS, ConsentType.OPT_IN)
        made = subscription_types.create(session, new, actor=_ACTOR, at=at)
        subscription_types.put_live(session, made, actor=_ACTOR, at=at)
        job = drafts.create(session, "contacts.csv", len(data), actor=_ACTOR, at=at)
        drafts.receive_all(session, job, [data])
        drafts.complete(session, job, at=at)
        setup = setup_of(job.parameters)
        chosen: dict[str, Any] = {"consent": ConsentFrom.ALL, "state": ConsentState.OPTED_IN, "note": "Sign-up form."}
        options = replace(setup.options, default_country="US", subscription_type_id=made.id, **chosen)
        drafts.decide(session, job, setup.columns, options, at=at)
        check_id, job_id = drafts.start_check(session, job, actor=_ACTOR, at=at).id, job.id
    run_bulk_jobs.run_until_done(database, check_id)
    with database.unit_of_work() as session:
        drafts.start(session, drafts.lock(session, job_id), at=clock.now())
    return job_id


def checked(database: Database, job_id: int) -> dict[str, Any]:
    """What a finished import did: each row once, in every table, and no uploaded file left."""
    found: dict[str, Any] = {}
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        rows, refused = job.total or 0, sum(job.skipped.values())
        found["job"] = [job.state, job.done, job.changed, refused]
        for name, counted in {
            "contacts": select(func.count(Contact.external_id.distinct())),
            "rows": select(func.count()).select_from(Contact),
            "events": select(func.count(ConsentEvent.contact_id.distinct())),
            "all_events": select(func.count()).select_from(ConsentEvent),
            "evidence": select(func.count()).select_from(ConsentEvidence),
            "consents": select(func.count()).where(Consent.state == ConsentState.OPTED_IN.value),
            "items": select(func.count()).where(BulkJobItem.job_id == job_id),
            "created": select(func.count()).where(OutboxEvent.topic == "contact.created"),
            "published": select(func.count()).where(OutboxEvent.topic == "granular.subscribe"),
            "files": select(func.count()).where(JobFile.name != "refused-rows.csv"),
            "slices": select(func.count()).where(
                JobFileSlice.file_id.not_in(select(JobFile.id).where(JobFile.name == "refused-rows.csv"))
            ),
        }.items():
            found[name] = session.scalar(counted)
    found["mismatches"] = verify.verify(database).mismatches.count
    new = rows - refused
    expected: dict[str, Any] = dict.fromkeys(found, new)
    expected |= {"job": [JobState.DONE.value, rows, new, len(range(0, rows, _REFUSED_EVERY))]}
    expected |= {"files": 0, "slices": 0, "mismatches": 0}
    if found != expected:
        raise SystemExit(f"each row must be imported once: {found}, expected {expected}")
    return found


def _file(rows: int) -> bytes:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(("external_id", "name", "phone", "email"))
    for number in range(rows):
        phone = f"+1212{2_000_000 + number}" if number % _REFUSED_EVERY else "4.479E+11"
        writer.writerow((f"import {number}", f"Eve {number}", phone, f"{number}@example.org"))
    return lines.getvalue().encode()
