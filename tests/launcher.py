"""Python programs as separate processes, forked from a process that has loaded Assent (``tests/preload.py``).

``run`` and ``start`` take what ``python -c`` takes. A new interpreter needs more than a second to load the program, a
fork some milliseconds. Each test process has one launcher, which is started with the first program and ends with the
test process; its programs end with it.
"""

import atexit
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from app import processes

_REQUEST_BYTES_MAX = 1 << 17
_FILES = 4


class _Program(NamedTuple):
    source: str
    arguments: Sequence[str]
    env: dict[str, str]
    folder: str


class Launched:
    """A running program; the methods are those of ``subprocess.Popen``."""

    def __init__(self, pid: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended

    def __del__(self) -> None:
        os.close(self._ended)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; that of a signal is negative.

        :raises subprocess.TimeoutExpired: it still runs
        """
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(int.from_bytes(os.read(self._ended, 4), "little"))
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    source: str, *arguments: str, env: Mapping[str, str], files: tuple[IO[bytes], IO[bytes], IO[bytes]]
) -> Launched:
    """Start a program in its own session.

    :param files: its standard input, output and error
    """
    program = _Program(source, arguments, dict(env), str(Path.cwd()))
    return _launcher().start(program, [each.fileno() for each in files])


def run(
    source: str, *arguments: str, env: Mapping[str, str], stdin: str = "", timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    :raises subprocess.TimeoutExpired: it took longer; it is killed
    """
    with _in_memory(stdin) as given, _in_memory() as out, _in_memory() as error:
        process = start(source, *arguments, env=env, files=(given, out, error))
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess([*arguments], status, _text(out), _text(error))


def _in_memory(content: str = "") -> IO[bytes]:
    file = os.fdopen(os.memfd_create("file"), "w+b")
    file.write(content.encode())
    file.seek(0)
    return file


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@lru_cache
def _launcher() -> "_Launcher":
    return _Launcher()


class _Launcher:
    """The launching process, and the socket on which it takes programs."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.launcher", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._lock = threading.Lock()
        atexit.register(self._end)

    def start(self, program: "_Program", files: Sequence[int]) -> Launched:
        ended, status = os.pipe()
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(program).encode()], [*files, status])
            pid = int(self._socket.recv(20))
        os.close(status)
        return Launched(pid, ended)

    def _end(self) -> None:
        with self._process:
            self._socket.close()


def _serve(requests: socket.socket) -> "_Program | None":
    """Fork a process for each request. Returns its program in each of them, and null at the end."""
    running: dict[int, tuple[int, int]] = {}  # by the descriptor of the process: its id, and where its end is written
    while True:
        for each in select.select([requests, *running], [], [])[0]:
            if each is not requests:
                pid, status = running.pop(each)
                os.write(status, os.waitpid(pid, 0)[1].to_bytes(4, "little"))
                os.close(status)
                os.close(each)
                continue
            request, files, _, _ = socket.recv_fds(requests, _REQUEST_BYTES_MAX, _FILES)
            if not request:
                return None
            launcher_pid, status = os.getpid(), files.pop()
            if pid := os.fork():
                requests.send(str(pid).encode())
                running[os.pidfd_open(pid)] = pid, status
                for file in files:
                    os.close(file)
            else:
                os.setsid()
                processes.end_with(launcher_pid)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                os.closerange(3, max([*files, *running]) + 1)
                return _Program(*json.loads(request))


def _main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        importlib.import_module("tests.preload")
        processes.share_memory_with_forks()
        if program := _serve(requests):
            requests.detach()  # it is closed already
    if program:
        os.chdir(program.folder)
        os.environ.clear()
        os.environ.update(program.env)
        sys.argv = ["-c", *program.arguments]
        exec(compile(program.source, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - of a test


if __name__ == "__main__":
    _main()
