"""``python -m bench.shared``: one and two web servers and workers on one PostgreSQL, with and without a bulk change.

Prints how many forms a second are answered in all, their worst p99, and how long the bulk change took. The servers, the
database and the load share the processors of this machine, so that only the rows of one run compare.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from app.core.bulk import jobs
from app.jobs import queue
from app.models import JobKind, JobState
from bench.bulk_kills import populate, start
from bench.forms import Forms
from bench.load import Reading, load
from bench.servers import Place, assent_environment, prepared, served

ASSENT = str(Path(sys.executable).with_name("assent"))


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.shared", description=__doc__)
    arguments.add_argument("--contacts", type=int, default=20_000, help="contacts that the bulk change opts in or out")
    arguments.add_argument("--seconds", type=int, default=8, help="length of one run")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared("postgresql", Path(folder)) as place:
        queue.create_tables(place.settings, place.database)
        forms, type_id = Forms(place), populate(place.database, chosen.contacts)
        kinds = iter((JobKind.SUBSCRIBE, JobKind.UNSUBSCRIBE))
        for servers in (1, 2):
            with ExitStack() as stack:
                addresses = [stack.enter_context(_web(place)) for _ in range(servers)]
                for _ in range(servers):
                    stack.enter_context(_worker(place))
                _answer(place, forms, addresses, seconds=2)
                print(f"{servers} web, {servers} workers: {_shown(_answer(place, forms, addresses, chosen.seconds))}")
                began_s, job_id = time.monotonic(), start(place.database, next(kinds), type_id)
                beside = _answer(place, forms, addresses, chosen.seconds)
                while not _is_done(place, job_id):
                    time.sleep(0.05)
                took_s = time.monotonic() - began_s
                print(f"  beside a bulk change of {chosen.contacts:,} ({took_s:.1f} s): {_shown(beside)}", flush=True)


@contextmanager
def _web(place: Place) -> Iterator[str]:
    with served([ASSENT, "web", "--workers", "1"], assent_environment(place)) as address:
        yield address


@contextmanager
def _worker(place: Place) -> Iterator[None]:
    process = subprocess.Popen(
        [ASSENT, "worker"],
        env=os.environ | assent_environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _answer(place: Place, forms: Forms, addresses: list[str], seconds: int) -> list[Reading]:
    """Answer the form through each server at the same time."""

    def through(number: int) -> Reading:
        own = replace(place, folder=place.folder / f"load{number}")
        own.folder.mkdir(exist_ok=True)
        return load(own, addresses[number], list(forms.answers(addresses[number], seconds)), seconds)

    with ThreadPoolExecutor() as threads:
        return list(threads.map(through, range(len(addresses))))


def _shown(readings: list[Reading]) -> str:
    errors = sum(each.errors for each in readings)
    rate, p99 = sum(each.rate for each in readings), max(each.p99 for each in readings)
    return f"{rate:6.0f} answers/s, p99 {p99:5.1f} ms, {errors} errors"


def _is_done(place: Place, job_id: int) -> bool:
    with place.database.read_only() as session:
        return jobs.find(session, job_id).state == JobState.DONE


if __name__ == "__main__":
    main()
