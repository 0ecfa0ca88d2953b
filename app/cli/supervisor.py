"""Runs a command in a child process beside the web server. Both start and stop together."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import click

from app import http_client as http
from app import processes
from app.cli import running

# Longer than web and worker take to finish what they have begun.
STOP_WITHIN_S = 40
_POLL_EVERY_S = 0.1
_PROBE_LIMITS = http.Limits(connect_s=1, total_s=1)
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Child:
    """A command with its arguments, to run in a child process."""

    command: click.Command
    arguments: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.command.name or ""


class Companion:
    """A child process beside this one. When it ends by itself, this process is asked to stop, too."""

    def __init__(self, child: Child) -> None:
        self.name = child.name
        self.has_ended_early = False
        self._is_stopping = threading.Event()
        self._process = _fork(_run_command, child, name=child.name)
        threading.Thread(target=self._watch, name=f"watch {child.name}", daemon=True).start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once: a second one would interrupt the jobs that the child is finishing."""
        if not self._is_stopping.is_set():
            self._is_stopping.set()
            self._process.terminate()

    def stop(self) -> int:
        """Stop the process; kill it when that takes too long. Returns its exit status."""
        self.ask_to_stop()
        self._process.join(STOP_WITHIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        # A child that SIGTERM ended before it handled signals has ended well, too.
        status = self._process.exitcode or 0
        return 0 if status == -signal.SIGTERM else abs(status)

    def _watch(self) -> None:
        while self._process.is_alive():
            time.sleep(_POLL_EVERY_S)
        if not self._is_stopping.is_set():
            self.has_ended_early = True
            os.kill(os.getpid(), signal.SIGTERM)


def finish_first(name: str, work: Callable[[], None]) -> None:
    """Do this work in a child process and wait for it. What it loads and leaves in memory ends with that process.

    :param name: what a failure of the work is reported under
    :raises SystemExit: the work failed; what it did not say itself, such as that it was killed, is said here
    """
    process = _fork(_run_command, Child(click.Command(name, callback=work)), name=name)
    process.join()
    status = process.exitcode or 0
    if status < 0:
        click.echo(f"assent: {name} was ended by {signal.Signals(-status).name}", err=True)
    if status:
        sys.exit(abs(status))


@contextmanager
def beside(child: Child) -> Iterator[Companion]:
    """Run the child until the block ends.

    :raises SystemExit: with a status other than 0: one of the two ended without being asked to, or not well
    """
    processes.share_memory_with_forks()
    companion = Companion(child)
    status = 1
    try:
        yield companion
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
        click.echo(f"assent: web ended, so {child.name} was stopped", err=True)
    finally:
        status = max(status, companion.stop())
    if companion.has_ended_early:
        click.echo(f"assent: {child.name} ended, so everything was stopped", err=True)
        status = max(status, 1)
    sys.exit(status)


def announce(text: str, url: str) -> None:
    """Print the text as soon as a GET of this address is answered with 200. Returns immediately."""
    process = _fork(_announce, text, url, name="announce")
    threading.Thread(target=process.join, name="announced", daemon=True).start()


def _announce(text: str, url: str) -> None:
    while not _answers(url):
        time.sleep(_POLL_EVERY_S)
    click.echo(text)


def _answers(url: str) -> bool:
    try:
        return http.request("GET", url, limits=_PROBE_LIMITS, reach=http.Reach.ANYWHERE).status == 200
    except (http.Refused, http.Failed):
        return False


def _run_command(child: Child) -> None:
    sys.exit(running.run(child.command, [*child.arguments], name=f"assent {child.name}"))


def _fork(target: Callable[..., None], *arguments: object, name: str) -> BaseProcess:
    """Fork a process. This is faster than to start a new program, because most modules are loaded already."""
    process = _FORK.Process(target=_in_child, args=(os.getpid(), target, arguments), name=name, daemon=True)
    process.start()
    return process


def _in_child(parent_pid: int, target: Callable[..., None], arguments: tuple[object, ...]) -> None:
    # In another session, so that Ctrl+C reaches only the parent, which then stops its children in order.
    os.setsid()
    processes.end_with(parent_pid)
    target(*arguments)
