"""A real server goes on answering while clients send bodies byte by byte, say nothing, or hold the write lock."""

import fcntl
import http.client
import json
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from app.config import Settings
from app.db import Database
from app.web.services import LOCK_LIMIT_S
from tests import make, processes

pytestmark = [pytest.mark.own_database, pytest.mark.databases("sqlite")]
SLOW_BODIES, SILENT = 120, 300
SOON_S = LOCK_LIMIT_S / 2  # on a busy machine; far below what a page would have to wait for


@pytest.fixture
def form(database: Database) -> str:
    with database.unit_of_work() as session:
        return f"/f/form/{make.form(session).key}"


@pytest.fixture
def port(settings: Settings, form: str, tmp_path: Path) -> Iterator[int]:
    port, log = processes.free_port(), tmp_path / "web.log"
    env = processes.environment_of(settings)
    with processes.started("web", "--port", str(port), "--workers", "1", env=env, log=log) as process:
        processes.wait_until_ready(port, process, log)
        yield port


def test_slow_and_silent_clients_do_not_silence_the_server(port: int, form: str) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW_BODIES):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nshown=")
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(SILENT)]
        for path in ("/healthz", form, "/sign-in"):
            assert statistics.median(seconds_of(port, path) for _ in range(3)) < SOON_S, path
        silent[0].settimeout(processes.PATIENCE_S)
        started_s = time.monotonic()
        assert silent[0].recv(1) == b""
        assert time.monotonic() - started_s < processes.PATIENCE_S / 2


def test_a_held_write_lock_delays_nothing_but_changes(port: int, form: str, database: Database) -> None:
    lock = Path(f"{database.file}.lock")
    with lock.open("w") as file, ExitStack() as stack:
        fcntl.flock(file, fcntl.LOCK_EX)
        writers = [stack.enter_context(closing(post_message(port, number))) for number in range(8)]
        processes.wait_for(lambda: processes.is_waited_for(lock))
        for path in ("/healthz", form):
            assert statistics.median(seconds_of(port, path) for _ in range(3)) < SOON_S, path
        statuses = [each.getresponse() for each in writers]
        assert {(each.status, each.headers["Retry-After"]) for each in statuses} == {(503, "2")}


def test_a_body_of_unknown_length_over_the_limit_is_too_large(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=processes.PATIENCE_S)) as connection:
        with suppress(BrokenPipeError):  # the server answers and closes before it has read everything
            connection.request("POST", "/api/contacts", iter([b"x" * 60_000] * 17), encode_chunked=True)
        assert connection.getresponse().status == 413


def post_message(port: int, number: int) -> http.client.HTTPConnection:
    """A visitor's first message, sent; its answer is not read yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=processes.PATIENCE_S)
    headers = {"Authorization": f"Bearer t_{number:043d}", "Content-Type": "application/json"}
    connection.request(
        "POST", "/messenger/api/messages", json.dumps({"text": "hi", "client_key": "k", "new": True}), headers
    )
    return connection


def seconds_of(port: int, path: str) -> float:
    """How long a page takes that must be answered."""
    started_s = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=processes.PATIENCE_S)) as connection:
        connection.request("GET", path)
        assert connection.getresponse().status == 200
    return time.monotonic() - started_s
