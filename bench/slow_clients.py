"""``python -m bench.slow_clients``: whether clients that are slow on purpose can silence the server.

Without a proxy, at the same time: connections that send the body of a form byte by byte, connections that say nothing
(those that the server closes are opened again), and one API token that runs ten queries at the limit over many
contacts. Every 50 ms a new connection asks for ``/healthz``, another one for an opt-in form. Prints their latencies,
what the queries were answered, and the server's memory before and after. The goal: each answer within a second.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import text

from bench.api_calls import ApiCalls
from bench.processes import memory_kb, tree_of
from bench.servers import DATABASES, Place, assent_environment, assent_web, prepared, started

QUERIES = 10
PROBE_EVERY_S, BYTE_EVERY_S, SILENT_AGAIN_S = 0.05, 1.0, 5.0
_PARTS = [{"field": f"custom_attributes.k{number}", "operator": "~", "value": "x"} for number in range(15)]
_HEAVY = {"operator": "OR", "value": [{"operator": "OR", "value": _PARTS}] * 15}


@dataclass
class Client:
    """Requests to one server, each on its own connection. Slow clients run in another process than the probes."""

    host: str
    port: int
    token: str
    form: str
    latencies: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    async def attack(self, dribbling: int, silent: int) -> None:
        tasks = [asyncio.create_task(self._dribble()) for _ in range(dribbling)]
        tasks += [asyncio.create_task(self._say_nothing()) for _ in range(silent)]
        await asyncio.gather(*tasks)

    async def probe(self, seconds: int) -> None:
        await asyncio.gather(*(self._probe(path, seconds) for path in ("/healthz", self.form)))

    async def query(self, seconds: int) -> Counter[int]:
        """Run queries at the limit; returns the statuses of the answers."""
        end_s = time.monotonic() + seconds
        return sum(await asyncio.gather(*(self._query(end_s) for _ in range(QUERIES))), Counter[int]())

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def _dribble(self) -> None:
        while True:
            with suppress(OSError):
                async with self._connected() as (_, writer):
                    writer.write(self._head("POST", self.form) + b"Content-Length: 9000\r\n\r\nphone=")
                    while not writer.is_closing():
                        await writer.drain()
                        await asyncio.sleep(BYTE_EVERY_S)
                        writer.write(b"1")
            await asyncio.sleep(BYTE_EVERY_S)

    async def _say_nothing(self) -> None:
        while True:
            await asyncio.sleep(SILENT_AGAIN_S * random.random())
            with suppress(OSError):
                async with self._connected() as (reader, _):
                    await reader.read(1)

    async def _query(self, end_s: float) -> Counter[int]:
        body = json.dumps({"query": _HEAVY}).encode()
        head = self._head("POST", "/api/contacts/search") + f"Authorization: Bearer {self.token}\r\n".encode()
        statuses: Counter[int] = Counter()
        while time.monotonic() < end_s:
            status, _ = await self._answered(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            statuses[status] += 1
            await asyncio.sleep(0.2)
        return statuses

    async def _probe(self, path: str, seconds: int) -> None:
        latencies = self.latencies[path] = []
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            try:
                status, took_s = await asyncio.wait_for(self._answered(self._head("GET", path) + b"\r\n"), 10)
            except (OSError, TimeoutError) as problem:
                self.failures[type(problem).__name__] += 1
                continue
            latencies.append(took_s)
            if status != 200:
                self.failures[str(status)] += 1
            await asyncio.sleep(PROBE_EVERY_S)

    async def _answered(self, request: bytes) -> tuple[int, float]:
        """The status of one request on a new connection, and the seconds that it took."""
        started_s = time.monotonic()
        async with self._connected() as (reader, writer):
            writer.write(request)
            line = await reader.readline()
            return int(line.split()[1]) if line else 0, time.monotonic() - started_s

    def _head(self, method: str, path: str) -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n".encode()


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.slow_clients", description=__doc__)
    arguments.add_argument("--dribbling", type=int, default=500)
    arguments.add_argument("--silent", type=int, default=5000)
    arguments.add_argument("--contacts", type=int, default=100_000)
    arguments.add_argument("--seconds", type=int, default=30)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            measure(place, chosen)


def _attack(client: Client, dribbling: int, silent: int) -> None:
    asyncio.run(client.attack(dribbling, silent))


def measure(place: Place, chosen: argparse.Namespace) -> None:
    """Print one measurement."""
    token = ApiCalls(place, chosen.contacts, runs=1).token
    with place.database.engine.begin() as connection:
        form_key = connection.execute(text("SELECT key FROM optin_forms")).scalar_one()
    with started(assent_web(), assent_environment(place)) as (address, pid):
        url = urlsplit(address)
        client = Client(str(url.hostname), int(url.port or 0), token, f"/f/form/{form_key}")
        before_kb = sum(memory_kb(each) for each in tree_of(pid))
        slow = multiprocessing.Process(target=_attack, args=(client, chosen.dribbling, chosen.silent), daemon=True)
        slow.start()
        time.sleep(SILENT_AGAIN_S)
        with ThreadPoolExecutor() as threads:
            queries = threads.submit(asyncio.run, client.query(chosen.seconds))
            asyncio.run(client.probe(chosen.seconds))
            after_kb = sum(memory_kb(each) for each in tree_of(pid))
            statuses = queries.result()
        slow.kill()
    print(f"\n{place.name}: {chosen.dribbling} dribbling, {chosen.silent} silent, {QUERIES} queries at the limit")
    for path, latencies in client.latencies.items():
        ordered = sorted(1000 * each for each in latencies)
        middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        print(f"  {path[:8]:9} {len(ordered)} answers, p50 {middle:.0f} ms, p99 {late:.0f}, last {ordered[-1]:.0f}")
    print(f"  failures {dict(client.failures)}, queries {dict(statuses)}")
    print(f"  memory of all processes {before_kb // 1024} MB before, {after_kb // 1024} MB after")


if __name__ == "__main__":
    main()
