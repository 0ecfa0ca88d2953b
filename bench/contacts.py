"""``python -m bench.contacts``: lists, counts, bulk changes, import and export at a million contacts.

Five types, three consents of each contact with event and evidence. Each figure is printed beside a bare floor of the
same run: plain SQL that reads or writes the same rows (``bench/contacts_floor.py``). ``--folder`` keeps the workspaces,
and a later run uses them again: building a million contacts takes minutes.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from app import processes
from app.core import clock
from app.core.bulk import changes, jobs
from app.core.bulk.changes import Change
from app.core.contacts import exact_counts, filters, search
from app.core.contacts.search_walks import Order
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.jobs import run_bulk_jobs
from app.models import Channel, ConsentType, Contact, JobKind, SubscriptionType
from bench import contacts_files, contacts_floor, population
from bench.population import Population
from bench.servers import DATABASES, Place, prepared

TYPES = (
    ("Offers", Channel.SMS),
    ("Orders", Channel.SMS),
    ("News", Channel.SMS),
    ("Events", Channel.SMS),
    ("Letter", Channel.EMAIL),
)
PAGE, RUNS, BULK = 50, 5, 100_000
DEPTHS = (0.0, 0.25, 0.5, 0.9, 0.999)
SECTIONS = ("pages", "counts", "bulk", "import", "export")


@dataclass(frozen=True)
class Workspace:
    """A filled workspace, and the ids of its types in the order of ``TYPES``."""

    place: Place
    contacts: int
    type_ids: list[int]

    def report(self, name: str, ours_s: float, floor_s: float, goal: float | None, more: str = "") -> int:
        """Print one figure beside its floor; returns 1 when it misses its goal."""
        ratio = ours_s / floor_s
        verdict = "" if goal is None else f" (goal {goal}): {'met' if ratio <= goal else 'MISSED'}"
        times = f"{_time(ours_s)}, floor {_time(floor_s)}, ratio {ratio:5.2f}"
        print(f"{self.place.name:10} {name:34} {times}{verdict}{more}", flush=True)
        return int(goal is not None and ratio > goal)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.contacts", description=__doc__)
    arguments.add_argument("--contacts", type=int, default=1_000_000)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    arguments.add_argument("--only", choices=SECTIONS, action="append", help="this alone; may be given several times")
    arguments.add_argument("--folder", type=Path, help="keep the workspaces here, or use those that are here")
    chosen = arguments.parse_args()
    missed = 0
    processes.prepare_for_jobs()  # as the worker does
    for name in [chosen.database] if chosen.database else DATABASES:
        with _folder(chosen.folder, name) as folder, prepared(name, folder) as place:
            workspace = ready(place, chosen.contacts)
            for section in chosen.only or SECTIONS:
                missed += _MEASURED[section](workspace)
    return 1 if missed else 0


def ready(place: Place, contacts: int) -> Workspace:
    """The workspace with this many contacts, built where the place is empty."""
    with place.database.read_only() as session:
        type_ids = list(session.scalars(select(SubscriptionType.id).order_by(SubscriptionType.id)))
        found = session.scalar(select(func.max(Contact.id))) or 0
    if found >= contacts:
        return Workspace(place, contacts, type_ids)
    began, at = time.perf_counter(), clock.now()
    with place.database.unit_of_work() as session:
        type_ids = [_type(session, name, channel) for name, channel in TYPES]
    population.fill(place.database, Population(contacts, type_ids, email_types=type_ids[-1:]), at=at)
    print(f"{place.name}: {contacts:,} contacts built in {time.perf_counter() - began:.0f} s", flush=True)
    return Workspace(place, contacts, type_ids)


def pages(workspace: Workspace) -> int:
    """A page of contacts with one status, at several depths: the whole call, beside the bare statement.

    The statements of the call alone are printed as well: what else it takes does not depend on the number of contacts.
    """
    missed, database = 0, workspace.place.database
    for status in ("opted_in", "reachable", "opted_out"):
        query = filters.read(_subscription(workspace.type_ids[0], status))
        for depth in DEPTHS:
            last = workspace.contacts + 1 - int(workspace.contacts * depth)
            bare = contacts_floor.page_statement(workspace.type_ids[0], status, last, PAGE + 1)

            def ours(last: int = last, query: filters.Query = query) -> None:
                with database.read_only() as session:
                    search.window(session, query, Order(), after=(None, last), limit=PAGE)

            def floor(bare: str = bare) -> None:
                with database.read_only() as session:
                    session.connection().exec_driver_sql(bare).all()

            statements = _statements_of(workspace, ours)

            def repeated(statements: list[tuple[str, Any]] = statements) -> None:
                with database.read_only() as session:
                    for statement, parameters in statements:
                        session.connection().exec_driver_sql(statement, parameters).all()

            ours_s, floor_s = _by_turns(ours, floor, 4 * RUNS)
            more = f"  statements alone {_median(repeated, 4 * RUNS) * 1000:.2f} ms"
            missed += workspace.report(f"page of {status} at {depth:.1%}", ours_s, floor_s, 3.0, more)
    return missed


def _statements_of(workspace: Workspace, read: Callable[[], None]) -> list[tuple[str, Any]]:
    """The statements about contacts that a read runs, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "contacts" in statement:
            found.append((statement, parameters))

    engines = workspace.place.database.engines
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        read()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    assert found
    return found


def counts(workspace: Workspace) -> int:
    """Exact counts of those who opted in, and of those of them who can be reached."""
    missed, database = 0, workspace.place.database
    for status in ("opted_in", "reachable"):
        query = filters.read(_subscription(workspace.type_ids[0], status))
        found: dict[str, int] = {}

        def ours(query: filters.Query = query, found: dict[str, int] = found) -> None:
            with database.read_only() as session:
                counted = exact_counts.count(session, query)
                assert not counted.is_minimum
                found["ours"] = counted.number

        def floor(status: str = status, found: dict[str, int] = found) -> None:
            with database.read_only() as session:
                found["floor"] = contacts_floor.count(session, workspace.type_ids[0], status)

        ours_s, floor_s = _by_turns(ours, floor, RUNS)
        assert found["ours"] == found["floor"], found
        missed += workspace.report(f"count of {status}", ours_s, floor_s, 1.5, f"  ({found['ours']:,})")
    return missed


def bulk(workspace: Workspace) -> int:
    """Subscribe contacts that have a tag and were never asked, with event, evidence and outbox event of each."""
    number = min(BULK, workspace.contacts // 10)
    database, type_id = workspace.place.database, workspace.type_ids[1]
    with database.unit_of_work() as session:
        tag_ids = [contacts_floor.tag_never_asked(session, type_id, number, part) for part in (0, 1)]
    began = time.perf_counter()
    with database.unit_of_work() as session:
        contacts_floor.subscribe(session, type_id, tag_ids[0], at=clock.now())
    floor_s = time.perf_counter() - began
    query = {"query": {"field": "tag_id", "operator": "=", "value": str(tag_ids[1])}}
    with database.unit_of_work() as session:
        change = Change(JobKind.SUBSCRIBE, query, type_id, note="Signed up at the till in May.")
        job_id = changes.create(session, change, actor="agent:1", at=clock.now()).id
    began = time.perf_counter()
    run_bulk_jobs.run_until_done(database, job_id)
    ours_s = time.perf_counter() - began
    with database.read_only() as session:
        job = jobs.find(session, job_id)
        assert job.done == number, (job.state, job.done, job.error)
        more = f"  ({job.changed:,} changed, {sum(job.skipped.values()):,} skipped)"
    return workspace.report(f"bulk change of {number:,}", ours_s, floor_s, 2.5, more)


def imported(workspace: Workspace) -> int:
    return contacts_files.measure_import(workspace, min(BULK, workspace.contacts))


def exported(workspace: Workspace) -> int:
    return contacts_files.measure_export(workspace)


_MEASURED: dict[str, Callable[[Workspace], int]] = {
    "pages": pages,
    "counts": counts,
    "bulk": bulk,
    "import": imported,
    "export": exported,
}


def _type(session: Session, name: str, channel: Channel) -> int:
    new = NewSubscriptionType(name, channel, ConsentType.OPT_IN)
    made = subscription_types.create(session, new, actor="agent:1", at=clock.now())
    subscription_types.put_live(session, made, actor="agent:1", at=clock.now())
    return made.id


def _subscription(type_id: int, status: str) -> dict[str, str]:
    return {"field": f"subscription_types.{type_id}", "operator": "=", "value": status}


def _median(read: Callable[[], None], runs: int = RUNS) -> float:
    read()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        read()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _by_turns(ours: Callable[[], None], floor: Callable[[], None], runs: int) -> tuple[float, float]:
    """The medians of both, which take turns, so that a busy machine affects both."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(runs + 1):
        for place, read in enumerate((ours, floor)):
            began = time.perf_counter()
            read()
            if run:
                times[place].append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


def _time(seconds: float) -> str:
    return f"{seconds * 1000:8.2f} ms" if seconds < 1 else f"{seconds:8.2f} s "


@contextmanager
def _folder(kept: Path | None, name: str) -> Iterator[Path]:
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
            yield Path(folder)
        return
    folder = kept / name
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


if __name__ == "__main__":
    sys.exit(main())
