"""``make bench``: Assent beside bare Flask floors, in the same run, on the same server and database.

Prints throughput and p99 of both and their ratios, which are all that means anything on another machine, in one table
with the goals. Needs wrk (``apt-get install wrk``). ``--lean`` compares with the lean floor only. Beside it,
``python -m bench.api`` measures growth up to a million contacts, ``bench.crowd`` many open messengers,
``bench.webhooks`` delivery, ``bench.scripts`` the scripts in a page, ``bench.memory`` memory,
``bench.house`` the code and ``bench.mutants`` the tests.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

from bench.load import Reading, load, median
from bench.paths import GROUPS, NAMES, Path, Requests
from bench.servers import DATABASES, Place, assent_server, floor_server, prepared

WARMING_S = 2
HEADER = (
    f"{'database':10} {'path':18} {'floor req/s':>11} {'Assent':>7} {'ratio':>6} {'goal':>5} "
    f"{'floor p99':>10} {'Assent':>7} {'ratio':>6} {'goal':>5} {'errors':>6}"
)


@dataclass(frozen=True)
class Comparison:
    """The medians of floor and Assent on one path."""

    database: str
    path: Path
    floor: Reading
    ours: Reading

    @property
    def rate(self) -> float:
        return self.ours.rate / self.floor.rate

    @property
    def p99(self) -> float:
        return self.ours.p99 / self.floor.p99

    @property
    def missed(self) -> list[str]:
        """What does not reach its goal; an error misses always."""
        path = self.path
        missed = ["throughput"] if path.least_rate is not None and self.rate < path.least_rate else []
        missed += ["p99"] if path.most_p99 is not None and self.p99 > path.most_p99 else []
        return missed + (["errors"] if self.ours.errors + self.floor.errors else [])

    def row(self) -> str:
        floor, ours = self.floor, self.ours
        return (
            f"{self.database:10} {self.path.name:18} {floor.rate:11.0f} {ours.rate:7.0f} {self.rate:6.2f} "
            f"{_goal(self.path.least_rate)} {floor.p99:7.1f} ms {ours.p99:7.1f} {self.p99:6.2f} "
            f"{_goal(self.path.most_p99)} {f'{floor.errors}/{ours.errors}':>6}  {_verdict(self.missed)}"
        )


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=8, help="length of one run")
    arguments.add_argument("--runs", type=int, default=3, help="runs of each, by turns; medians are printed")
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    arguments.add_argument("--only", choices=NAMES, action="append", help="this alone; may be given several times")
    arguments.add_argument("--lean", action="store_true", help="beside the lean floor alone")
    chosen = arguments.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; as root: apt-get install wrk", file=sys.stderr)
        return 2
    names = set(chosen.only or NAMES)
    names = {name for name in names if name.startswith("lean")} if chosen.lean else names
    found: list[Comparison] = []
    print(HEADER, flush=True)
    for database in [chosen.database] if chosen.database else DATABASES:
        for each in compare_all(database, names, seconds=chosen.seconds, runs=chosen.runs):
            found.append(each)
            print(each.row(), flush=True)
    missed = [each for each in found if each.missed]
    print(f"\n{len(found) - len(missed)} of {len(found)} reach their goals.")
    return 1 if missed else 0


def compare_all(database: str, names: set[str], *, seconds: int, runs: int) -> Iterator[Comparison]:
    """Each chosen path beside its floor; every group of paths on a fresh database."""
    for of_group, paths in GROUPS:
        if not names & of_group:
            continue
        with (
            tempfile.TemporaryDirectory(prefix="assent-bench-") as folder,
            prepared(database, FilePath(folder)) as place,
        ):
            for path in paths(place, runs):
                if path.name in names:
                    yield compare(place, path, seconds=seconds, runs=runs)


def compare(place: Place, path: Path, *, seconds: int, runs: int) -> Comparison:
    """Floor and Assent by turns, so that a drifting machine touches both; both serve all the while, one idle."""
    if path.spread:
        return compare_addresses(place, path, path.spread, seconds=seconds, runs=runs)
    floors, ours = [], []
    with floor_server(place, path.floor) as floor_address, assent_server(place) as address:
        load(place, floor_address, path.warming(None, WARMING_S), WARMING_S)
        load(place, address, path.warming(address, WARMING_S), WARMING_S)
        for _ in range(runs):
            floors.append(load(place, floor_address, path.requests(None, seconds), seconds, once=path.once))
            ours.append(load(place, address, path.requests(address, seconds), seconds, once=path.once))
    return Comparison(place.name, path, median(floors), median(ours))


def compare_addresses(place: Place, path: Path, spread: Requests, *, seconds: int, runs: int) -> Comparison:
    """Requests from many client addresses, in the place of the floor, and from one, by turns on one server."""
    many, one = [], []
    with assent_server(place) as address:
        load(place, address, path.warming(address, WARMING_S), WARMING_S)
        for _ in range(runs):
            many.append(load(place, address, spread(address, seconds), seconds, once=path.once))
            one.append(load(place, address, path.requests(address, seconds), seconds, once=path.once))
    return Comparison(place.name, path, median(many), median(one))


def _goal(value: float | None) -> str:
    return "     " if value is None else f"{value:5.2f}"


def _verdict(missed: list[str]) -> str:
    return "MISSED " + " ".join(missed) if missed else "met"


if __name__ == "__main__":
    sys.exit(main())
