"""``python -m bench.crowd``: what many open messengers cost. Each polls as the panel does, on its own connection.

Active panels are open, poll every second and get a message now and then. Idle panels are open and poll every five
seconds; closed ones, by far the most on a real site, every twenty. The measurement starts when all have polled once.
Prints the latencies of polls, the processor time of the web server and of PostgreSQL (on SQLite the web server is the
database), and what one messenger costs while nothing happens in it.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from app.core import clock
from app.core.conversations import messages
from app.core.conversations.appending import NewMessage
from app.core.messenger import visitors
from app.core.messenger.identity import Identity
from app.core.messenger.visitors import Sender
from app.db import Database
from bench.processes import processor_s, tree_of
from bench.servers import DATABASES, Place, assent_server, prepared

ACTIVE_S, IDLE_S, CLOSED_S = 1.0, 5.0, 20.0


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    arguments.add_argument("--open", type=int, default=2000, help="open panels")
    arguments.add_argument("--active", type=int, default=100, help="of them active, the others idle")
    arguments.add_argument("--closed", type=int, default=0, help="closed panels beside them")
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    active = min(chosen.active, chosen.open)
    panels = [ACTIVE_S] * active + [IDLE_S] * (chosen.open - active) + [CLOSED_S] * chosen.closed
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            measure(place, panels, chosen.seconds)


@dataclass
class Measured:
    """The seconds that each poll took which began and ended while it was measured, and the processor time used then."""

    latencies: list[float] = field(default_factory=list)
    passed_s: float = 0
    web_s: float = 0
    database_s: float = 0


def measure(place: Place, panels: list[float], seconds: int) -> None:
    """Print one measurement.

    :param panels: the seconds between two polls of each panel
    """
    bearers = [f"t_{number:043d}" for number in range(len(panels))]
    chats = [begin(place.database, bearer) for bearer in bearers]
    with assent_server(place) as address:
        found = asyncio.run(Crowd(address, place, bearers, chats, panels).measured(seconds))
    ordered = sorted(found.latencies)
    p50, p95, p99 = (1000 * ordered[int(len(ordered) * part)] for part in (0.50, 0.95, 0.99))
    used_s = found.web_s + found.database_s
    a_poll_ms = 1000 * used_s / len(ordered)
    counts = " ".join(
        f"{panels.count(every)} {name}"
        for name, every in (("active", ACTIVE_S), ("idle", IDLE_S), ("closed", CLOSED_S))
    )
    print(
        f"{place.name:10} {counts}: {len(ordered) / found.passed_s:.0f} polls/s  p50 {p50:.1f}  p95 {p95:.1f}  "
        f"p99 {p99:.1f} ms  mean {1000 * statistics.mean(ordered):.1f} ms  processor "
        f"{100 * used_s / found.passed_s:.0f} % of one core (web {100 * found.web_s / found.passed_s:.0f}, "
        f"database {100 * found.database_s / found.passed_s:.0f}), {a_poll_ms:.2f} ms a poll"
    )
    for name, every in (("open and idle", IDLE_S), ("closed", CLOSED_S)):
        print(
            f"{place.name:10} one messenger, {name}: {60 / every:.0f} requests and "
            f"{60 / every * a_poll_ms:.1f} ms of processor time a minute"
        )
    print(flush=True)


def begin(database: Database, bearer: str) -> int:
    sender = Sender(bearer=bearer, identity=Identity(), is_new=True, address=None, locale="en")
    with database.unit_of_work() as session:
        written = visitors.write(session, sender, body="Hello", client_key="first", at=clock.now())
    assert written.message
    return written.message.conversation_id


class Crowd:
    """All panels, and the agents who reply to the active ones."""

    def __init__(self, address: str, place: Place, bearers: list[str], chats: list[int], panels: list[float]) -> None:
        host, port = address.removeprefix("http://").split(":")
        self.host, self.port = host, int(port)
        self.place, self.bearers, self.chats, self.panels = place, bearers, chats, panels
        self.found = Measured()
        self.is_measuring = False

    async def measured(self, seconds: int) -> Measured:
        people = [asyncio.create_task(self.panel(number)) for number in range(len(self.panels))]
        people.append(asyncio.create_task(self.agents()))
        await asyncio.sleep(1.5 * max(self.panels))
        web_s, database_s, began = *await asyncio.to_thread(self.used), time.monotonic()
        self.is_measuring = True
        await asyncio.sleep(seconds)
        self.is_measuring = False
        self.found.passed_s = time.monotonic() - began
        web_now_s, database_now_s = await asyncio.to_thread(self.used)
        self.found.web_s, self.found.database_s = web_now_s - web_s, database_now_s - database_s
        for each in people:
            each.cancel()
        for ended in await asyncio.gather(*people, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise ended if isinstance(ended, BaseException) else AssertionError("a panel stopped polling")
        return self.found

    def used(self) -> tuple[float, float]:
        """The seconds of processor time that the web server and PostgreSQL have used so far."""
        postmaster = self.place.folder / "postgresql" / "postmaster.pid"
        web_s = processor_s(tree_of(os.getpid())[1:])
        return web_s, processor_s(tree_of(int(postmaster.read_text().split()[0]))) if postmaster.exists() else 0

    async def panel(self, number: int) -> None:
        every_s = self.panels[number]
        await asyncio.sleep(random.random() * every_s)
        reader, writer = await asyncio.open_connection(self.host, self.port)
        revision = 0
        while True:
            path = f"/messenger/api/poll?after={self.chats[number]}:{revision}"
            request = (
                f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.bearers[number]}\r\n\r\n"
            )
            counts, began = self.is_measuring and revision > 0, time.perf_counter()
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(length)
            if counts and self.is_measuring:
                self.found.latencies.append(time.perf_counter() - began)
            assert b" 200 " in head.split(b"\r\n", 1)[0], head
            if b'"revision":' in body:
                revision = int(body.partition(b'"revision":')[2].split(b",")[0])
            await asyncio.sleep(every_s * (0.9 + random.random() / 5))

    async def agents(self) -> None:
        """Each active conversation gets a reply every ten seconds."""
        active = self.panels.count(ACTIVE_S)
        while True:
            if active:
                await asyncio.to_thread(reply, self.place.database, random.choice(self.chats[:active]))
            await asyncio.sleep(10 / max(1, active))


def reply(database: Database, chat: int) -> None:
    with database.unit_of_work() as session:
        messages.post(session, chat, NewMessage("agent:1", "Here you are."), at=clock.now())


if __name__ == "__main__":
    main()
