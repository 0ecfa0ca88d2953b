"""``python -m bench.crowd``: what many open messengers cost. Each asks as the panel does, on a connection of its own.

Active ones ask every second and are written to now and then; idle ones, whose panel is closed, every twenty seconds.
Prints the latencies of polls, the server's processor time, and what one idle messenger costs.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from app.core import clock, conversations, messenger
from app.core.messenger import Sender
from app.core.messenger_identity import Identity
from app.db import Database
from bench.servers import DATABASES, Place, assent_server, prepared

IDLE_S, ACTIVE_S = 20.0, 1.0


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    arguments.add_argument("--open", type=int, default=2000, help="open messengers")
    arguments.add_argument("--active", type=int, default=100, help="of them active")
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--database", choices=DATABASES, help="one database instead of both")
    chosen = arguments.parse_args()
    for name in [chosen.database] if chosen.database else DATABASES:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            measure(place, chosen.open, chosen.active, chosen.seconds)


def measure(place: Place, opened: int, active: int, seconds: int) -> None:
    database = place.database
    bearers = [f"t_{number:043d}" for number in range(opened)]
    chats = [begin(database, bearer) for bearer in bearers]
    with assent_server(place) as address:
        used_before, started = processor_s(), time.monotonic()
        latencies = asyncio.run(crowd(address, database, bearers, chats, active, seconds))
        passed = time.monotonic() - started
        used = processor_s() - used_before
    ordered = sorted(latencies)
    p50, p95, p99 = (1000 * ordered[int(len(ordered) * part)] for part in (0.50, 0.95, 0.99))
    print(
        f"{place.name:10} {opened} open, {active} active: {len(ordered) / passed:.0f} polls/s  p50 {p50:.1f}  "
        f"p95 {p95:.1f}  p99 {p99:.1f} ms  mean {1000 * statistics.mean(ordered):.1f} ms  "
        f"processor {100 * used / passed:.0f} % of one core ({1000 * used / len(ordered):.2f} ms a poll)"
    )
    print(
        f"{place.name:10} one idle messenger: {60 / IDLE_S:.0f} requests a minute, "
        f"{60 / IDLE_S * 1000 * used / len(ordered):.1f} ms of processor time a minute\n",
        flush=True,
    )


def begin(database: Database, bearer: str) -> int:
    sender = Sender(bearer=bearer, identity=Identity(), is_new=True, address=None, locale="en")
    with database.unit_of_work() as session:
        written = messenger.write(session, sender, body="Hello", client_key="first", at=clock.now())
    assert written.message
    return written.message.conversation_id


async def crowd(
    address: str, database: Database, bearers: list[str], chats: list[int], active: int, seconds: int
) -> list[float]:
    """The seconds that each poll took, after a first round in which everybody arrives."""
    host, port = address.removeprefix("http://").split(":")
    latencies: list[float] = []
    until = time.monotonic() + seconds

    async def panel(place: int) -> None:
        every_s = ACTIVE_S if place < active else IDLE_S
        await asyncio.sleep(random.random() * every_s)
        reader, writer = await asyncio.open_connection(host, int(port))
        revision = 0
        while time.monotonic() < until:
            path = f"/messenger/api/poll?after={chats[place]}:{revision}"
            asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearers[place]}\r\n\r\n"
            began = time.perf_counter()
            writer.write(asked.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
            assert b" 200 " in head.split(b"\r\n", 1)[0], head
            if b'"revision":' in body:
                revision = int(body.partition(b'"revision":')[2].split(b",")[0])
            await asyncio.sleep(every_s * (0.9 + random.random() / 5))
        writer.close()

    async def agents() -> None:
        """Each active conversation gets an answer every ten seconds."""
        while time.monotonic() < until:
            chat = random.choice(chats[:active])
            await asyncio.to_thread(answer, database, chat)
            await asyncio.sleep(10 / active)

    await asyncio.gather(*(panel(place) for place in range(len(bearers))), agents())
    return latencies


def answer(database: Database, chat: int) -> None:
    with database.unit_of_work() as session:
        conversations.say(session, chat, author="agent:1", body="Here you are.", at=clock.now())


def processor_s() -> float:
    """What the web server's processes have used so far."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if is_ours(int(folder.name)):
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def is_ours(pid: int) -> bool:
    """Whether this process was started from here, directly or not."""
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid == os.getpid():
            return True
    return False


if __name__ == "__main__":
    main()
