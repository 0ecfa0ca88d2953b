"""Runs several commands as child processes that start and stop together."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType

import click

from app import http_client as http
from app import processes
from app.cli import running

# Longer than web and worker take to finish what they have begun.
STOP_WITHIN_S = 40
_POLL_EVERY_S = 0.1
_PROBE_LIMITS = http.Limits(connect_s=1, total_s=1)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    """A command with its arguments, to run in a child process."""

    command: click.Command
    arguments: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.command.name or ""


def run(children: Sequence[Child], *, is_up: Callable[[], bool], announce: Callable[[], None]) -> int:
    """Run the children until a signal asks to stop or until one of them ends; then stop them all.

    Returns the exit status: 0 after SIGTERM, SIGINT or SIGHUP when every child ended well, otherwise not 0.

    :param is_up: called repeatedly until it returns true; ``announce`` is called then
    """
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for each in _STOP_SIGNALS:
        signal.signal(each, stop)
    processes.share_memory_with_forks()
    started = [_start(child) for child in children]
    try:
        has_announced = False
        while not stopping.wait(_POLL_EVERY_S) and all(process.is_alive() for process in started):
            if not has_announced and is_up():
                announce()
                has_announced = True
        ended = [process.name for process in started if not process.is_alive()]
    finally:
        _stop(started)
    # A child that SIGTERM ended before it handled signals has ended well, too.
    worst = max(0 if process.exitcode == -signal.SIGTERM else abs(process.exitcode or 0) for process in started)
    if stopping.is_set():
        return worst
    click.echo(f"assent: {' and '.join(ended)} ended, so everything was stopped", err=True)
    return max(1, worst)


def answers(url: str) -> bool:
    """Whether a GET of this address is answered with 200."""
    try:
        return http.request("GET", url, limits=_PROBE_LIMITS, reach=http.Reach.ANYWHERE).status == 200
    except (http.Refused, http.Failed):
        return False


def _start(child: Child) -> BaseProcess:
    """Fork a process. This is faster than to start a new program, because most modules are loaded already."""
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=_run_in_child, args=(child, os.getpid()), name=child.name)
    process.start()
    return process


def _run_in_child(child: Child, parent_pid: int) -> None:
    # In another session, so that Ctrl+C reaches only the supervisor, which then stops the children in order.
    os.setsid()
    for each in _STOP_SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    processes.end_with(parent_pid)
    sys.exit(running.run(child.command, [*child.arguments], name=f"assent {child.name}"))


def _stop(started: Sequence[BaseProcess]) -> None:
    for process in started:
        process.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for process in started:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
