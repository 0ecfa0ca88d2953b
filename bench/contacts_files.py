"""Import and export for ``bench.contacts``, each in a process of its own, whose memory is measured.

``python -m bench.contacts_files FILE`` is the process of the import: it prints the seconds of the dry run and of the
import itself.
"""

import csv
import io
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import config, processes
from app.core import clock, phone
from app.core.bulk import jobs
from app.core.imports import drafts
from app.core.imports.options import ConsentFrom
from app.core.imports.setup import setup_of
from app.core.workspace import bootstrap
from app.db import Database
from app.jobs import run_bulk_jobs
from app.models import ConsentState, JobState
from bench.servers import assent_environment

if TYPE_CHECKING:
    from bench.contacts import Workspace

MEMORY_MOST_MB = 200
_HEADINGS = ("external_id", "name", "phone", "email")
_COPIED = "external_id, name, phone, email, public_id, role, phone_country, custom_attributes, created_at, updated_at"


@dataclass(frozen=True)
class Child:
    """What a process printed, how long it took, and the most memory that it had."""

    printed: str
    seconds: float
    memory_mb: float


def measure_import(workspace: "Workspace", rows: int) -> int:
    """Import new contacts who opted in, beside reading their numbers and copying their rows."""
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        file, other = Path(folder, "contacts.csv"), Path(folder, "floor.csv")
        for begin, each in enumerate((file, other)):
            each.write_text(_csv(rows, 2 * int(time.time()) * 100 + begin * rows))
        floor_s = _floor_of_import(workspace.place.database, other)
        child = _run(workspace, [sys.executable, "-m", "bench.contacts_files", str(file), str(workspace.type_ids[2])])
    dry_s, import_s = map(float, child.printed.split())
    missed = int(child.memory_mb > MEMORY_MOST_MB)
    verdict = "MISSED" if missed else "met"
    more = f"  dry run {dry_s:.1f} s, {child.memory_mb:.0f} MB (goal {MEMORY_MOST_MB}): {verdict}"
    return missed + workspace.report(f"import of {rows:,}", import_s, floor_s, 3.0, more)


def measure_export(workspace: "Workspace") -> int:
    """Export all contacts, and the whole ledger."""
    missed = 0
    for what, table in (("contacts", "contacts"), ("events", "consent_events")):
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
            out = Path(folder, "out.csv")
            command = [str(Path(sys.executable).with_name("assent")), "contacts", "export", "--what", what]
            child = _run(workspace, [*command, "--out", str(out)])
            size_mb = out.stat().st_size / 1e6
            floor_s = _floor_of_export(workspace.place.database, Path(folder, "floor.csv"), table)
        more = f"  {size_mb:.0f} MB in {child.memory_mb:.0f} MB of memory"
        missed += workspace.report(f"export of {what}", child.seconds, floor_s, None, more)
    return missed


def main() -> None:
    """Import a file; print the seconds of the dry run and of the import."""
    file, type_id = Path(sys.argv[1]), int(sys.argv[2])
    database = bootstrap.open_database(config.load(), connections=1)
    processes.prepare_for_jobs()  # as the command does
    actor, began = "agent:1", time.perf_counter()
    with database.unit_of_work() as session, file.open("rb") as source:
        job = drafts.create(session, file.name, file.stat().st_size, actor=actor, at=clock.now())
        drafts.receive_all(session, job, iter(lambda: source.read(500_000), b""))
        drafts.complete(session, job, at=clock.now())
        setup = setup_of(job.parameters)
        chosen: dict[str, Any] = {"consent": ConsentFrom.ALL, "state": ConsentState.OPTED_IN, "note": "Sign-up form."}
        options = replace(setup.options, default_country="US", subscription_type_id=type_id, **chosen)
        drafts.decide(session, job, setup.columns, options, at=clock.now())
        check_id, job_id = drafts.start_check(session, job, actor=actor, at=clock.now()).id, job.id
    run_bulk_jobs.run_until_done(database, check_id)
    checked = time.perf_counter()
    with database.unit_of_work() as session:
        drafts.start(session, drafts.lock(session, job_id), at=clock.now())
    run_bulk_jobs.run_until_done(database, job_id)
    ended = time.perf_counter()
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        assert (job.state, job.skipped) == (JobState.DONE, {}), (job.state, job.error, job.skipped)
    print(checked - began, ended - checked)


def _csv(rows: int, first: int) -> str:
    """Contacts with valid numbers, which are those of no other contact of a workspace that few runs have used."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(_HEADINGS)
    for number in range(first, first + rows):
        digits = 2_000_000 + number % 7_900_000
        writer.writerow((f"import {number}", f"Eve {number}", f"+1212{digits}", f"{digits}@example.org"))
    return lines.getvalue()


def _floor_of_import(database: Database, file: Path) -> float:
    """Read each number, then copy the rows into a table like ``contacts`` with its indexes. In seconds."""
    began = time.perf_counter()
    with file.open(newline="") as source:
        rows = [
            (each["external_id"], each["name"], phone.normalize(each["phone"], region="US"), each["email"])
            for each in csv.DictReader(source)
        ]
    now = clock.now()
    at = now.replace(tzinfo=None).isoformat(" ") if database.is_sqlite else now
    with database.unit_of_work() as session:
        driver: Any = session.connection().connection.driver_connection
        values = ((one, two, str(three), four, os.urandom(12).hex(), at) for one, two, three, four in rows)
        full = ((*each[:5], "user", "US", "{}", each[5], each[5]) for each in values)
        if database.is_sqlite:
            driver.executemany(f"INSERT INTO contacts ({_COPIED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", full)
        else:
            with driver.cursor() as cursor, cursor.copy(f"COPY contacts ({_COPIED}) FROM STDIN") as copy:
                for each in full:
                    copy.write_row(each)
    return time.perf_counter() - began


def _floor_of_export(database: Database, file: Path, table: str) -> float:
    """Write the rows of a table as CSV, without their tags, consents or evidence. In seconds."""
    began = time.perf_counter()
    with database.read_only() as session, file.open("w", newline="") as target:
        driver: Any = session.connection().connection.driver_connection
        if database.is_sqlite:
            csv.writer(target).writerows(driver.execute(f"SELECT * FROM {table}"))
        else:
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT (FORMAT csv)") as copy:
                for data in copy:
                    target.write(bytes(data).decode())
    return time.perf_counter() - began


def _run(workspace: "Workspace", command: list[str]) -> Child:
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | assent_environment(workspace.place), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0, (command, status)
    return Child(printed, time.perf_counter() - began, used.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
