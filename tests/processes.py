"""The ``assent`` command as a process, for tests of what only a process does."""

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from app.config import Settings
from tests import launcher
from tests.launcher import Launched

T = TypeVar("T")
PATIENCE_S = 60
# What Python runs as the command.
ASSENT = "import sys; from app.cli import main; main()"


def environment(instance: Path, **more: str) -> dict[str, str]:
    """This environment without settings of its own, with its instance folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
    return kept | {"ASSENT_INSTANCE": str(instance)} | {f"ASSENT_{name.upper()}": value for name, value in more.items()}


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment in which a process finds the database of a test."""
    return environment(settings.instance, secret_key=settings.secret_key, database_url=settings.database_url)


def assent(*arguments: str, env: Mapping[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return launcher.run(ASSENT, *arguments, env=env, stdin=stdin, timeout_s=PATIENCE_S)


@contextmanager
def started(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[Launched]:
    """A command that goes on; whatever is left of it is killed at the end."""
    with log.open("wb") as out, Path(os.devnull).open("rb") as nothing:
        process = launcher.start(ASSENT, *arguments, env=env, files=(nothing, out, out))
        try:
            yield process
        finally:
            for each in [process.pid, *descendants(process.pid)]:
                _kill(each)
            process.wait(PATIENCE_S)


def free_port() -> int:
    """A free port, below those that Linux hands out: another socket could get one of these before a server listens."""
    given_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = secrets.choice(range(given_from - 20_000, given_from))
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_until_ready(port: int, process: "Launched | subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until ``/readyz`` answers 200."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if get(port, "/readyz") == 200:
            return
        time.sleep(0.05)
    raise AssertionError(f"not ready: {log.read_text()}")


def get(port: int, path: str) -> int | None:
    """The status of a GET; null when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


def descendants(pid: int) -> list[int]:
    """Every process under this one, children first."""
    try:
        children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return children + [each for child in children for each in descendants(child)]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "still running"
        time.sleep(0.05)


def is_waited_for(lock: Path) -> bool:
    """Whether a process waits for the lock of this file."""
    inode = lock.stat().st_ino
    return any("->" in line and f":{inode} " in line for line in Path("/proc/locks").read_text().splitlines())


def wait_for(found: Callable[[], T]) -> T:
    """What the function returns, once that is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def processes_of_serve(pid: int, log: Path) -> tuple[int, list[int]]:
    """The worker and the web process of ``assent serve --workers 1``, once it has announced its address.

    The process that announced it has ended then.
    """
    wait_for(lambda: "Assent answers at" in log.read_text())
    worker, *web = wait_for(lambda: found if len(found := descendants(pid)) == 2 else [])
    return worker, web


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
