"""One run of wrk over prepared requests, and what it measured."""

import json
import os
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.servers import Place

CONNECTIONS, THREADS = 16, 2
SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Request:
    """What is sent; ``address`` is the client's, as a proxy would say it."""

    path: str
    method: str = "GET"
    content_type: str = ""
    address: str = ""
    bearer: str = ""
    body: str = ""


@dataclass(frozen=True)
class Reading:
    """One measured run: requests a second and latencies in milliseconds."""

    rate: float
    p50: float
    p95: float
    p99: float
    errors: int


def load(place: Place, address: str, requests: Iterable[Request], seconds: int, *, once: bool = False) -> Reading:
    """One run of so many seconds, over and over through the requests. The rate counts what succeeded.

    :param once: stop when each was sent, which leaves fewer seconds: a repeat would find nothing to do
    :raises RuntimeError: no request succeeded, so that there is nothing to compare
    """
    result = _wrk(address, _write(place, requests), seconds, once=once)
    succeeded = result["requests"] - result["errors"]
    if succeeded <= 0:
        raise RuntimeError(f"no request to {address} succeeded: {result}")
    rate = succeeded / result["seconds"]
    return Reading(rate, result["p50"], result["p95"], result["p99"], int(result["errors"]))


def median(readings: list[Reading]) -> Reading:
    """The run with the median throughput, with the median p99 of all runs and the sum of their errors."""
    by_rate = sorted(readings, key=lambda reading: reading.rate)
    middle = by_rate[len(by_rate) // 2]
    p99 = statistics.median(reading.p99 for reading in readings)
    return replace(middle, p99=p99, errors=sum(reading.errors for reading in readings))


def _write(place: Place, requests: Iterable[Request]) -> Path:
    file = place.folder / "requests.txt"
    with file.open("w") as out:
        for each in requests:
            columns = (each.method, each.path, each.content_type, each.address, each.bearer, each.body)
            out.write("\t".join(columns) + "\n")
    return file


def _wrk(address: str, requests: Path, seconds: int, *, once: bool) -> dict[str, float]:
    command = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", str(SCRIPT), address]
    with requests.open() as lines:
        is_short = sum(1 for _ in lines) < THREADS
    mode = ["once"] if once else ["shared"] if is_short else []
    environ = os.environ | {"BENCH_THREADS": str(THREADS)}
    run = subprocess.run(
        [*command, "--", str(requests), *mode], check=True, capture_output=True, text=True, env=environ
    )
    result: dict[str, float] = json.loads(run.stdout.partition("JSON ")[2])
    return result
