"""The API beside a bare Flask app on the same server and database, and over 10 thousand to a million contacts.

python -m bench.api --database sqlite --contacts 10000 100000 1000000
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.api_calls import CALLS, WRITING, ApiCalls
from bench.load import Reading, load, median
from bench.servers import DATABASES, Place, assent_server, floor_server, prepared

GROWTH, GROWTH_OF_BOTH = 1.5, 3.0  # times the latency, from the smallest workspace to the largest
RUNS = 3  # of ours, and of the floor; an odd number
WARMING_S = 1
STEADY = CALLS[:-1]
Pair = tuple[Reading, Reading]  # of ours, of the floor


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=2, help="length of one run, of which each call has several")
    arguments.add_argument("--contacts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; as root: apt-get install wrk", file=sys.stderr)
        return 2
    missed = 0
    for name in [chosen.database] if chosen.database else DATABASES:
        read = {}
        for contacts in sorted(chosen.contacts):
            failed, read[contacts] = measure(name, contacts, seconds=chosen.seconds)
            missed += failed
        if len(read) > 1:
            missed += growth(name, read[min(read)], read[max(read)])
    return 1 if missed else 0


def measure(name: str, contacts: int, *, seconds: int) -> tuple[int, dict[str, Pair]]:
    """Print each call on a fresh database of this size; return how many had errors, and the readings."""
    failed, read = 0, {}
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
        calls = ApiCalls(place, contacts, runs=2 * RUNS + 2)
        with assent_server(place) as ours, floor_server(place, "bench.api_floor:create_app") as floor:
            for call in CALLS:
                pair = read[call] = _measure_call(place, calls, call, (ours, floor), seconds)
                failed += _report(name, call, contacts, pair)
    return failed, read


def growth(name: str, smallest: dict[str, Pair], largest: dict[str, Pair]) -> int:
    """Print how many times as long each call takes in the largest workspace; return how many miss the goal.

    A larger database is slower for every program, so the growth counts beside the floor's; but not without a limit.
    """
    missed = 0
    for call in STEADY:
        (ours_small, floor_small), (ours, floor) = smallest[call], largest[call]
        plain, of_floor = ours.p50 / ours_small.p50, floor.p50 / floor_small.p50
        is_met = plain <= GROWTH or (plain / of_floor <= GROWTH and plain <= GROWTH_OF_BOTH)
        missed += not is_met
        verdict = "" if is_met else ": MISSED"
        print(f"{name:10} {call:8} p50 grows {plain:.2f} times, the floor's {of_floor:.2f} (goal {GROWTH}{verdict})")
    return missed


def _measure_call(place: Place, calls: ApiCalls, call: str, addresses: tuple[str, str], seconds: int) -> Pair:
    """The medians of ours and the floor's, by turns."""
    once = call in WRITING
    for address in addresses:
        load(place, address, calls.requests(call), WARMING_S, once=once)
    readings: tuple[list[Reading], list[Reading]] = ([], [])
    for run in range(RUNS):
        for side in (0, 1) if run % 2 == 0 else (1, 0):
            readings[side].append(load(place, addresses[side], calls.requests(call), seconds, once=once))
    return median(readings[0]), median(readings[1])


def _report(name: str, call: str, contacts: int, pair: Pair) -> int:
    ours, floor = pair
    print(
        f"{name:10} {contacts:>9,} {call:8} ours {ours.rate:6.0f} req/s p50 {ours.p50:6.2f} p99 {ours.p99:5.0f}"
        f" ms floor {floor.rate:6.0f} req/s p50 {floor.p50:6.2f} p99 {floor.p99:5.0f} ms"
        f"  errors {ours.errors}/{floor.errors} ratio {ours.rate / floor.rate:.2f}",
        flush=True,
    )
    return int(ours.errors + floor.errors > 0)


if __name__ == "__main__":
    sys.exit(main())
