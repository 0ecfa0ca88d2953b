"""Two processes as one: they start together, stop together, and neither goes on without the other."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from types import FrameType

import click

from app import http_client as http
from app import processes

# More than web and worker take to finish what they are at.
STOP_WITHIN_S = 40
_EVERY_S = 0.1
_PATIENCE = http.Limits(connect_s=1, total_s=1)
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run(commands: Sequence[list[str]], *, is_up: Callable[[], bool], announce: Callable[[], None]) -> int:
    """Run ``assent`` once for each list of arguments, until told to stop or until one of them ends.

    The exit status comes back: 0 after SIGTERM, SIGINT or SIGHUP, when all ended well; otherwise not 0.

    :param is_up: asked until it says yes; ``announce`` is called then
    """
    told = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    for each in _STOPS:
        signal.signal(each, stop)
    processes.share_memory_with_forks()
    children = [_start(command) for command in commands]
    try:
        has_announced = False
        while not told.wait(_EVERY_S) and all(child.is_alive() for child in children):
            if not has_announced and is_up():
                announce()
                has_announced = True
        ended = [child.name for child in children if not child.is_alive()]
    finally:
        _stop(children)
    # One that was stopped before it had got so far as to listen to the signal ended as well as any.
    worst = max(0 if child.exitcode == -signal.SIGTERM else abs(child.exitcode or 0) for child in children)
    if told.is_set():
        return worst
    click.echo(f"assent: {' and '.join(ended)} ended, so everything was stopped", err=True)
    return max(1, worst)


def answers(url: str) -> bool:
    """Whether the address answers with success."""
    try:
        return http.request("GET", url, limits=_PATIENCE, reach=http.Reach.ANYWHERE).status == 200
    except (http.Refused, http.Failed):
        return False


def _start(arguments: list[str]) -> BaseProcess:
    """A fork, which starts sooner than a new program: most of what it needs is loaded. No thread runs yet."""
    child = multiprocessing.get_context("fork").Process(target=_work, args=(arguments, os.getpid()), name=arguments[0])
    child.start()
    return child


def _work(arguments: list[str], parent_pid: int) -> None:
    from app.cli import run as run_command

    # In a session of its own, so that Ctrl+C reaches the supervisor alone, which then stops all in order.
    os.setsid()
    for each in _STOPS:
        signal.signal(each, signal.SIG_DFL)
    processes.end_with(parent_pid)
    sys.exit(run_command(arguments))


def _stop(children: Sequence[BaseProcess]) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        if child.is_alive():
            child.kill()
            child.join()
