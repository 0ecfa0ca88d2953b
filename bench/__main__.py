"""``make bench``: Assent against a bare Flask floor, in the same run, on the same server and database.

Prints throughput and p50, p95, p99 of both, and their ratios, which are all that means anything on another machine.
Needs wrk (``apt-get install wrk``). What many open messengers cost is measured by ``python -m bench.crowd``.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.forms import Forms
from bench.load import Reading, Request, load, median
from bench.messenger import Chats
from bench.servers import DATABASES, Place, assent_server, floor_server, prepared

Requests = Callable[[str | None, int], Iterator[Request]]


@dataclass(frozen=True)
class Measured:
    """One thing that is measured. Goals are ratios to the floor: throughput at least, p99 at most."""

    name: str
    requests: Requests
    warming: Requests
    least_rate: float
    most_p99: float


NAMES = ("form-look", "form-answer", "message", "poll", "poll-news")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=8, help="length of one run")
    arguments.add_argument("--runs", type=int, default=3, help="runs of each, in turn; medians are printed")
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    arguments.add_argument("--only", choices=NAMES, action="append", help="this alone; may be given several times")
    chosen = arguments.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; as root: apt-get install wrk", file=sys.stderr)
        return 2
    missed = 0
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            for each in everything(place):
                if not chosen.only or each.name in chosen.only:
                    readings = measure(place, each, seconds=chosen.seconds, runs=chosen.runs)
                    missed += report(place, each, *readings)
    return 1 if missed else 0


def everything(place: Place) -> list[Measured]:
    """What is measured: what writes to the disk may cost more beside the floor than what reads."""
    forms, chats = Forms(place), Chats(place)
    return [
        Measured("form-look", forms.looks, forms.looks, 0.7, 1.5),
        Measured("form-answer", forms.answers, forms.looks, 0.6, 1.5),
        Measured("message", chats.messages, chats.idle_polls, 0.6, 1.5),
        Measured("poll", chats.idle_polls, chats.idle_polls, 0.7, 1.5),
        Measured("poll-news", chats.polls_with_news, chats.idle_polls, 0.7, 1.5),
    ]


def measure(place: Place, measured: Measured, *, seconds: int, runs: int) -> tuple[Reading, Reading]:
    """The medians of floor and Assent, measured in turn so that a drifting machine touches both."""
    floors, ours = [], []
    for _ in range(runs):
        with floor_server(place) as address:
            warming = measured.warming(None, seconds)
            floors.append(load(place, address, warming, measured.requests(None, seconds), seconds))
        with assent_server(place) as address:
            warming = measured.warming(address, seconds)
            ours.append(load(place, address, warming, measured.requests(address, seconds), seconds))
    return median(floors), median(ours)


def report(place: Place, measured: Measured, floor: Reading, ours: Reading) -> int:
    """Print one comparison; 1 comes back when a goal was missed."""
    rate, tail = ours.rate / floor.rate, ours.p99 / floor.p99
    title = f"{place.name:10} {measured.name:11}"
    for whose, each in (("floor", floor), ("assent", ours)):
        print(
            f"{title} {whose:6} {each.rate:7.0f} req/s  p50 {each.p50:6.1f}  p95 {each.p95:6.1f}  "
            f"p99 {each.p99:6.1f} ms  errors {each.errors}"
        )
    held = rate >= measured.least_rate and tail <= measured.most_p99 and ours.errors == 0
    print(
        f"{title} ratio  throughput {rate:.2f} (goal {measured.least_rate} or more), p99 {tail:.2f} "
        f"(goal {measured.most_p99} or less): {'held' if held else 'MISSED'}\n",
        flush=True,
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
